"""(D)TLS between a UE and the gateway: what the UE says of it, who begins, and whether it goes on.

TS 23.334 5.11 and 6.2.10; RFC 4145, RFC 6135 (TCP), RFC 5763, RFC 7345, RFC 8842 (DTLS).
"""

from collections.abc import Callable
from dataclasses import dataclass

from iq.fingerprint import Fingerprint
from iq.procedures import Setup
from pcscf.errors import SdpRejected
from pcscf.sdp.fingerprint import UnusableFingerprint, fingerprints_of, tls_id_of
from pcscf.sdp.model import Media, Section
from pcscf.sdp.setup import ACTIVE, ACTPASS, HOLD, PASSIVE, setup_of

#: Octets of randomness in a tls-id of ours: 24 of its characters (RFC 8842 4: 20 at least).
TLS_ID_OCTETS = 12

#: What the gateway is towards an end that says this.
TOWARDS = {ACTIVE: Setup.PASSIVE, PASSIVE: Setup.ACTIVE}


@dataclass(slots=True)
class Peer:
    """What a UE says of its (D)TLS session. setup: as written, in lower case."""

    fingerprints: tuple[Fingerprint, ...]
    setup: str | None
    tls_id: str | None

    def setup_problem(self, *, tcp: bool) -> str | None:
        """Return what is wrong with its a=setup in an offer: DTLS is never held (RFC 5763 5)."""
        known = self.setup in {None, ACTIVE, PASSIVE, ACTPASS} or (tcp and self.setup == HOLD)
        return None if known else "unusable a=setup"


@dataclass(slots=True)
class Association:
    """A (D)TLS session at the gateway. fingerprints: of the UE's certificate; tls_id: the UE's.

    client: the gateway is TLS client.
    """

    fingerprints: tuple[Fingerprint, ...]
    tls_id: str | None = None
    client: bool = False


def peer_of(media: Media, session: Section, *, sha1: bool) -> Peer:
    """Read what an m-line says of its (D)TLS session. Raises UnusableFingerprint."""
    fingerprints = fingerprints_of(media, session, sha1=sha1)
    return Peer(fingerprints, setup_of(media, session), tls_id_of(media, session))


def answering(media: Media, session: Section, *, sha1: bool) -> Peer:
    """Read the same of an answer. Raises SdpRejected."""
    try:
        return peer_of(media, session, sha1=sha1)
    except UnusableFingerprint as error:
        raise SdpRejected(f"unusable fingerprint in the answer: {error.reason}") from None


def goes_on(running: Association | None, role: Setup | None, peer: Peer, *, tcp: bool, moved: bool) -> bool:
    """Return whether a re-offer of the UE is about the running session, and not a new one.

    role: the gateway's. moved: the UE's address is another one, which without a tls-id makes a new DTLS
    association (RFC 5763 6.6). Over TCP a=connection tells of the connection.
    """
    if running is None:
        return True
    if set(peer.fingerprints) != set(running.fingerprints) or peer.tls_id != running.tls_id:
        return False
    if tcp:
        return True
    same_role = role is None or peer.setup in {None, ACTPASS} or TOWARDS.get(peer.setup or "") is role
    return same_role and (peer.tls_id is not None or not moved)


def offered_setup(written: str | None, role: Setup | None, *, tcp: bool) -> str:
    """Return the a=setup of our offer to the UE. written: by the core, of TCP; role: the gateway's by now.

    It leaves the UE the choice, which behind a NAT has to begin, but where the core waits, as the UE's
    beginning is what leads there.
    """
    if tcp:
        return written if written in {PASSIVE, HOLD} else ACTPASS
    return role.value if role is not None else ACTPASS


def role_towards_offerer(offered: str | None, running: Setup | None) -> Setup | None:
    """Return what the gateway is towards a UE that offers ``offered``: it waits where it may (NAT)."""
    if offered == HOLD:
        return None
    if offered == ACTPASS and running is not None:
        return running
    return Setup.ACTIVE if offered == PASSIVE else Setup.PASSIVE


def role_towards_answerer(offered: str, answered: str | None, *, tcp: bool) -> Setup | None:
    """Return what the gateway is towards a UE that answers ``answered``; it was offered ``offered``.

    A UE that says nothing waits for TCP (RFC 6135 4.2: it may not know a=setup), and begins DTLS.
    None: one of them holds the connection. Raises SdpRejected for an answer that leaves it open, or by which
    both ends would begin, or both wait.
    """
    answer = answered or (PASSIVE if offered == ACTIVE or (tcp and offered == ACTPASS) else ACTIVE)
    if HOLD in {offered, answer}:
        return None
    if answer not in TOWARDS:
        raise SdpRejected("answer that leaves open who connects")
    if answer == offered:
        raise SdpRejected("answer by which both ends connect, or both wait")
    return TOWARDS[answer]


def answered_setup(offered: str | None, role: Setup | None) -> str:
    """Return the a=setup of an answer to ``offered``, where the gateway is ``role`` towards who offered."""
    if offered == HOLD or role is None:
        return HOLD
    if offered == PASSIVE:
        return ACTIVE
    return role.value if offered == ACTPASS else PASSIVE


def fresh_tls_id(random: Callable[[int], bytes]) -> str:
    return random(TLS_ID_OCTETS).hex()
