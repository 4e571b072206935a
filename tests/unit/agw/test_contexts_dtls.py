"""DTLS that ends at the gateway, in contexts: what the engine and the ends of DTLS are told."""

import pytest

from agw.control.legs import dtls_leg, leg, transform
from agw.control.termination import End, Termination
from agw.dtls.api import Keys
from agw.engine.api import Transform
from iq.fingerprint import Fingerprint
from iq.procedures import Latch, Mode, Reserve, Setup, Stream
from tests.support.agw_controller import CM, FAR, UE, Controller, access, core
from tests.support.media_peer import crypto

PEER = Fingerprint("sha-256", bytes(32))
SRTP, FAX = "UDP/TLS/RTP/SAVPF", "UDP/TLS/UDPTL"
ONE, TWO, THREE, FOUR = (crypto(CM, first) for first in (1, 50, 100, 150))


def ending(transport: str = SRTP, **changes: object) -> Stream:
    stream = Stream(1, "audio", transport, "0", Mode.SEND_RECEIVE, None, UE)
    stream.choose_fingerprint, stream.remote_fingerprints, stream.setup = "sha-256", (PEER,), Setup.PASSIVE
    for name, value in changes.items():
        setattr(stream, name, value)
    return stream


def ends(one: Stream, other: Stream) -> tuple[Termination, End, Termination, End]:
    """Of a stream: the access side, and the core side."""
    controller = Controller()
    reply = controller.act(
        None, Reserve("access", [one], 300, Latch.LATCH, "203.0.113.20"), Reserve("core", [other], 300)
    )
    assert reply.error is None
    ue, far = (controller.contexts.terminations[found.termination] for found in reply.replies)
    return ue, ue.ends[1], far, far.ends[1]


def far(transport: str, **changes: object) -> Stream:
    stream = Stream(1, "audio", transport, "0", Mode.SEND_RECEIVE, None, FAR)
    for name, value in changes.items():
        setattr(stream, name, value)
    return stream


@pytest.mark.parametrize(
    ("one", "other", "transforms"),
    [
        (ending(), far("RTP/AVPF"), (Transform.SRTP, Transform.NONE)),
        (ending(), far("RTP/AVP"), (Transform.SRTP, Transform.NONE)),
        (ending(), far("RTP/SAVP", local_crypto=ONE, remote_crypto=TWO), (Transform.SRTP, Transform.SRTP)),
        (ending(), ending(), (Transform.SRTP, Transform.SRTP)),
        (ending(), far(SRTP), (Transform.CLOSED, Transform.CLOSED)),
        (ending(), far("RTP/SAVP"), (Transform.CLOSED, Transform.CLOSED)),
        (ending(), far("udptl"), (Transform.CLOSED, Transform.CLOSED)),
        (ending(FAX), far("udptl"), (Transform.CLOSED, Transform.HANDED)),
        (ending(FAX), far("RTP/AVP"), (Transform.CLOSED, Transform.CLOSED)),
        (ending(FAX), far(FAX), (Transform.CLOSED, Transform.CLOSED)),
        (far(FAX), far(FAX), (Transform.DATAGRAM, Transform.DATAGRAM)),
        (far(SRTP), far(SRTP), (Transform.DATAGRAM, Transform.DATAGRAM)),
    ],
    ids=lambda value: value.transport if isinstance(value, Stream) else "",
)
def test_what_fits_together(one: Stream, other: Stream, transforms: tuple[Transform, Transform]) -> None:
    _, here, _, there = ends(one, other)
    assert (transform(here, there), transform(there, here)) == transforms


@pytest.mark.parametrize("mux", [False, True])
def test_a_leg_of_srtp_has_the_keys_of_its_associations(mux: bool) -> None:
    ue, here, _, there = ends(ending(rtcp_mux=mux), far("RTP/AVPF"))
    made = leg(ue, here, there, Keys(ONE, TWO, THREE, FOUR))
    assert (made.send, made.receive) == (ONE, TWO)
    assert (made.rtcp_apart, made.rtcp_send, made.rtcp_receive) == (not mux, THREE, FOUR)
    assert made.hand_over
    assert made.latching
    without = leg(ue, here, there)
    assert (without.transform, without.send, without.receive) == (Transform.SRTP, None, None)
    secured = dtls_leg(ue, here, there)
    assert secured is not None
    assert (secured.srtp, secured.rtcp_mux, secured.far) == (True, mux, None)
    assert (secured.remote, secured.latching, secured.source) == (UE, True, "203.0.113.20")


def test_a_leg_of_udptl_knows_where_it_goes() -> None:
    ue, here, core_side, there = ends(ending(FAX), far("udptl"))
    secured = dtls_leg(ue, here, there)
    assert secured is not None
    assert (secured.srtp, secured.outwards) == (False, True)
    assert (secured.far, secured.far_remote, secured.far_latches) == (there.port, FAR, False)
    there.mode = Mode.RECEIVE_ONLY
    closed = dtls_leg(ue, here, there)
    assert closed is not None
    assert not closed.outwards
    assert dtls_leg(core_side, there, here) is None
    assert not leg(core_side, there, here).hand_over


@pytest.mark.parametrize("transport", ["UDP/TLS/BFCP", "UDP/DTLS/SCTP", "UDP/TLS"])
def test_other_dtls_cannot_end_here(transport: str) -> None:
    assert Controller().error(None, access(transport=transport, **without_keys())) == 515


def without_keys() -> dict[str, object]:
    return {"local_crypto": None, "remote_crypto": None, "remote_fingerprints": (PEER,)}


def test_it_passes_from_end_to_end_where_nobody_speaks_of_certificates() -> None:
    reply = Controller().act(
        None,
        access(transport=SRTP, local_crypto=None, remote_crypto=None),
        core(transport=SRTP),
    )
    assert reply.error is None
