"""Offer and answer of one audio stream, as a UE sees them (RFC 3264, RFC 4568, TS 24.229 7.5).

It makes the UE's descriptions and judges the other side's: what breaks a rule is a problem with its reason.
"""

from dataclasses import dataclass, field

from lab import sdp
from lab.descriptions import Descriptions, Protection
from lab.errors import BadDescription
from lab.sockets import Address
from lab.srtp import SdesKey


@dataclass(slots=True)
class Agreed:
    """What offer and answer have come to. The keys print without their octets."""

    remote: Address
    remote_rtcp: Address
    send: SdesKey | None
    receive: SdesKey | None
    direction: str


@dataclass(slots=True)
class Negotiation(Descriptions):
    """The descriptions of one stream in one dialog. ``local``: where this end takes RTP."""

    agreed: Agreed | None = None
    _own: list[SdesKey] = field(default_factory=list, repr=False)

    def offer(self, direction: str = "sendrecv") -> bytes:
        """Return an offer: every suite at first, then the agreed one with the key that stays."""
        secure = self.terms.protection is not Protection.NONE
        if secure and not self._own:
            self._own = [SdesKey.generate(suite, tag) for tag, suite in enumerate(self.terms.suites, 1)]
        line = self._line(direction, self._own if secure else [])
        if self.terms.protection is Protection.E2AE:
            line.indicators = ("requested",)
        return self.write([line])

    def rekey(self) -> None:
        """Make a new key of the agreed suite, for the next offer."""
        self._own = [SdesKey.generate(key.suite, key.tag) for key in self._own[:1]]

    def take_answer(self, body: bytes) -> Agreed:
        """Judge the answer to the last offer. Raises BadDescription where no media can flow."""
        found = sdp.parse(body)
        line = found.first("audio")
        if line is None:
            raise BadDescription("the answer refuses the stream")
        if len(found.media) != 1:
            self.object_to(f"the answer has {len(found.media)} m-lines, the offer one")
        secure = self.terms.protection is not Protection.NONE
        if line.proto != (sdp.SECURE if secure else sdp.PLAIN):
            raise BadDescription(f"the answer says {line.proto}")
        if not secure:
            self.judge_plain(found, line)
            return self._agree(line, None, None)
        self.judge_answered(line)
        theirs = self._only_crypto(line)
        own = next((key for key in self._own if key.tag == theirs.tag), None)
        if own is None or own.suite != theirs.suite:
            raise BadDescription(f"crypto tag {theirs.tag} with {theirs.suite} was not offered")
        if any(key.octets[: len(theirs.octets)] == theirs.octets for key in self._own):
            self.object_to("the answer repeats the offer's key (RFC 4568 6.1)")
        self._own = [own]
        return self._agree(line, own, theirs)

    def answer(self, body: bytes) -> bytes:
        """Judge an offer and return the answer; ``agreed`` tells the rest. Raises BadDescription: 488."""
        found = sdp.parse(body)
        line = found.first("audio")
        if line is None:
            raise BadDescription("the offer has no audio stream")
        protection = self.terms.protection
        if protection is Protection.NONE:
            if line.proto != sdp.PLAIN:
                raise BadDescription(f"the offer says {line.proto}, this end is plain")
            self.judge_plain(found, line)
            self._agree(line, None, None)
            return self._answer(found, line, [])
        if line.proto != sdp.SECURE:
            raise BadDescription(f"the offer says {line.proto}, this end is protected")
        self.judge_offered(line)
        theirs = self._choose(line)
        kept = next((key for key in self._own if key.suite == theirs.suite), None)
        own = kept.retagged(theirs.tag) if kept else SdesKey.generate(theirs.suite, theirs.tag)
        self._own = [own]
        self._agree(line, own, theirs, offered=True)
        return self._answer(found, line, [own])

    def _answer(self, offer: sdp.Description, chosen: sdp.MediaLine, keys: list[SdesKey]) -> bytes:
        own = self._line(sdp.MIRROR[chosen.direction], keys)
        own.formats = tuple(f for f in chosen.formats if f in own.formats) or chosen.formats[:1]
        return self.write([own if line is chosen else sdp.rejected(line) for line in offer.media])

    def _line(self, direction: str, keys: list[SdesKey]) -> sdp.MediaLine:
        crypto = tuple(key.crypto() for key in keys)
        proto = sdp.SECURE if keys else sdp.PLAIN
        return sdp.MediaLine(proto=proto, port=self.local[1], direction=direction, crypto=crypto)

    def _agree(
        self, line: sdp.MediaLine, send: SdesKey | None, receive: SdesKey | None, *, offered: bool = False
    ) -> Agreed:
        before = self.agreed
        # Between two UEs an offer may bring a new key; an access edge has to keep its own.
        kept = before is not None and before.send == send and receive is not None
        free = offered and self.terms.protection is not Protection.E2AE
        if before is not None and kept and not free and before.receive not in (None, receive):
            self.object_to("the far end changed its key though ours stayed (TS 23.334 5.11.2.1)")
        self.agreed = Agreed(line.rtp, line.rtcp, send, receive, sdp.MIRROR[line.direction])
        return self.agreed

    def _choose(self, line: sdp.MediaLine) -> SdesKey:
        """Return the first offered key of a suite that this UE does."""
        refused = "the offer has no a=crypto"
        for value in line.crypto:
            try:
                key = SdesKey.parse(value)
            except BadDescription as error:
                refused = str(error)
                continue
            if key.suite in self.terms.suites:
                return key
            refused = f"{key.suite} is not wanted here"
        raise BadDescription(refused)

    def _only_crypto(self, line: sdp.MediaLine) -> SdesKey:
        if len(line.crypto) != 1:
            raise BadDescription(f"the answer has {len(line.crypto)} a=crypto lines, not one")
        return SdesKey.parse(line.crypto[0])
