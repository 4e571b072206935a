"""A decision on one m-line, with its reason, and what the decisions of both directions have in common."""

from dataclasses import dataclass
from enum import StrEnum

from pcscf.alg.association import Peer
from pcscf.alg.policy import MediaPolicy
from pcscf.sdp.capability import Potential
from pcscf.sdp.crypto import CryptoLine


class Handling(StrEnum):
    """E2AE: protected UE to gateway, plain beyond. E2E: passed as it is. OFF: port 0, as its sender wants."""

    E2AE = "e2ae"
    E2E = "e2e"
    PLAIN = "plain"
    REFUSED = "refused"
    OFF = "off"


@dataclass(slots=True)
class Decision:
    """What is done with one m-line, for the log and the call's record.

    reason: one line of our own words, without anything of the peer's. row: of the decision table in
    docs/media-security.md. crypto: the chosen line of a UE's offer. peer: what it says of its (D)TLS session.
    potential: the RFC 5939 configuration that is taken.
    """

    action: Handling
    reason: str
    clause: str
    row: str
    mechanism: str | None = None
    crypto: CryptoLine | None = None
    peer: Peer | None = None
    potential: Potential | None = None


SDES = "sdes-srtp"
DTLS = "dtls-srtp"


def refused(reason: str, clause: str, row: str) -> Decision:
    return Decision(Handling.REFUSED, reason, clause, row)


def beyond_gateway(mechanism: str, clause: str, row: str) -> Decision:
    """Refuse what was announced and the chosen gateway cannot do: never plain instead."""
    return refused(f"the gateway cannot do {mechanism}", clause, row)


def plain(reason: str, clause: str, row: str) -> Decision:
    return Decision(Handling.PLAIN, reason, clause, row)


def end_to_end(policy: MediaPolicy, reason: str, clause: str, row: str) -> Decision:
    """Return E2E where the policy has it, else REFUSED: never plain."""
    if policy.end_to_end:
        return Decision(Handling.E2E, reason, clause, row)
    return refused("end-to-end security is not allowed by policy", clause, row)
