"""What every negotiation of a UE has in common: o=, what it objects to, 3ge2ae (TS 24.229 7.5)."""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from lab import sdp
from lab.sockets import Address
from lab.srtp import DEFAULT_SUITE


class Protection(StrEnum):
    """What the UE asks for. E2AE: up to the edge (3ge2ae:requested); E2E: up to the far end; NONE: plain."""

    E2AE = "e2ae"
    E2E = "e2e"
    NONE = "none"


@dataclass(slots=True)
class Terms:
    """What a UE wants of its media. suites: of SRTP, in order of preference.

    expect_applied: an answer to 3ge2ae:requested has to say 3ge2ae:applied. setup: of connections and
    associations, what offers say and answers choose where they may (RFC 4145 4.1). loss: percent of the
    datagrams of a fax that are not sent, as if the network had lost them. cema: MSRP knows sessions by their
    id alone, and their place by c= and m= (RFC 6714); else both by whole URIs. feedback: offers of speech
    keyed by DTLS say SAVPF (RFC 5124).
    """

    protection: Protection = Protection.E2AE
    suites: tuple[str, ...] = (DEFAULT_SUITE,)
    expect_applied: bool = True
    setup: str = "actpass"
    loss: int = 0
    cema: bool = True
    feedback: bool = False


@dataclass(slots=True)
class Descriptions:
    """The descriptions of one medium in one dialog. ``local``: where this end takes it."""

    terms: Terms
    local: Address
    user: str = "-"
    problems: list[str] = field(default_factory=list)
    _session: str = field(default_factory=lambda: str(secrets.randbits(31)))
    _version: int = 0

    def write(self, media: list[sdp.MediaLine]) -> bytes:
        """Return the next body of this end."""
        self._version += 1
        description = sdp.Description(media, (self._session, str(self._version)))
        return sdp.build(description, self.local[0], self.user)

    def object_to(self, text: str) -> None:
        """Note a rule that the other side broke, once."""
        if text not in self.problems:
            self.problems.append(text)

    def expect_indicator(self, line: sdp.MediaLine, wanted: str) -> None:
        if line.indicators != (wanted,):
            seen = ", ".join(line.indicators) or "none"
            self.object_to(f"3ge2ae:{wanted} expected, seen: {seen}")

    def judge_offered(self, line: sdp.MediaLine) -> None:
        """Object to the indicator of a protected offer."""
        if self.terms.protection is Protection.E2AE:
            self.expect_indicator(line, "applied")
        elif line.indicators:
            self.object_to("an end-to-end offer carries 3ge2ae")

    def judge_answered(self, line: sdp.MediaLine) -> None:
        """Object to the indicator of a protected answer."""
        if self.terms.protection is Protection.E2AE and self.terms.expect_applied:
            self.expect_indicator(line, "applied")
        if self.terms.protection is Protection.E2E and line.indicators:
            self.object_to("an end-to-end answer carries 3ge2ae")

    def judge_plain(self, found: sdp.Description, line: sdp.MediaLine) -> None:
        if line.crypto or found.session_crypto:
            self.object_to("a plain stream with a=crypto")
        if line.values("fingerprint"):
            self.object_to("a plain stream with a=fingerprint")
        if line.indicators:
            self.object_to("a plain stream with 3ge2ae")
