"""The keys of one leg of the portable engine, those of RTP and RTCP or those of SRTCP alone."""

from agw.engine.srtp import Receiver, Sender
from iq.suites import Crypto


class Keys:
    """sender, receiver: of the present leg, None where it has no key for that direction.

    A key that comes back, after a change of transport or one that was taken back, goes on with its session: a
    second one would start over with its rollover counter and encrypt twice under one index.
    """

    __slots__ = (
        "_former_sender", "_kept_receiver", "_kept_sender", "_ssrcs", "_window", "receiver",
        "sender",
    )  # fmt: skip

    def __init__(self, window: int, ssrcs: int) -> None:
        """window: packets; ssrcs: per key and direction."""
        self._window = window
        self._ssrcs = ssrcs
        self.sender: Sender | None = None
        self.receiver: Receiver | None = None
        self._kept_sender: Sender | None = None
        self._former_sender: Sender | None = None
        self._kept_receiver: Receiver | None = None

    def apply(self, send: Crypto | None, receive: Crypto | None, now: float) -> None:
        """Take over the keys of a leg; now: loop time. Raises EngineError."""
        self.sender = self.receiver = None
        if send is not None:
            kept, former = self._kept_sender, self._former_sender
            if kept is None or not kept.crypto.same_key(send):
                back = former is not None and former.crypto.same_key(send)
                self._kept_sender = former if back else Sender(send, self._window, self._ssrcs)
                self._former_sender = kept
            self.sender = self._kept_sender
        if receive is not None:
            old = self._kept_receiver
            if old is None or not old.crypto.same_key(receive):
                before = old.old if old is not None else None
                if before is None or not before.crypto.same_key(receive):
                    before = Receiver(receive, self._window, self._ssrcs)
                if old is not None:
                    before.succeed(old, now)
                self._kept_receiver = before
            self.receiver = self._kept_receiver
