"""Audio keyed by DTLS as a kind of media: RTP, its RTCP and the handshake on one port.

RFC 5763, RFC 5764, RFC 5761; the profiles of TS 33.328 Annex O.
"""

import asyncio

from lab import sdp
from lab.certified import Certified, Form
from lab.descriptions import Terms
from lab.dtls import State
from lab.errors import BadDescription
from lab.kind import Kind, Media
from lab.media import MediaEnd, Statistics
from lab.secured import Secured
from lab.sockets import Address

#: Seconds between two packets of speech, and between two reports that ask whether somebody hears.
INTERVAL = 0.02
#: Seconds until speech goes to a far end that says nothing.
QUIET = 2.0

#: Without and with feedback (RFC 5124).
_FORMS = tuple(Form("audio", f"RTP/AVP{f}", f"UDP/TLS/RTP/SAVP{f}", ("8", "101")) for f in ("", "F"))


class DtlsAudio(Media):
    """``end`` has the sockets and SRTP, ``descriptions`` what was agreed upon."""

    def __init__(self, terms: Terms, address: str, user: str, echo: bool) -> None:
        self.end = MediaEnd(address, echo=echo)
        self.descriptions = Certified(terms, self.end.local, user, form=_FORMS[terms.feedback])
        self.problems = self.descriptions.problems
        self.keys = set()
        self._secured = Secured(
            self.descriptions, self.keys, self._emit, self._on_payload, terms.suites, self._on_keys
        )
        self._asks = False
        if self._secured.protected:
            self.end.records = self._on_record

    @property
    def connected(self) -> bool:
        return self.descriptions.peering is not None

    def offer(self, direction: str = "sendrecv") -> bytes:
        self._asks = self._asks or not self.connected
        return self.descriptions.offer(self._attributes(), direction)

    def take_answer(self, body: bytes) -> None:
        self.descriptions.take_answer(body)
        self._connect()

    def answer(self, body: bytes) -> bytes:
        line = sdp.parse(body).first("audio")
        self.descriptions.form = _FORMS[line is not None and line.proto.upper().endswith("F")]
        self.descriptions.take_offer(body)
        self._connect()
        return self.descriptions.answer(self._attributes())

    async def send(self, units: int, *, interval: float | None = None) -> None:
        """Speak once both legs are up; who offered first asks for that, the other end answers."""
        if problem := await self._secured.up():
            self.problems.append(problem)
            return
        try:
            await asyncio.wait_for(self._ask() if self._asks else self.end.heard.wait(), QUIET)
        except TimeoutError:
            pass  # a far end need not send RTCP
        else:
            self.end.report()
        await self.end.send(units, interval=INTERVAL if interval is None else interval)

    async def arrived(self, units: int, *, timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        return await self.end.arrived(units, timeout=timeout)

    def statistics(self) -> Statistics:
        return self.end.statistics()

    def close(self) -> None:
        self._secured.close()
        self.end.close()

    async def _ask(self) -> None:
        while not self.end.heard.is_set():
            self.end.report()
            await asyncio.sleep(INTERVAL)

    def _attributes(self) -> tuple[str, ...]:
        return self._secured.attributes(("rtcp-mux",) if self._secured.protected else ())

    def _connect(self) -> None:
        peering = self.descriptions.peering
        assert peering is not None
        if not self._secured.protected:
            self.end.connect(peering.remote, remote_rtcp=peering.line.rtcp)
        elif peering.line.value("rtcp-mux") is None:
            raise BadDescription("no a=rtcp-mux, which this end needs")
        elif not self._secured.connect():
            self._on_keys()  # the keys stay, the address need not

    def _on_keys(self) -> None:
        end, peering = self._secured.end, self.descriptions.peering
        assert peering is not None
        if end is None or end.state is not State.UP:
            return
        if (keys := end.keys()) is None:
            self.descriptions.object_to("the association has no SRTP profile")
            return
        self.keys |= {key.inline for key in keys}
        self.end.connect(peering.remote, *keys, peering.remote)

    def _emit(self, datagram: bytes) -> None:
        peering = self.descriptions.peering
        if peering is not None:
            self.end.emit(datagram, peering.remote)

    def _on_record(self, datagram: bytes, source: Address) -> None:
        peering = self.descriptions.peering
        if peering is None or source == peering.remote:
            self._secured.receive(datagram)

    def _on_payload(self, _: bytes) -> None:
        self.descriptions.object_to("a record of DTLS carries media (RFC 5764 3)")


# One call with each mandatory profile, and with each role of DTLS.
_CALLS = (
    Terms(suites=("AES_CM_128_HMAC_SHA1_80",)),
    Terms(suites=("AEAD_AES_128_GCM",), setup="passive"),
)
DTLS_SRTP = Kind(
    "dtls-srtp", "dtls-srtp", "packets", 50, DtlsAudio, early=frozenset({"no_key"}), calls=_CALLS
)
