"""MSRP: where the gateway is aware of it, what is said of paths (TS 23.334 5.19)."""

import pytest

from iq.procedures import Configure, Reserve, Stream
from pcscf.alg.session import MediaPolicy
from pcscf.errors import SdpRejected
from pcscf.flow import Side
from tests.support.call import Call
from tests.support.media import sdp
from tests.support.tls_sdp import UE

UE_PATH, FAR_PATH = "msrp://192.0.2.10:9/u;tcp", "msrp://far.example:7010/f;tcp r;x"
TLS_PATH = "msrps://192.0.2.10:9/u;tcp"
FINGERPRINT = f"a=fingerprint:{UE}"
CEMA = "a=msrp-cema"
REQUEST = "a=3ge2ae:requested"
FAR = "203.0.113.77"


def message(path: str | None, *more: str, version: int = 1, host: str = "192.0.2.10") -> bytes:
    proto = "TCP/TLS/MSRP" if FINGERPRINT in more else "TCP/MSRP"
    lines = [f"m=message 9 {proto} *", *([f"a=path:{path}"] if path else []), *more]
    return sdp("\n".join(lines), version=version, host=host)


def made(msrp: str = "auto", **options: object) -> Call:
    return Call("msrp-tls", policy=MediaPolicy(msrp=msrp), **options)


def transports(call: Call) -> list[str]:
    return [
        stream.transport
        for procedure in call.gateway.actions[0].procedures
        if isinstance(procedure, Reserve)
        for stream in procedure.streams
    ]


def paths(call: Call) -> dict[str, tuple[str | None, str | None]]:
    """By side: what its end knows the gateway by, and its own."""
    return {name.split("/")[2]: (told.local_path, told.remote_path) for name, told in call.changes()}


def lines(text: str, name: str) -> list[str]:
    return [line for line in text.split("\r\n") if line.startswith(f"a={name}")]


def test_plain_ends_that_do_not_know_rfc_6714() -> None:
    call = made()
    to_core = call.offer(message(UE_PATH, "a=setup:active"))
    to_ue = call.answer(message(FAR_PATH, "a=setup:passive", host=FAR))
    assert lines(to_core, "path") == ["a=path:msrp://203.0.113.20:40000/u;tcp"]
    assert lines(to_ue, "path") == ["a=path:msrp://198.51.100.20:20000/f;tcp r;x"]
    assert transports(call) == ["TCP/MSRP", "TCP/MSRP"]
    assert [line["msrp"] for line in call.session.record()] == ["aware"]
    assert paths(call) == {
        "access": ("msrp://198.51.100.20:20000/f;tcp", UE_PATH),
        "core": ("msrp://203.0.113.20:40000/u;tcp", "msrp://far.example:7010/f;tcp"),
    }


def test_the_scheme_is_that_of_the_side() -> None:
    call = made()
    call.offer(message(TLS_PATH, "a=setup:active", FINGERPRINT, REQUEST))
    call.answer(message(FAR_PATH, "a=setup:passive", host=FAR))
    assert transports(call) == ["TCP/TLS/MSRP", "TCP/MSRP"]
    assert paths(call) == {
        "access": ("msrps://198.51.100.20:20000/f;tcp", TLS_PATH),
        "core": ("msrp://203.0.113.20:40000/u;tcp", "msrp://far.example:7010/f;tcp"),
    }


def test_an_offer_of_the_core() -> None:
    call = made()
    to_ue = call.offer(message(FAR_PATH, "a=setup:active", host=FAR), Side.CORE)
    call.answer(message(TLS_PATH, "a=setup:passive", FINGERPRINT), Side.ACCESS)
    assert lines(to_ue, "path") == ["a=path:msrps://198.51.100.20:20000/f;tcp r;x"]
    assert transports(call) == ["TCP/MSRP", "TCP/TLS/MSRP"]
    assert paths(call)["access"] == ("msrps://198.51.100.20:20000/f;tcp", TLS_PATH)


@pytest.mark.parametrize(
    ("msrp", "more", "options"),
    [
        ("auto", [CEMA], {}),
        ("agnostic", [], {}),
        ("agnostic", [CEMA], {}),
        ("auto", [], {"aware": frozenset()}),
        ("aware", [], {"aware": frozenset()}),
    ],
)
def test_what_passes_unread(msrp: str, more: list[str], options: dict[str, frozenset[str]]) -> None:
    call = made(msrp, **options)
    call.offer(message(TLS_PATH, "a=setup:active", FINGERPRINT, REQUEST, *more))
    call.answer(message(FAR_PATH, "a=setup:passive", *more, host=FAR))
    assert transports(call) == ["TCP/TLS", "TCP"]
    assert [line["msrp"] for line in call.session.record()] == ["unread"]
    assert set(paths(call).values()) == {(None, None)}


@pytest.mark.parametrize(
    "path", [None, "msrp:", "tel:1", "msrp://a:1/{;tcp", "msrp://a:1/" + 500 * "x" + ";tcp"]
)
def test_a_path_that_cannot_be_used(path: str | None) -> None:
    """In an offer it passes unread; an answer to one that can be used is refused."""
    call = made()
    call.offer(message(path, "a=setup:active"))
    assert transports(call) == ["TCP", "TCP"]
    call = made()
    call.offer(message(UE_PATH, "a=setup:active"))
    with pytest.raises(SdpRejected, match="a=path"):
        call.answer(message(path, "a=setup:passive", host=FAR))


def test_a_policy_for_networks_where_not_all_know_rfc_6714() -> None:
    call = made("aware")
    to_core = call.offer(message(UE_PATH, CEMA, "a=setup:active"))
    to_ue = call.answer(message(FAR_PATH, CEMA, "a=setup:passive", host=FAR))
    assert transports(call) == ["TCP/MSRP", "TCP/MSRP"]
    assert lines(to_core, "msrp-cema") == lines(to_ue, "msrp-cema") == []
    assert lines(to_core, "path") == ["a=path:msrp://203.0.113.20:40000/u;tcp"]


def test_tls_from_end_to_end_passes_unread() -> None:
    call = made("aware")
    call.offer(message(TLS_PATH, "a=setup:active", FINGERPRINT))
    assert transports(call) == ["TCP", "TCP"]


def _agreed() -> Call:
    call = made()
    call.offer(message(UE_PATH, "a=setup:active"))
    call.answer(message(FAR_PATH, "a=setup:passive", host=FAR))
    return call


def test_paths_are_told_once() -> None:
    call = _agreed()
    asked = len(call.gateway.actions)
    call.offer(message(UE_PATH, "a=setup:active", "a=connection:existing", version=2))
    call.answer(message(FAR_PATH, "a=setup:passive", "a=connection:existing", version=2, host=FAR))
    assert len(call.gateway.actions) == asked


def test_other_paths_are_told_to_both_terminations() -> None:
    call = _agreed()
    call.offer(message("msrp://192.0.2.10:9/v;tcp", "a=setup:active", CEMA, version=2))
    call.answer(message(FAR_PATH, "a=setup:passive", version=2, host=FAR))
    assert paths(call) == {
        "access": ("msrp://198.51.100.20:20000/f;tcp", "msrp://192.0.2.10:9/v;tcp"),
        "core": ("msrp://203.0.113.20:40000/v;tcp", "msrp://far.example:7010/f;tcp"),
    }
    assert [stream.setup for _, stream in call.changes()] == [None, None]


def _of_rfc_6714(call: Call, *answered: str) -> str:
    call.offer(message(TLS_PATH, CEMA, "a=setup:active", FINGERPRINT, REQUEST))
    return call.answer(message(FAR_PATH, "a=setup:passive", *answered, host=FAR))


def test_an_answerer_that_does_not_know_rfc_6714() -> None:
    """It knows the gateway by the path of the offer, which stays but for its scheme."""
    call = made()
    to_ue = _of_rfc_6714(call)
    assert transports(call) == ["TCP/TLS", "TCP"]
    assert [stream.transport for _, stream in call.changes()] == ["TCP/TLS/MSRP", "TCP/MSRP"]
    assert lines(to_ue, "path") == ["a=path:msrps://198.51.100.20:20000/f;tcp r;x"]
    assert paths(call) == {
        "access": ("msrps://198.51.100.20:20000/f;tcp", TLS_PATH),
        "core": ("msrp://192.0.2.10:9/u;tcp", "msrp://far.example:7010/f;tcp"),
    }


def test_an_end_that_falls_back_from_rfc_6714_keeps_its_connection() -> None:
    """RFC 6714 4: it offers again without, and the far end hears of another path."""
    call = made()
    _of_rfc_6714(call)
    to_core = call.offer(message(TLS_PATH, "a=setup:active", FINGERPRINT, REQUEST, version=2))
    call.answer(message(FAR_PATH, "a=setup:passive", version=2, host=FAR))
    assert lines(to_core, "path") == ["a=path:msrp://203.0.113.20:40000/u;tcp"]
    assert paths(call) == {"core": ("msrp://203.0.113.20:40000/u;tcp", "msrp://far.example:7010/f;tcp")}


def test_ends_of_rfc_6714_of_which_one_forgets_it_get_a_new_stream() -> None:
    call = made()
    _of_rfc_6714(call, CEMA)
    assert set(paths(call).values()) == {(None, None)}
    call.offer(message(TLS_PATH, "a=setup:active", FINGERPRINT, REQUEST, version=2))
    added = [p for p in call.last.procedures if isinstance(p, Configure)]
    told = [(s.id, s.transport) for p in added for s in p.streams]
    assert told == [(2, "TCP/TLS/MSRP"), (2, "TCP/MSRP")]


def test_each_fork_has_its_own_paths() -> None:
    call = made()
    call.offer(message(TLS_PATH, CEMA, "a=setup:active", FINGERPRINT, REQUEST))
    for fork, path in (("b1", FAR_PATH), ("b2", "msrp://other.example:7/g;tcp")):
        call.answer(message(path, "a=setup:passive", host=FAR), fork=fork, early=True)
    assert paths(call)["core"] == ("msrp://192.0.2.10:9/u;tcp", "msrp://other.example:7/g;tcp")


def test_a_fork_whose_ends_know_rfc_6714_passes_unread() -> None:
    call = made()
    call.offer(message(TLS_PATH, CEMA, "a=setup:active", FINGERPRINT, REQUEST))
    call.answer(message(FAR_PATH, CEMA, "a=setup:passive", host=FAR), early=True)
    call.answer(message(FAR_PATH, "a=setup:passive", host=FAR), fork="b2", early=True)
    assert {stream.transport for _, stream in call.changes()} == {"TCP/TLS/MSRP", "TCP/MSRP"}
    call.session.confirm("b1")
    call.answer(message(FAR_PATH, CEMA, "a=setup:passive", host=FAR))
    assert {stream.transport for _, stream in call.changes()} == {"TCP/TLS", "TCP"}
    assert set(paths(call).values()) == {(None, None)}


def _running(stream: Stream) -> bool:
    return stream.remote is None or stream.remote.port != 0


def test_another_application_on_the_same_line_is_another_stream() -> None:
    call = Call(policy=MediaPolicy())
    call.offer(sdp("m=application 9 TCP/MSRP *\na=setup:active"))
    call.answer(sdp("m=application 9 TCP/MSRP *\na=setup:passive", host=FAR))
    call.offer(sdp("m=application 9 TCP/BFCP *\na=setup:active", version=2))
    call.answer(sdp("m=application 9 TCP/BFCP *\na=setup:passive", host=FAR, version=2))
    assert {stream.id for _, stream in call.changes() if _running(stream)} == {2}
