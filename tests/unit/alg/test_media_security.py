"""Each row of the decision table: an m-line, what is known about its UE, and what becomes of it."""

from dataclasses import replace
from typing import Any

import pytest

from pcscf.alg.media_security import Decision, Handling, decide
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.flow import Side
from pcscf.sdp.model import Sdp
from tests.support.media import KEY_LINE, profile, sdp

ALL = profile("sdes-srtp", "msrp-tls")
NONE = profile()
OPEN = profile(network=frozenset())
"""A UE on an access that is not confidential: no SDES there."""
DTLS = profile("dtls-srtp", network=frozenset({"sdes-srtp", "dtls-srtp"}))
TRUNK = profile("sdes-srtp", implicit=True)
GCM_ONLY = profile("sdes-srtp", suites=frozenset({"AEAD_AES_128_GCM"}))

REQUEST = "a=3ge2ae:requested"
FINGERPRINT = "a=fingerprint:SHA-256 " + ":".join(["AB"] * 32)
SAVP = "m=audio 5000 RTP/SAVP 8"
AVP = "m=audio 5000 RTP/AVP 8"
DTLS_SRTP = "m=audio 5000 UDP/TLS/RTP/SAVPF 8"
KEY_MGMT = "a=key-mgmt:mikey AQAFgM0X"
POTENTIAL = (
    "a=tcap:1 RTP/SAVP",
    "a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:iHHhgz9/CEj23Dme6qS0fWx6Fqcu2PiXwB67LlaB",
    "a=pcfg:1 t=1 a=1",
)
DEFAULT = MediaPolicy()
Row = tuple[list[str], AccessProfile, MediaPolicy, str, str]


def run(lines: list[str], access: AccessProfile, policy: MediaPolicy, side: Side, **state: Any) -> Decision:
    offer = Sdp.parse(sdp("\n".join(lines)))
    return decide(offer.media[0], offer.session, side, policy, access, **state)


FROM_ACCESS: dict[str, Row] = {
    "port 0": (["m=audio 0 RTP/SAVP 8", KEY_LINE, REQUEST], ALL, DEFAULT, "off", "A1"),
    "bundle-only": (["m=audio 0 RTP/SAVP 8", "a=bundle-only"], ALL, DEFAULT, "refused", "A1"),
    "plain": ([AVP], ALL, DEFAULT, "plain", "A2"),
    "plain AVPF": (["m=video 5000 RTP/AVPF 96"], NONE, DEFAULT, "plain", "A2"),
    "plain T.38": (["m=image 5000 udptl t38"], ALL, DEFAULT, "plain", "A2"),
    "request on a plain line": ([AVP, REQUEST], ALL, DEFAULT, "plain", "A2"),
    "requested": ([SAVP, KEY_LINE, REQUEST], ALL, DEFAULT, "e2ae", "A3"),
    "requested, blanks and case": ([SAVP, KEY_LINE, "a=3ge2ae: Requested"], ALL, DEFAULT, "e2ae", "A3"),
    "requested, SAVPF": (["m=audio 5000 RTP/SAVPF 8", KEY_LINE, REQUEST], ALL, DEFAULT, "e2ae", "A3"),
    "requested, proto in lower case": (
        ["m=audio 5000 rtp/savp 8", KEY_LINE, REQUEST],
        ALL,
        DEFAULT,
        "e2ae",
        "A3",
    ),
    "first valid indication counts": (
        [SAVP, KEY_LINE, "a=3ge2ae:perhaps", REQUEST, "a=3ge2ae:applied"],
        ALL,
        DEFAULT,
        "e2ae",
        "A3",
    ),
    "crypto and fingerprint on SAVP": ([SAVP, KEY_LINE, FINGERPRINT, REQUEST], ALL, DEFAULT, "e2ae", "A3"),
    "not announced, lenient": ([SAVP, KEY_LINE, REQUEST], NONE, DEFAULT, "e2ae", "A4"),
    "not announced, strict": (
        [SAVP, KEY_LINE, REQUEST],
        NONE,
        replace(DEFAULT, lenient=False),
        "refused",
        "A4",
    ),
    "network without sdes-srtp": ([SAVP, KEY_LINE, REQUEST], OPEN, DEFAULT, "refused", "A5"),
    "SDES without request": ([SAVP, KEY_LINE], ALL, DEFAULT, "e2e", "A6"),
    "unknown indication is no request": ([SAVP, KEY_LINE, "a=3ge2ae:perhaps"], ALL, DEFAULT, "e2e", "A6"),
    "applied in an offer is no request": ([SAVP, KEY_LINE, "a=3ge2ae:applied"], ALL, DEFAULT, "e2e", "A6"),
    "SDES, e2e forbidden": ([SAVP, KEY_LINE], ALL, replace(DEFAULT, end_to_end=False), "refused", "A6"),
    "fingerprint alone on SAVP": ([SAVP, FINGERPRINT], ALL, DEFAULT, "e2e", "A6"),
    "implicit request": ([SAVP, KEY_LINE], ALL, replace(DEFAULT, implicit=True), "e2ae", "A7"),
    "implicit request of a trunk": ([SAVP, KEY_LINE], TRUNK, DEFAULT, "e2ae", "A7"),
    "implicit, not announced": ([SAVP, KEY_LINE], NONE, replace(DEFAULT, implicit=True), "e2e", "A6"),
    "key management": ([SAVP, KEY_MGMT], ALL, DEFAULT, "e2e", "A8"),
    "key management, e2e forbidden": (
        [SAVP, KEY_MGMT],
        ALL,
        replace(DEFAULT, end_to_end=False),
        "refused",
        "A8",
    ),
    "key management in a plain profile": ([AVP, KEY_MGMT], ALL, DEFAULT, "e2e", "A8"),
    "key management in a plain profile, e2e forbidden": (
        [AVP, KEY_MGMT],
        ALL,
        replace(DEFAULT, end_to_end=False),
        "plain",
        "A8",
    ),
    "key management in a plain profile, requested": ([AVP, KEY_MGMT, REQUEST], ALL, DEFAULT, "plain", "A8"),
    "keys of a DTLS line by key management": (
        ["m=image 5000 UDP/TLS/UDPTL t38", KEY_MGMT],
        ALL,
        DEFAULT,
        "e2e",
        "A8",
    ),
    "e2e T.38 over DTLS": (["m=image 5000 UDP/TLS/UDPTL t38", FINGERPRINT], ALL, DEFAULT, "e2e", "A9"),
    "e2e MSRP over TLS": (["m=message 5000 TCP/TLS/MSRP *", FINGERPRINT], ALL, DEFAULT, "e2e", "A9"),
    "MSRP with keys by key management": (
        ["m=message 5000 TCP/TLS/MSRP *", KEY_MGMT],
        ALL,
        DEFAULT,
        "e2e",
        "A8",
    ),
    "plain MSRP": (["m=message 5000 TCP/MSRP *"], ALL, DEFAULT, "plain", "A2"),
    "plain BFCP": (["m=application 5000 TCP/BFCP *"], ALL, DEFAULT, "plain", "A2"),
    "RTP over TCP": (["m=audio 5000 TCP/RTP/AVP 8"], ALL, DEFAULT, "plain", "A2"),
    "RTP over TLS": (["m=audio 5000 TCP/TLS/RTP/SAVP 8", FINGERPRINT], ALL, DEFAULT, "e2e", "A9"),
    "e2ae BFCP, not offered by the network": (
        ["m=application 5000 TCP/TLS/BFCP *", FINGERPRINT, REQUEST],
        ALL,
        DEFAULT,
        "refused",
        "A5",
    ),
    "DTLS-SRTP requested, not offered by the network": (
        [DTLS_SRTP, FINGERPRINT, REQUEST],
        ALL,
        DEFAULT,
        "refused",
        "A5",
    ),
    "DTLS-SRTP without request": ([DTLS_SRTP, FINGERPRINT], ALL, DEFAULT, "e2e", "A10a"),
    "best effort": ([AVP, KEY_LINE], ALL, DEFAULT, "plain", "A11"),
    "best effort counts": ([AVP, KEY_LINE], ALL, replace(DEFAULT, best_effort=True), "e2ae", "A11"),
    "best effort, unusable key": (
        [AVP, "a=crypto:1 F8_128_HMAC_SHA1_80 inline:abc"],
        ALL,
        replace(DEFAULT, best_effort=True),
        "plain",
        "A11",
    ),
    "capability negotiation passed": ([AVP, *POTENTIAL], ALL, DEFAULT, "e2e", "A12"),
    "capability negotiation taken": ([AVP, *POTENTIAL, REQUEST], ALL, DEFAULT, "e2ae", "A12"),
    "capability negotiation not possible": ([AVP, *POTENTIAL, REQUEST], OPEN, DEFAULT, "plain", "A12"),
    "capability negotiation off": (
        [AVP, *POTENTIAL, REQUEST],
        ALL,
        replace(DEFAULT, capability_negotiation=False),
        "plain",
        "A12",
    ),
    "capability negotiation asks by itself": (
        [AVP, *POTENTIAL[:2], "a=acap:2 3ge2ae:requested", "a=pcfg:1 t=1 a=1,2"],
        ALL,
        DEFAULT,
        "e2ae",
        "A12",
    ),
    "capability negotiation with the keys of the line": (
        [AVP, KEY_LINE, POTENTIAL[0], "a=pcfg:1 t=1", REQUEST],
        ALL,
        DEFAULT,
        "e2ae",
        "A12",
    ),
    "capability negotiation, e2e forbidden": (
        [AVP, *POTENTIAL],
        ALL,
        replace(DEFAULT, end_to_end=False),
        "plain",
        "A12",
    ),
    "requested without crypto": ([SAVP, REQUEST], ALL, DEFAULT, "refused", "A14"),
    "requested with key management only": ([SAVP, KEY_MGMT, REQUEST], ALL, DEFAULT, "refused", "A14"),
    "requested, unusable crypto": (
        [SAVP, "a=crypto:1 NULL inline:abc", REQUEST],
        ALL,
        DEFAULT,
        "refused",
        "A14",
    ),
    "requested, gateway cannot": ([SAVP, KEY_LINE, REQUEST], GCM_ONLY, DEFAULT, "refused", "A14"),
    "requested DTLS without fingerprint": ([DTLS_SRTP, REQUEST], DTLS, DEFAULT, "refused", "A14"),
    "SAVP without keys": ([SAVP], ALL, DEFAULT, "refused", "A14"),
    "unknown proto": (["m=audio 5000 RTP/XYZ 8"], ALL, DEFAULT, "refused", "unknown"),
    "unknown media relayed": (["m=smell 5000 RTP/AVP 96"], ALL, DEFAULT, "plain", "A2"),
    "unknown media rejected": (
        ["m=smell 5000 RTP/AVP 96"],
        ALL,
        replace(DEFAULT, unknown_media="reject"),
        "refused",
        "unusable",
    ),
    "several ports": (["m=audio 5000/2 RTP/AVP 8"], ALL, DEFAULT, "refused", "unusable"),
    "multicast": ([AVP, "c=IN IP4 224.2.1.1/127"], ALL, DEFAULT, "refused", "unusable"),
    "host name": ([AVP, "c=IN IP4 media.example.com"], ALL, DEFAULT, "refused", "unusable"),
    "data channel": (
        ["m=application 5000 UDP/DTLS/SCTP webrtc-datachannel", FINGERPRINT],
        ALL,
        DEFAULT,
        "e2e",
        "A9",
    ),
}

FROM_CORE: dict[str, Row] = {
    "indication does not count": ([AVP, "a=3ge2ae:applied"], NONE, DEFAULT, "plain", "B2"),
    "announced": ([AVP], ALL, DEFAULT, "e2ae", "B1"),
    "announced, AVPF": (["m=video 5000 RTP/AVPF 96"], ALL, DEFAULT, "e2ae", "B1"),
    "announced, gateway cannot": ([AVP], GCM_ONLY, DEFAULT, "refused", "B1"),
    "not announced": ([AVP], NONE, DEFAULT, "plain", "B2"),
    "T.38 not announced": (["m=image 5000 UDPTL t38"], ALL, DEFAULT, "plain", "B2"),
    "MSRP": (["m=message 5000 TCP/MSRP *"], NONE, DEFAULT, "plain", "B2"),
    "MSRP over TLS": (["m=message 5000 TCP/TLS/MSRP *", FINGERPRINT], ALL, DEFAULT, "e2e", "B3"),
    "secured by the far end": ([SAVP, KEY_LINE, REQUEST], ALL, DEFAULT, "e2e", "B3"),
    "secured by the far end, DTLS": ([DTLS_SRTP, FINGERPRINT], ALL, DEFAULT, "e2e", "B3"),
    "secured by the far end, e2e forbidden": (
        [SAVP, KEY_LINE],
        ALL,
        replace(DEFAULT, end_to_end=False),
        "refused",
        "B3",
    ),
    "SAVP without keys": ([SAVP], ALL, DEFAULT, "refused", "B3"),
    "data channel": (["m=application 5000 UDP/DTLS/SCTP webrtc-datachannel"], ALL, DEFAULT, "e2e", "B4"),
    "best effort of the far end": ([AVP, KEY_LINE], NONE, DEFAULT, "e2e", "B5"),
    "best effort, e2ae instead": ([AVP, KEY_LINE], ALL, DEFAULT, "e2ae", "B1"),
    "best effort, e2e forbidden": ([AVP, KEY_LINE], NONE, replace(DEFAULT, end_to_end=False), "plain", "B5"),
    "key management as a choice": ([AVP, KEY_MGMT], NONE, DEFAULT, "e2e", "B5"),
    "capability negotiation of the far end": ([AVP, *POTENTIAL], NONE, DEFAULT, "e2e", "B5"),
    "capability negotiation, e2ae instead": ([AVP, *POTENTIAL], ALL, DEFAULT, "e2ae", "B1"),
    "unknown proto over UDP": (["m=audio 5000 RTP/XYZ 8"], ALL, DEFAULT, "plain", "unknown"),
    "unknown proto over what": (["m=audio 5000 XYZ 8"], ALL, DEFAULT, "refused", "unknown"),
    "unknown proto rejected": (
        ["m=audio 5000 RTP/XYZ 8"],
        ALL,
        replace(DEFAULT, unknown_media="reject"),
        "refused",
        "unusable",
    ),
    "port 0": (["m=audio 0 RTP/AVP 8"], ALL, DEFAULT, "off", "B2"),
}


@pytest.mark.parametrize("row", FROM_ACCESS.values(), ids=FROM_ACCESS)
def test_offer_from_the_ue(row: Row) -> None:
    lines, access, policy, action, number = row
    decision = run(lines, access, policy, Side.ACCESS)
    assert (decision.action, decision.row) == (action, number), decision.reason
    assert decision.reason
    assert decision.clause


@pytest.mark.parametrize("row", FROM_CORE.values(), ids=FROM_CORE)
def test_offer_from_the_core(row: Row) -> None:
    lines, access, policy, action, number = row
    decision = run(lines, access, policy, Side.CORE)
    assert (decision.action, decision.row) == (action, number), decision.reason


EMERGENCY: dict[str, tuple[list[str], AccessProfile, MediaPolicy, str]] = {
    "requested": ([SAVP, KEY_LINE, REQUEST], ALL, DEFAULT, "e2ae"),
    "not announced, strict": ([SAVP, KEY_LINE, REQUEST], NONE, replace(DEFAULT, lenient=False), "e2ae"),
    "SDES without request is terminated": ([SAVP, KEY_LINE], ALL, DEFAULT, "e2ae"),
    "SDES on an open access": ([SAVP, KEY_LINE], OPEN, DEFAULT, "refused"),
    "key management": ([SAVP, KEY_MGMT], ALL, DEFAULT, "refused"),
    "DTLS end to end": ([DTLS_SRTP, FINGERPRINT], ALL, DEFAULT, "refused"),
    "capability negotiation": ([AVP, *POTENTIAL], ALL, DEFAULT, "plain"),
    "plain": ([AVP], OPEN, DEFAULT, "plain"),
}


@pytest.mark.parametrize("row", EMERGENCY.values(), ids=EMERGENCY)
def test_emergency(row: tuple[list[str], AccessProfile, MediaPolicy, str]) -> None:
    lines, access, policy, action = row
    assert run(lines, access, policy, Side.ACCESS, emergency=True).action == action


def test_established_e2ae_stays_without_the_indication() -> None:
    before = run([SAVP, KEY_LINE, REQUEST], ALL, DEFAULT, Side.ACCESS)
    assert before.crypto is not None
    again = run([SAVP, KEY_LINE], NONE, DEFAULT, Side.ACCESS, established=before, agreed=before.crypto.crypto)
    assert again.action is Handling.E2AE
    assert run([AVP], NONE, DEFAULT, Side.CORE, established=before) is before


def test_established_suite_stays() -> None:
    lines = [SAVP, KEY_LINE.replace("_80", "_32"), KEY_LINE.replace(":1 ", ":2 "), REQUEST]
    access = profile("sdes-srtp", suites=frozenset({"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}))
    first = run(lines[:2] + lines[3:], access, DEFAULT, Side.ACCESS)
    assert first.crypto is not None
    agreed = first.crypto.crypto
    assert agreed.suite == "AES_CM_128_HMAC_SHA1_32"
    again = run(lines, access, DEFAULT, Side.ACCESS, established=first, agreed=agreed)
    assert again.crypto is not None
    assert again.crypto.crypto.suite == "AES_CM_128_HMAC_SHA1_32"
    dropped = run([SAVP, KEY_LINE, REQUEST], access, DEFAULT, Side.ACCESS, established=first, agreed=agreed)
    assert dropped.action is Handling.REFUSED


def test_no_key_in_a_decision() -> None:
    decision = run([SAVP, KEY_LINE, REQUEST], ALL, DEFAULT, Side.ACCESS)
    taken = run([AVP, *POTENTIAL, REQUEST], ALL, DEFAULT, Side.ACCESS)
    for text in (repr(decision), repr(taken)):
        assert "iHHhgz9" not in text
        assert "<key, 30 bytes>" in text
