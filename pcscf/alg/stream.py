"""One running m-line: what both terminations of the gateway were told, and what differs from it."""

from dataclasses import dataclass
from typing import NamedTuple

from iq.fingerprint import PREFERRED_HASH, Fingerprint
from iq.procedures import Endpoint, Mode, Setup, Stream
from iq.suites import Crypto
from pcscf.alg.association import Association, Peer, goes_on
from pcscf.alg.decision import SDES
from pcscf.alg.media_security import Decision, Handling
from pcscf.alg.profiles import MEDIA_TYPES, SAVP, is_tcp, profile_of, protected_by, transport_of
from pcscf.flow import Side
from pcscf.sdp.address import rtcp_port
from pcscf.sdp.capability import offered
from pcscf.sdp.model import Media

#: (access side may send to the core, core may send to the access side) -> modes of the access and the core
#: termination. A termination's mode is seen from the gateway: RECEIVE_ONLY takes from its peer.
MODES = {
    (True, True): (Mode.SEND_RECEIVE, Mode.SEND_RECEIVE),
    (True, False): (Mode.RECEIVE_ONLY, Mode.SEND_ONLY),
    (False, True): (Mode.SEND_ONLY, Mode.RECEIVE_ONLY),
    (False, False): (Mode.INACTIVE, Mode.INACTIVE),
}
_PROTECTED = frozenset({Handling.E2AE, Handling.E2E})
_SENDS = frozenset({"sendrecv", "sendonly"})
_RECEIVES = frozenset({"sendrecv", "recvonly"})


@dataclass(slots=True)
class Terminus:
    """One side of a stream. proto: of the m= line; transport: for the gateway; local: its address there."""

    proto: str
    transport: str
    termination: str = ""
    local: Endpoint | None = None


class Path(NamedTuple):
    """One end of MSRP: the first URI of its own path, and the one by which it knows the gateway."""

    own: str
    known: str


@dataclass(slots=True)
class State:
    """What the gateway is to do with a stream (or does). None in ``remote``: not known.

    association: (D)TLS with the UE, None where there is none or the UE has said nothing of it yet.
    access_setup: of TCP and DTLS, core_setup: of TCP. renewed: another connection is wanted, also where one
    stands. access_path, core_path: both where the gateway is aware of MSRP, else none.
    """

    access_remote: Endpoint | None
    core_remote: Endpoint | None
    access_mode: Mode
    core_mode: Mode
    local_crypto: Crypto | None = None
    remote_crypto: Crypto | None = None
    rtcp_mux: bool = False
    closed: bool = False
    association: Association | None = None
    access_setup: Setup | None = None
    core_setup: Setup | None = None
    renewed: bool = False
    access_path: Path | None = None
    core_path: Path | None = None


@dataclass(slots=True)
class MediaStream:
    """An m-line with resources at the gateway. spelling: the UE's name of its suite.

    peer: what the UE's offer said of its (D)TLS session. certificate: the gateway's, of this stream; tls_id:
    ours, None where none is said.
    """

    id: int
    media: str
    decision: Decision
    access: Terminus
    core: Terminus
    state: State
    spelling: str | None = None
    peer: Peer | None = None
    certificate: Fingerprint | None = None
    tls_id: str | None = None

    @property
    def tls(self) -> bool:
        """Whether TLS or DTLS ends at the gateway."""
        return self.decision.action is Handling.E2AE and self.decision.mechanism != SDES

    @property
    def tcp(self) -> bool:
        return is_tcp(self.access.proto)

    @property
    def aware(self) -> bool:
        """Whether the gateway is aware of MSRP whatever is answered: told by the transport of Reserve."""
        return self.access.transport.endswith("/MSRP")

    def on(self, side: Side) -> Terminus:
        return self.access if side is Side.ACCESS else self.core

    def fits(self, other: "MediaStream") -> bool:
        """Return whether ``other``, made from a re-offer, can go on as this stream.

        Another media type, handling or profile is a new stream; so is another suite, as no key may be used
        with two (RFC 4568 6.1), and another (D)TLS session (RFC 8842 5).
        """
        chosen, ours = other.decision.crypto, self.state.local_crypto
        return (
            self.media == other.media
            and self.decision.action is other.decision.action
            and self.access.transport == other.access.transport
            and self.core.transport == other.core.transport
            and (not self.tcp or self.access.proto.upper() == other.access.proto.upper())
            and (chosen is None or ours is None or chosen.crypto.suite == ours.suite)
            and (other.peer is None or self._goes_on(other.peer, other.state.access_remote))
        )

    def _goes_on(self, peer: Peer, remote: Endpoint | None) -> bool:
        now = self.state
        there = now.access_remote
        moved = remote is not None and there is not None and _place(remote) != _place(there)
        return goes_on(now.association, now.access_setup, peer, tcp=self.tcp, moved=moved)

    def reaches(self, side: Side, media: Media) -> bool:
        """Return whether the gateway's address for a side is of the same IP version as the peer's."""
        local, peer = self.on(side).local, media.address
        return local is None or peer.hold or (":" in local.address) == (":" in peer.host)

    def protects(self, media: Media) -> bool:
        """Return whether this stream is protected and ``media`` is of its type."""
        return self.decision.action in _PROTECTED and self.media == kind_of(media)

    def reserved(self, side: Side) -> Stream:
        """Return the stream as Reserve asks for it (TS 23.334 8.1, 8.2)."""
        state = self.state
        if side is Side.CORE:
            return Stream(
                self.id, self.media, self.core.transport, mode=state.core_mode, remote=state.core_remote
            )
        return Stream(
            self.id,
            self.media,
            self.access.transport,
            mode=state.access_mode,
            remote=state.access_remote,
            local_crypto=state.local_crypto,
            remote_crypto=state.remote_crypto,
            rtcp_mux=state.rtcp_mux,
            choose_fingerprint=PREFERRED_HASH if self.tls else None,
            remote_fingerprints=state.association.fingerprints if state.association is not None else (),
            tls_id=state.association.tls_id if state.association is not None else None,
        )

    def changed(self, side: Side, wanted: State) -> Stream | None:
        """Return the stream as Configure asks for it, or None where nothing on that side differs.

        The Remote descriptor is replaced as a whole, so address and key go together; the same key goes on.
        """
        now = self.state
        end, transport = self.on(side), self._transport(side, wanted)
        if wanted.closed:
            if now.closed:
                return None
            address = end.local.address if end.local is not None else "0.0.0.0"
            return Stream(self.id, self.media, transport, remote=Endpoint(address, 0))
        renamed = transport != self._transport(side, now)
        if side is Side.CORE:
            remote = wanted.core_remote if renamed else _differing(now.core_remote, wanted.core_remote)
            mode = wanted.core_mode if wanted.core_mode is not now.core_mode else None
            setup = _started(now.core_setup, wanted.core_setup, wanted)
            path = _differing_path(now.core_path, wanted.core_path)
            if remote is None and mode is None and setup is None and path is None:
                return None
            return Stream(
                self.id,
                self.media,
                transport,
                mode=mode,
                remote=remote,
                setup=setup,
                establish=setup is not None and wanted.renewed,
                local_path=path.known if path is not None else None,
                remote_path=path.own if path is not None else None,
            )
        remote = _differing(now.access_remote, wanted.access_remote)
        mode = wanted.access_mode if wanted.access_mode is not now.access_mode else None
        rekeyed = not _same_key(now.remote_crypto, wanted.remote_crypto)
        local_key = None if _same_key(now.local_crypto, wanted.local_crypto) else wanted.local_crypto
        mux = wanted.rtcp_mux is not now.rtcp_mux
        setup = _started(now.access_setup, wanted.access_setup, wanted)
        said = _said_anew(now.association, wanted.association)
        if said is not None:  # whoever names another certificate begins anew
            setup = wanted.access_setup
        path = _differing_path(now.access_path, wanted.access_path)
        same = remote is None and mode is None and local_key is None and setup is None
        if same and path is None and not rekeyed and not mux and said is None and not renamed:
            return None
        if rekeyed or mux or said is not None or renamed:
            remote = wanted.access_remote
        return Stream(
            self.id,
            self.media,
            transport,
            mode=mode,
            local=end.local if local_key is not None else None,
            remote=remote,
            local_crypto=local_key,
            remote_crypto=wanted.remote_crypto if remote is not None else None,
            rtcp_mux=wanted.rtcp_mux,
            setup=setup,
            establish=setup is not None and wanted.renewed,
            remote_fingerprints=said.fingerprints if said is not None else (),
            tls_id=said.tls_id if said is not None else None,
            start_tls=setup is not None and wanted.association is not None and wanted.association.client,
            local_path=path.known if path is not None else None,
            remote_path=path.own if path is not None else None,
        )

    def _transport(self, side: Side, state: State) -> str:
        """Return what the gateway is told of the protocol: MSRP where it is aware of it."""
        end = self.on(side)
        return end.transport if state.core_path is None else transport_of(end.proto, aware=True)


def new_stream(
    stream_id: int, media: Media, decision: Decision, offerer: Side, *, aware: bool = False
) -> MediaStream:
    """Make the stream of an offered m-line, as yet without addresses and keys. aware: of MSRP."""
    profile = profile_of(media.proto)
    transport = profile.transport if profile is not None else "UDP"
    counterpart = profile.counterpart if profile is not None else None
    access, core = Terminus(media.proto, transport), Terminus(media.proto, transport)
    peer = None
    if decision.action is Handling.E2AE and decision.mechanism != SDES and profile is not None:
        over, plain = media.proto, counterpart or media.proto
        if not profile.secure:
            over, plain = protected_by(decision.mechanism, media.proto), media.proto
        access = Terminus(over, transport_of(over, aware=aware))
        core = Terminus(plain, transport_of(plain, aware=aware))
        peer = decision.peer if offerer is Side.ACCESS else None
    elif decision.action is Handling.E2AE and counterpart is not None and profile is not None:
        if profile.secure:
            core = Terminus(counterpart, counterpart)
        elif decision.potential is not None:
            access = Terminus(decision.potential.proto, decision.potential.proto.upper())
        elif offerer is Side.ACCESS:  # best effort: the m= line stays RTP/AVP
            access = Terminus(media.proto, counterpart)
        else:
            access = Terminus(counterpart, counterpart)
    elif decision.action is Handling.E2E and profile is not None and not profile.secure and counterpart:
        # What the ends agree on may be SRTP, by DTLS where it is negotiated: relayed bit for bit.
        access.transport = core.transport = f"UDP/TLS/{counterpart}" if offered(media) else counterpart
    elif decision.action is Handling.E2E and transport in SAVP and "fingerprint" in media:
        # DTLS under the older name of the profile: its datagrams have to pass, too.
        access.transport = core.transport = f"UDP/TLS/{transport}"
    elif aware:
        access.transport = core.transport = transport_of(media.proto, aware=True)
    remote = remote_of(media, rtcp_mux=True) if peer is not None else None
    state = State(remote, None, Mode.INACTIVE, Mode.INACTIVE)
    return MediaStream(stream_id, kind_of(media), decision, access, core, state, peer=peer)


def kind_of(media: Media) -> str:
    """Return the media type that the gateway is told."""
    return media.media if media.media in MEDIA_TYPES else "application"


def flows(media: Media, default: str) -> tuple[bool, bool]:
    """Return (whether the writer of this m-line sends, whether it receives)."""
    if media.address.hold:
        return False, False
    direction = media.direction(default)
    return direction in _SENDS, direction in _RECEIVES


def remote_of(media: Media, rtcp_mux: bool) -> Endpoint | None:
    """Return where media for the writer of this m-line goes, None where it holds by c=0.0.0.0."""
    address = media.address
    if address.hold or not address.host:
        return None
    return Endpoint(
        address.host, media.port, None if rtcp_mux else rtcp_port(media.first("rtcp"), media.port)
    )


def _place(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.address, endpoint.port


def _differing(now: Endpoint | None, wanted: Endpoint | None) -> Endpoint | None:
    return None if wanted is None or wanted == now else wanted


def _differing_path(now: Path | None, wanted: Path | None) -> Path | None:
    return None if wanted == now else wanted


def _started(now: Setup | None, wanted: Setup | None, state: State) -> Setup | None:
    return wanted if wanted is not now or state.renewed else None


def _said_anew(now: Association | None, wanted: Association | None) -> Association | None:
    """Return what the UE says of its (D)TLS session where the gateway does not know it."""
    if wanted is None or (now is not None and _named(now) == _named(wanted)):
        return None
    return wanted


def _named(association: Association) -> tuple[object, ...]:
    return association.fingerprints, association.tls_id


def _same_key(now: Crypto | None, wanted: Crypto | None) -> bool:
    """Compare what the gateway uses; the tag is a matter of each offer."""
    if now is None or wanted is None:
        return now is wanted
    return now.suite == wanted.suite and now.mki == wanted.mki and now.key == wanted.key
