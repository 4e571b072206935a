"""TLS that ends at the gateway (MSRP, BFCP): who connects on each side, who is client, and what is kept."""

import pytest

from iq.procedures import Configure, Reserve, Setup, Stream
from pcscf.alg.session import MediaPolicy
from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from tests.support.call import Call
from tests.support.media import sdp
from tests.support.tls_sdp import FAR, GATEWAY, OTHER, REQUEST, UE, bfcps, call, msrp, msrps

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE


def told(made: Call) -> dict[str, Stream]:
    """What the last action says of each side."""
    found: dict[str, Stream] = {}
    for procedure in made.last.procedures:
        if isinstance(procedure, Reserve):
            found[procedure.realm] = procedure.streams[0]
        elif isinstance(procedure, Configure):
            found[procedure.termination.split("/")[2]] = procedure.streams[0]
    return found


def setups(made: Call) -> tuple[Setup | None, Setup | None]:
    """Towards the UE, towards the core."""
    streams = told(made)
    said = [streams[side].setup if side in streams else None for side in ("access", "core")]
    return said[0], said[1]


def from_ue(made: Call, *attributes: str, version: int = 1, fingerprint: str = UE) -> str:
    return made.offer(sdp(msrps(*attributes, REQUEST, fingerprint=fingerprint), version=version))


def by_core(made: Call, *attributes: str, version: int = 1) -> str:
    return made.answer(sdp(msrp(*attributes), host=FAR, version=version))


def from_core(made: Call, *attributes: str, version: int = 1) -> str:
    return made.offer(sdp(msrp(*attributes), host=FAR, version=version), Side.CORE)


def by_ue(made: Call, *attributes: str, version: int = 1, fingerprint: str = UE) -> str:
    return made.answer(sdp(msrps(*attributes, fingerprint=fingerprint), version=version), Side.ACCESS)


def test_the_certificate_is_asked_for_and_the_ues_is_told() -> None:
    made = call()
    from_ue(made, "a=setup:active", "a=connection:new")
    streams = told(made)
    assert streams["access"].transport == "TCP/TLS/MSRP"
    assert streams["access"].choose_fingerprint == "sha-256"
    assert [one.text for one in streams["access"].remote_fingerprints] == [UE.replace("SHA", "sha")]
    core = streams["core"]
    assert (core.transport, core.choose_fingerprint, core.remote_fingerprints) == ("TCP/MSRP", None, ())


def test_without_a_certificate_of_the_gateway_there_is_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    made = call()
    plan = made.plan_offer(sdp(msrps(REQUEST)))
    reply = made.gateway.execute(plan.action)
    assert reply is not None
    for one in reply.replies:
        for stream in getattr(one, "streams", []):
            stream.local_fingerprint = None
    with pytest.raises(SipRefusal) as caught:
        made.session.complete(plan, reply)
    assert caught.value.status == 503
    assert made.session.release() is not None


@pytest.mark.parametrize(
    ("offered", "core", "to_ue", "access", "towards_core"),
    [
        ("a=setup:active", "passive", "passive", PASSIVE, ACTIVE),
        ("a=setup:actpass", "passive", "passive", PASSIVE, ACTIVE),
        ("a=setup:actpass", "active", "passive", PASSIVE, PASSIVE),
        ("a=setup:passive", "active", "active", ACTIVE, PASSIVE),
        (None, "passive", "passive", PASSIVE, ACTIVE),
        ("a=setup:holdconn", "holdconn", "holdconn", None, None),
        ("a=setup:actpass", "holdconn", "holdconn", None, None),
    ],
)
def test_an_offer_of_the_ue(
    offered: str | None, core: str, to_ue: str, access: Setup | None, towards_core: Setup | None
) -> None:
    made = call()
    out = from_ue(made, *([offered] if offered else []))
    assert (offered in out) if offered else ("a=setup" not in out), "the core is asked what the UE asks"
    answer = by_core(made, f"a=setup:{core}")
    assert f"a=setup:{to_ue}\r\n" in answer
    assert answer.count("a=setup") == 1
    assert setups(made) == (access, towards_core)
    client = "access" in told(made) and told(made)["access"].start_tls
    assert client is (access is ACTIVE), "who connects is client of TLS (RFC 6135 4.2)"


@pytest.mark.parametrize(
    ("offered", "to_ue", "ue", "to_core", "access", "towards_core"),
    [
        ("passive", "passive", "active", "active", PASSIVE, ACTIVE),
        ("active", "actpass", "active", "passive", PASSIVE, PASSIVE),
        ("active", "actpass", "passive", "passive", ACTIVE, PASSIVE),
        ("actpass", "actpass", "active", "active", PASSIVE, ACTIVE),
        ("actpass", "actpass", "passive", "passive", ACTIVE, PASSIVE),
        ("holdconn", "holdconn", "holdconn", "holdconn", None, None),
    ],
)
def test_an_offer_of_the_core(
    offered: str, to_ue: str, ue: str, to_core: str, access: Setup | None, towards_core: Setup | None
) -> None:
    made = call()
    out = from_core(made, f"a=setup:{offered}")
    assert f"a=setup:{to_ue}\r\n" in out
    assert f"{GATEWAY}\r\na=3ge2ae:applied" in out
    assert f"a=setup:{to_core}\r\n" in by_ue(made, f"a=setup:{ue}")
    assert setups(made) == (access, towards_core)
    assert told(made)["access"].start_tls is (access is ACTIVE)
    assert [one.text for one in told(made)["access"].remote_fingerprints] == [UE.replace("SHA", "sha")]


@pytest.mark.parametrize(
    ("core", "access", "towards_core"), [("active", ACTIVE, PASSIVE), ("passive", PASSIVE, ACTIVE)]
)
def test_a_ue_that_says_nothing_waits_where_it_may(core: str, access: Setup, towards_core: Setup) -> None:
    made = call()
    from_core(made, f"a=setup:{core}")
    by_ue(made)
    assert setups(made) == (access, towards_core)


def test_a_core_that_says_nothing_connects() -> None:
    made = call()
    assert "a=setup:actpass" in from_core(made)
    assert "a=setup:passive" in by_ue(made, "a=setup:active")
    assert setups(made) == (PASSIVE, PASSIVE)


@pytest.mark.parametrize(
    ("role", "offerer", "ue", "client"),
    [
        ("answerer-server", Side.CORE, "active", True),
        ("answerer-server", Side.CORE, "passive", True),
        ("answerer-server", Side.ACCESS, "passive", False),
        ("setup", Side.CORE, "active", False),
        ("setup", Side.CORE, "passive", True),
        ("setup", Side.ACCESS, "passive", True),
    ],
)
def test_the_tls_server_of_bfcp(role: str, offerer: Side, ue: str, client: bool) -> None:
    made = call(policy=MediaPolicy(bfcp_tls_role=role))
    far = "m=application 7020 TCP/BFCP *\na=setup:{}"
    if offerer is Side.CORE:
        made.offer(sdp(far.format("actpass"), host=FAR), Side.CORE)
        made.answer(sdp(bfcps(f"a=setup:{ue}")), Side.ACCESS)
    else:
        made.offer(sdp(bfcps(f"a=setup:{ue}", REQUEST)))
        made.answer(sdp(far.format("active"), host=FAR))
    assert told(made)["access"].start_tls is client


@pytest.mark.parametrize("connection", ["existing", None])
def test_the_same_again_leaves_the_session_alone(connection: str | None) -> None:
    made = call()
    from_ue(made, "a=setup:active", "a=connection:new")
    first = by_core(made, "a=setup:passive", "a=connection:new")
    done = len(made.gateway.actions)
    again = [f"a=connection:{connection}"] if connection else []
    assert "m=message 40000" in from_ue(made, "a=setup:active", *again, version=2)
    second = by_core(made, "a=setup:passive", *again, version=2)
    assert GATEWAY in first
    assert GATEWAY in second
    assert "m=message 20000" in second
    assert len(made.gateway.actions) == done


def test_existing_keeps_the_connection_whoever_would_connect_next() -> None:
    made = call()
    from_ue(made, "a=setup:active", "a=connection:new")
    by_core(made, "a=setup:passive", "a=connection:new")
    done = len(made.gateway.actions)
    from_core(made, "a=setup:actpass", "a=connection:existing", version=2)
    by_ue(made, "a=setup:passive", "a=connection:existing", version=2)
    assert len(made.gateway.actions) == done


def test_a_new_connection_has_a_new_tls_session_once() -> None:
    made = call()
    from_ue(made, "a=setup:passive", "a=connection:new")
    by_core(made, "a=setup:active", "a=connection:new")
    from_ue(made, "a=setup:passive", "a=connection:new", version=2)
    out = by_core(made, "a=setup:active", "a=connection:new", version=2)
    streams = told(made)
    assert (streams["access"].establish, streams["access"].start_tls, streams["core"].establish) == (
        True,
    ) * 3
    done = len(made.gateway.actions)
    assert by_core(made, "a=setup:active", "a=connection:new", version=2) == out
    assert len(made.gateway.actions) == done, "said again it is no other one"


def test_another_certificate_is_a_new_stream() -> None:
    made = call()
    from_ue(made, "a=setup:active", "a=connection:new")
    by_core(made, "a=setup:passive", "a=connection:new")
    out = from_ue(made, "a=setup:active", "a=connection:existing", version=2, fingerprint=OTHER)
    assert "m=message 40002 TCP/MSRP" in out
    assert "a=connection:new" in out, "of this one there is none yet"
    assert [one.text for one in told(made)["access"].remote_fingerprints] == [OTHER.replace("SHA", "sha")]
    assert made.gateway.alive == {"ip/0/access/1": {1, 2}, "ip/0/core/2": {1, 2}}
    by_core(made, "a=setup:passive", "a=connection:new", version=2)
    assert made.gateway.alive == {"ip/0/access/1": {2}, "ip/0/core/2": {2}}


def test_another_certificate_in_an_answer_begins_anew() -> None:
    made = call()
    from_core(made, "a=setup:passive", "a=connection:new")
    by_ue(made, "a=setup:active", "a=connection:new")
    from_core(made, "a=setup:passive", "a=connection:existing", version=2)
    by_ue(made, "a=setup:active", "a=connection:existing", version=2, fingerprint=OTHER)
    access = told(made)["access"]
    assert [one.text for one in access.remote_fingerprints] == [OTHER.replace("SHA", "sha")]
    assert (access.setup, access.remote is not None) == (PASSIVE, True)


def test_a_refused_re_offer_leaves_the_session_as_it_was() -> None:
    made = call()
    from_ue(made, "a=setup:active", "a=connection:new")
    by_core(made, "a=setup:passive", "a=connection:new")
    plan = made.plan_offer(sdp(msrps("a=setup:active", REQUEST, fingerprint=OTHER), version=2))
    made.session.complete(plan, made.gateway.execute(plan.action))
    made.gateway.execute(made.session.rollback(plan))
    assert made.gateway.alive == {"ip/0/access/1": {1}, "ip/0/core/2": {1}}
    assert "m=message 40000 TCP/MSRP" in from_ue(made, "a=setup:active", "a=connection:existing", version=3)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("m=message 9 TCP/TLS/MSRP *\na=setup:active", "unusable fingerprint in the answer: no fingerprint"),
        (
            f"m=message 9 TCP/TLS/MSRP *\na=setup:active\na=fingerprint:SHA-1 {':'.join(['AB'] * 20)}",
            "unusable fingerprint in the answer: fingerprint with a weak hash",
        ),
        (msrps("a=setup:passive"), "answer by which both ends connect, or both wait"),
        (msrps("a=setup:actpass"), "answer that leaves open who connects"),
        ("m=message 9 TCP/MSRP *\na=setup:active", "answer with another transport protocol"),
    ],
)
def test_answers_that_start_nothing(answer: str, problem: str) -> None:
    made = call()
    from_core(made, "a=setup:passive")
    done = len(made.gateway.actions)
    with pytest.raises(SdpRejected, match=problem):
        made.answer(sdp(answer), Side.ACCESS)
    assert len(made.gateway.actions) == done


def test_sha1_in_an_answer_where_it_is_allowed() -> None:
    made = call(policy=MediaPolicy(sha1_fingerprint=True))
    from_core(made, "a=setup:passive")
    by_ue(made, "a=setup:active", fingerprint="SHA-1 " + ":".join(["AB"] * 20))
    assert [one.hash for one in told(made)["access"].remote_fingerprints] == ["sha-1"]


def test_early_dialogs_share_the_certificate() -> None:
    made = call()
    from_ue(made, "a=setup:active")
    answers = [
        made.answer(sdp(msrp("a=setup:passive"), host=FAR), Side.CORE, fork, early=True).partition("s=-")[2]
        for fork in ("b1", "b2")
    ]
    assert answers[0] == answers[1]
    assert GATEWAY in answers[0]


def test_a_path_of_who_matches_by_session_id_changes_its_scheme_alone() -> None:
    made = call()
    assert "a=path:msrp://192.0.2.10:30000/s4;tcp" in from_ue(made, "a=msrp-cema")
    assert "a=path:msrps://203.0.113.77:7010/s9;tcp" in by_core(made, "a=msrp-cema")


def test_keying_stays_on_its_side() -> None:
    made = call()
    text = msrps(
        "a=setup:active", "a=tls-id:0a1b2c3d4e5f60718293a4b5", "a=max-size:1000", "a=file-date:x", REQUEST
    )
    out = made.offer(sdp(text, session=f"a=fingerprint:{OTHER}\na=connection:new\n"))
    for word in ("fingerprint", "tls-id", "3ge2ae", "msrps"):
        assert word not in out
    for line in ("a=max-size:1000", "a=file-date:x", "a=connection:new", "a=setup:active"):
        assert f"{line}\r\n" in out
    answer = by_core(made, "a=setup:passive", f"a=fingerprint:{OTHER}", "a=3ge2ae:requested")
    assert "AC:AC" not in answer
    assert answer.count("3ge2ae") == 1
    assert "a=tls-id:" in answer, "the UE gave its own"
