"""DTLS that ends at the gateway (T.38, DTLS-SRTP): roles, and how long an association lasts (RFC 8842)."""

import pytest

from iq.procedures import Setup, Stream
from pcscf.errors import SdpRejected
from pcscf.flow import Side
from tests.support.call import Call, version_of
from tests.support.media import sdp
from tests.support.tls_sdp import FAR, GATEWAY, MOVED, OTHER, REQUEST, T38, call, lines, t38s
from tests.unit.alg.test_tls import told

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE
ID, OTHER_ID = "a=tls-id:0a1b2c3d4e5f60718293a4b5", "a=tls-id:ffffffffffffffffffffffff"


def access(made: Call) -> Stream:
    return told(made)["access"]


def originate(made: Call, *attributes: str) -> str:
    made.offer(sdp(t38s(*attributes, REQUEST)))
    return made.answer(sdp(T38, host=FAR))


def terminate(made: Call, *attributes: str) -> str:
    made.offer(sdp(T38, host=FAR), Side.CORE)
    return made.answer(sdp(t38s(*attributes)), Side.ACCESS)


def own_id(text: str) -> str:
    return text.partition("a=tls-id:")[2].partition("\r\n")[0]


@pytest.mark.parametrize(
    ("offered", "answered", "role"),
    [
        ("a=setup:actpass", "passive", PASSIVE),
        ("a=setup:active", "passive", PASSIVE),
        ("a=setup:passive", "active", ACTIVE),
        (None, "passive", PASSIVE),
    ],
)
def test_an_offer_of_the_ue(offered: str | None, answered: str, role: Setup) -> None:
    made = call()
    out = originate(made, *([offered] if offered else []))
    assert f"{GATEWAY}\r\na=setup:{answered}\r\na=3ge2ae:applied" in out
    assert (access(made).setup, access(made).start_tls) == (role, role is ACTIVE)
    assert told(made)["core"].setup is None


@pytest.mark.parametrize(
    ("answered", "role"), [(["a=setup:active"], PASSIVE), (["a=setup:passive"], ACTIVE), ([], PASSIVE)]
)
def test_an_offer_of_the_core(answered: list[str], role: Setup) -> None:
    made = call()
    offer = made.offer(sdp(T38, host=FAR), Side.CORE)
    assert f"m=image 20000 UDP/TLS/UDPTL t38\r\n{GATEWAY}\r\na=setup:actpass\r\na=tls-id:" in offer
    assert len(own_id(offer)) == 24
    out = made.answer(sdp(t38s(*answered)), Side.ACCESS)
    assert "m=image 40000 udptl t38" in out
    assert "setup" not in out
    assert (access(made).setup, access(made).start_tls) == (role, role is ACTIVE)


@pytest.mark.parametrize("setup", ["holdconn", "actpass", "any"])
def test_answers_that_leave_it_open(setup: str) -> None:
    made = call()
    made.offer(sdp(T38, host=FAR), Side.CORE)
    with pytest.raises(SdpRejected):
        made.answer(sdp(t38s(f"a=setup:{setup}")), Side.ACCESS)


def test_the_answer_has_a_tls_id_where_the_offer_has() -> None:
    made = call()
    out = originate(made, "a=setup:actpass", ID)
    assert len(own_id(out)) == 24
    assert own_id(out) not in ID
    assert "tls-id" not in originate(call(), "a=setup:actpass")


@pytest.mark.parametrize("named", [[ID], []])
def test_the_same_again_goes_on(named: list[str]) -> None:
    made = call()
    first = originate(made, "a=setup:actpass", *named)
    done = len(made.gateway.actions)
    made.offer(sdp(t38s("a=setup:actpass", *named), version=2))
    again = made.answer(sdp(T38, host=FAR))
    assert len(made.gateway.actions) == done
    assert own_id(again) == own_id(first)
    assert "a=setup:passive" in again
    assert "3ge2ae" not in again, "this time it was not asked for"


@pytest.mark.parametrize(
    "changed",
    [
        {"lines": ["a=setup:actpass", ID], "fingerprint": OTHER},
        {"lines": ["a=setup:actpass", OTHER_ID]},
        {"lines": ["a=setup:actpass"]},
        {"lines": ["a=setup:passive", ID]},
    ],
    ids=["certificate", "tls-id", "no tls-id", "role"],
)
def test_what_makes_a_new_association(changed: dict[str, object]) -> None:
    made = call()
    first = originate(made, "a=setup:active", ID)
    attributes = changed["lines"]
    assert isinstance(attributes, list)
    text = t38s(
        *attributes, REQUEST, fingerprint=str(changed.get("fingerprint", "SHA-256 " + ":".join(["85"] * 32)))
    )
    assert "m=image 40002 udptl" in made.offer(sdp(text, version=2))
    out = made.answer(sdp(T38, host=FAR, version=2))
    assert "m=image 20002 UDP/TLS/UDPTL" in out
    assert own_id(out) != own_id(first) or not own_id(out)
    assert made.gateway.alive == {"ip/0/access/1": {2}, "ip/0/core/2": {2}}


def test_an_association_with_a_name_moves() -> None:
    made = call()
    originate(made, "a=setup:actpass", ID)
    made.offer(sdp(t38s("a=setup:actpass", ID), host=MOVED, version=2))
    assert "m=image 20000" in made.answer(sdp(T38, host=FAR))
    stream = access(made)
    assert (stream.remote_fingerprints, stream.setup) == ((), None)
    assert stream.remote is not None
    assert stream.remote.address == MOVED


def test_one_without_a_name_does_not() -> None:
    made = call()
    originate(made, "a=setup:actpass")
    assert "m=image 40002" in made.offer(sdp(t38s("a=setup:actpass"), host=MOVED, version=2))


def test_a_re_offer_of_the_core_names_the_same_association() -> None:
    made = call()
    made.offer(sdp(T38, host=FAR), Side.CORE)
    made.answer(sdp(t38s("a=setup:active", ID)), Side.ACCESS)
    done = len(made.gateway.actions)
    first = made.offer(sdp(T38, host=FAR, version=2), Side.CORE)
    assert f"{GATEWAY}\r\na=setup:passive\r\na=tls-id:" in first
    made.answer(sdp(t38s("a=setup:active", ID), version=2), Side.ACCESS)
    second = made.offer(sdp(T38, host=FAR, version=3), Side.CORE)
    assert second == first
    assert version_of(second) == "2"
    assert len(made.gateway.actions) == done


def test_a_new_certificate_in_an_answer_begins_anew() -> None:
    made = call()
    terminate(made, "a=setup:passive")
    made.offer(sdp(T38, host=FAR, version=2), Side.CORE)
    made.answer(sdp(t38s("a=setup:passive", OTHER_ID, fingerprint=OTHER), version=2), Side.ACCESS)
    stream = access(made)
    assert [one.text for one in stream.remote_fingerprints] == [OTHER.replace("SHA", "sha")]
    assert (stream.tls_id, stream.setup, stream.start_tls) == (OTHER_ID[9:], ACTIVE, True)


def test_audio_by_dtls_srtp_shares_its_port_with_rtcp() -> None:
    made = call("dtls-srtp")
    offer = made.offer(sdp("m=audio 5004 RTP/AVPF 8", host=FAR), Side.CORE)
    assert "m=audio 20000 UDP/TLS/RTP/SAVPF 8" in offer
    assert "a=rtcp-mux" in offer
    assert "a=crypto" not in offer
    made.answer(sdp(lines("audio 30000 UDP/TLS/RTP/SAVPF 8", "a=setup:active", "a=rtcp-mux")), Side.ACCESS)
    stream = access(made)
    assert (stream.transport, stream.rtcp_mux, stream.local_crypto) == ("UDP/TLS/RTP/SAVPF", True, None)


def test_from_sdes_to_dtls_and_back_are_new_streams() -> None:
    made = call()
    made.originate()
    text = lines("audio 30000 UDP/TLS/RTP/SAVP 8", "a=setup:actpass", REQUEST)
    assert "m=audio 40002 RTP/AVP 8" in made.offer(sdp(text, version=2))
    made.answer(sdp("m=audio 5004 RTP/AVP 8", host=FAR))
    made.originate()
    assert made.gateway.alive == {"ip/0/access/1": {3}, "ip/0/core/2": {3}}


def test_a_fax_takes_the_place_of_speech() -> None:
    made = call()
    made.terminate()
    out = made.offer(sdp("m=audio 0 RTP/AVP 8", T38, host=FAR, version=2), Side.CORE)
    assert "m=audio 0 RTP/SAVP 8\r\nm=image 20002 UDP/TLS/UDPTL t38" in out
    made.answer(sdp("m=audio 0 RTP/SAVP 8", t38s("a=setup:active"), version=2), Side.ACCESS)
    assert made.gateway.alive == {"ip/0/access/2": {2}, "ip/0/core/1": {2}}


def test_plain_for_a_protected_fax_is_refused() -> None:
    made = call()
    originate(made, "a=setup:actpass")
    with pytest.raises(SdpRejected, match="a protected stream is to stay so"):
        made.plan_offer(sdp("m=image 30000 udptl t38", version=2))
