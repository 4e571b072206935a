"""Random lives of sessions whose TLS and DTLS end at the gateway: offers and answers of either side."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from iq.procedures import Configure, Reserve, Setup, Stream
from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.errors import SipRefusal
from pcscf.flow import Side
from tests.support.media import Gateway, Random, profile, sdp, step
from tests.support.tls_sdp import ALL, OTHER, UE

PROTOS = {
    "message": ("TCP/TLS/MSRP", "TCP/MSRP"),
    "application": ("TCP/TLS/BFCP", "TCP/BFCP"),
    "image": ("UDP/TLS/UDPTL", "udptl"),
    "audio": ("UDP/TLS/RTP/SAVPF", "RTP/AVPF"),
}
KEYING = re.compile(r"^a=(?:fingerprint|tls-id|3ge2ae|crypto)|msrps:", re.IGNORECASE | re.MULTILINE)
#: What is likely stands there more than once: most lives shall get somewhere.
line = st.fixed_dictionaries(
    {
        "port": st.sampled_from([30000] * 6 + [30002, 0]),
        "setup": st.sampled_from(["", "active", "passive", "actpass"] * 3 + ["holdconn", "x"]),
        "connection": st.sampled_from(["", "new", "existing"]),
        "fingerprints": st.sampled_from([[UE]] * 8 + [[OTHER], [OTHER, UE], ["SHA-1 AB:CD"], []]),
        "tls_id": st.sampled_from(
            ["", "0a1b2c3d4e5f60718293a4b5"] * 4 + ["b5a49382716f5e4d3c2b1a00", "short"]
        ),
        "request": st.sampled_from([True] * 6 + [False]),
        "path": st.sampled_from(["s;tcp"] * 6 + ["t;tcp", "no path"]),
        "cema": st.sampled_from([False] * 4 + [True]),
    }
)
#: An offer of one side; an answer, as it may be; or the offer fails.
move = st.tuples(
    st.sampled_from(["offer", "answer", "answer", "fail"]),
    st.sampled_from(Side),
    st.lists(line, min_size=2, max_size=2),
)


def written(one: dict[str, object], side: Side, media: str) -> str:
    proto = PROTOS[media][side is Side.CORE]
    lines = [f"m={media} {one['port']} {proto} *"]
    if "MSRP" in proto:
        scheme = "msrps" if "TLS" in proto else "msrp"
        lines.append(f"a=path:{scheme}://host.example:{one['port']}/{one['path']}")
        lines += ["a=msrp-cema"] if one["cema"] else []
    lines += [f"a={name}:{one[name]}" for name in ("setup", "connection") if one[name]]
    if side is Side.ACCESS:
        values = one["fingerprints"]
        assert isinstance(values, list)
        lines += [f"a=fingerprint:{value}" for value in values]
        lines += [f"a=tls-id:{one['tls_id']}"] if one["tls_id"] else []
        lines += ["a=3ge2ae:requested"] if one["request"] else []
    return "\n".join(lines)


def check_asked(gateway: Gateway) -> None:
    """What goes over Iq makes sense for each stream."""
    for action in gateway.actions:
        for procedure in action.procedures:
            if isinstance(procedure, Reserve | Configure):
                where = procedure.realm if isinstance(procedure, Reserve) else procedure.termination
                for stream in procedure.streams:
                    check_stream(stream, "access" in where)
    gateway.actions.clear()


def check_stream(stream: Stream, access: bool) -> None:
    tls = stream.choose_fingerprint or stream.remote_fingerprints or stream.start_tls or stream.tls_id
    assert access or not tls, "TLS in the core"
    assert not tls or "TLS" in stream.transport
    if stream.start_tls and stream.transport.startswith("UDP"):
        assert stream.setup is Setup.ACTIVE
    assert not (stream.start_tls or stream.establish) or stream.setup is not None
    assert (stream.local_path is None) is (stream.remote_path is None)
    for path in (stream.local_path, stream.remote_path):
        if path is not None:
            assert stream.transport == ("TCP/TLS/MSRP" if access else "TCP/MSRP")
            assert path.startswith("msrps://" if access else "msrp://")


@settings(max_examples=200)
@given(
    st.lists(st.sampled_from(sorted(PROTOS)), min_size=1, max_size=2),
    st.lists(move, min_size=2, max_size=12),
    st.sampled_from(["setup", "answerer-server"]),
    st.sampled_from(["auto", "aware", "agnostic"]),
)
def test_any_life(
    medias: list[str], moves: list[tuple[str, Side, list[dict[str, object]]]], role: str, msrp: str
) -> None:
    session = MediaSession(
        MediaPolicy(bfcp_tls_role=role, msrp=msrp, end_to_end=False), profile(*ALL, network=ALL), Random()
    )
    gateway = Gateway()
    offered = None
    for version, (kind, chosen, lines) in enumerate(moves, 1):
        fork = "b1" if session.dialogs or kind == "answer" else ""
        pending = session.pending(fork)
        side = pending.other if kind == "answer" and pending is not None else chosen
        text = sdp(*map(written, lines, [side] * 2, medias), version=version)
        try:
            if kind == "offer":
                offered = session.plan_offer(text, side, fork)
                out = step(session, gateway, offered)
            elif kind == "answer":
                session.confirm(fork)
                out = step(session, gateway, session.plan_answer(text, side, fork))
            elif offered is not None:
                gateway.execute(session.rollback(offered))
                if not gateway.alive:  # it was the first one: the call is over
                    return
                continue
            else:
                continue
        except SipRefusal:
            continue
        finally:
            check_asked(gateway)
        check_said(out.decode(), side.other)
    gateway.execute(session.release())
    assert gateway.alive == {}


def check_said(out: str, to: Side) -> None:
    """No keying reaches the core; the UE is told of the gateway's certificate for each line."""
    if to is Side.CORE:
        assert KEYING.search(out) is None, out
        return
    for section in out.split("m=")[1:]:
        if "/TLS/" in section and section.split()[1] != "0":
            assert section.count("a=fingerprint:sha-256 D4") == 1
            assert section.count("a=setup:") == 1
            assert "85:85" not in section
