"""Decisions on what TLS and DTLS protect: MSRP, BFCP, T.38 and DTLS-SRTP (rows A3 to A5, A10, A14, B1)."""

from dataclasses import replace

import pytest

from pcscf.alg.media_security import Handling
from pcscf.flow import Side
from tests.support.media import profile
from tests.unit.alg.test_media_security import (
    ALL,
    AVP,
    DEFAULT,
    DTLS,
    DTLS_SRTP,
    FINGERPRINT,
    NONE,
    REQUEST,
    Row,
    run,
)

T38 = profile("udptl-dtls", network=frozenset({"udptl-dtls"}))
BROWSER = profile(webrtc=True, network=frozenset({"dtls-srtp"}))
LESS = profile("msrp-tls", terminates=frozenset({"sdes-srtp"}))
"""Its gateway cannot do what the network announces."""
WEAK = "a=fingerprint:SHA-1 " + ":".join(["AB"] * 20)

FROM_ACCESS: dict[str, Row] = {
    "e2ae MSRP": (
        ["m=message 5000 TCP/TLS/MSRP *", FINGERPRINT, REQUEST],
        ALL,
        DEFAULT,
        "e2ae",
        "A3",
    ),
    "e2ae MSRP, beyond the gateway": (
        ["m=message 5000 TCP/TLS/MSRP *", FINGERPRINT, REQUEST],
        LESS,
        DEFAULT,
        "refused",
        "A3",
    ),
    "e2ae MSRP, not announced": (
        ["m=message 5000 TCP/TLS/MSRP *", FINGERPRINT, REQUEST],
        NONE,
        DEFAULT,
        "e2ae",
        "A4",
    ),
    "e2ae MSRP, not announced, strict": (
        ["m=message 5000 TCP/TLS/MSRP *", FINGERPRINT, REQUEST],
        NONE,
        replace(DEFAULT, lenient=False),
        "refused",
        "A4",
    ),
    "e2ae T.38": (
        ["m=image 5000 UDP/TLS/UDPTL t38", FINGERPRINT, REQUEST],
        T38,
        DEFAULT,
        "e2ae",
        "A3",
    ),
    "browser": ([DTLS_SRTP, FINGERPRINT], BROWSER, DEFAULT, "e2ae", "A10"),
    "browser of a network without DTLS-SRTP": (
        [DTLS_SRTP, FINGERPRINT],
        profile(webrtc=True),
        DEFAULT,
        "refused",
        "A5",
    ),
    "DTLS-SRTP requested": ([DTLS_SRTP, FINGERPRINT, REQUEST], DTLS, DEFAULT, "e2ae", "A10a"),
    "DTLS-SRTP over TCP requested": (
        ["m=audio 5000 TCP/TLS/RTP/SAVP 8", FINGERPRINT, REQUEST],
        DTLS,
        DEFAULT,
        "refused",
        "A10a",
    ),
    "weak fingerprint": ([DTLS_SRTP, WEAK, REQUEST], DTLS, DEFAULT, "refused", "A14"),
    "weak fingerprint, allowed": (
        [DTLS_SRTP, WEAK, REQUEST],
        DTLS,
        replace(DEFAULT, sha1_fingerprint=True),
        "e2ae",
        "A10a",
    ),
    "DTLS that is held": (
        [DTLS_SRTP, FINGERPRINT, "a=setup:holdconn", REQUEST],
        DTLS,
        DEFAULT,
        "refused",
        "A14",
    ),
    "TCP that is held": (
        ["m=message 5000 TCP/TLS/MSRP *", FINGERPRINT, "a=setup:holdconn", REQUEST],
        ALL,
        DEFAULT,
        "e2ae",
        "A3",
    ),
    "setup that nobody knows": (
        [DTLS_SRTP, FINGERPRINT, "a=setup:any", REQUEST],
        DTLS,
        DEFAULT,
        "refused",
        "A14",
    ),
}

FROM_CORE: dict[str, Row] = {
    "dtls-srtp alone": ([AVP], DTLS, DEFAULT, "e2ae", "B1"),
    "browser": ([AVP], BROWSER, DEFAULT, "e2ae", "B1"),
    "browser of a network without DTLS-SRTP": ([AVP], profile(webrtc=True), DEFAULT, "refused", "B1"),
    "T.38 announced": (["m=image 5000 udptl t38"], T38, DEFAULT, "e2ae", "B1"),
    "MSRP announced": (["m=message 5000 TCP/MSRP *"], ALL, DEFAULT, "e2ae", "B1"),
    "MSRP announced, beyond the gateway": (["m=message 5000 TCP/MSRP *"], LESS, DEFAULT, "refused", "B1"),
}


@pytest.mark.parametrize("row", FROM_ACCESS.values(), ids=FROM_ACCESS)
def test_offer_from_the_ue(row: Row) -> None:
    lines, access, policy, action, number = row
    decision = run(lines, access, policy, Side.ACCESS)
    assert (decision.action, decision.row) == (action, number), decision.reason
    assert (decision.peer is not None) is (action == "e2ae")


@pytest.mark.parametrize("row", FROM_CORE.values(), ids=FROM_CORE)
def test_offer_from_the_core(row: Row) -> None:
    lines, access, policy, action, number = row
    decision = run(lines, access, policy, Side.CORE)
    assert (decision.action, decision.row) == (action, number), decision.reason


@pytest.mark.parametrize(("prefer", "expected"), [("sdes-srtp", "sdes-srtp"), ("dtls-srtp", "dtls-srtp")])
def test_a_ue_that_can_do_both_is_offered_what_is_preferred(prefer: str, expected: str) -> None:
    both = profile("sdes-srtp", "dtls-srtp", network=frozenset({"sdes-srtp", "dtls-srtp"}))
    assert run([AVP], both, replace(DEFAULT, prefer=prefer), Side.CORE).mechanism == expected


def test_what_the_gateway_can_do_goes_before_what_is_preferred() -> None:
    names = frozenset({"sdes-srtp", "dtls-srtp"})
    less = profile(*names, network=names, terminates=frozenset({"sdes-srtp"}))
    assert run([AVP], less, replace(DEFAULT, prefer="dtls-srtp"), Side.CORE).mechanism == "sdes-srtp"
    other = profile(*names, network=names, terminates=frozenset({"dtls-srtp"}))
    assert run([AVP], other, DEFAULT, Side.CORE).mechanism == "dtls-srtp"


def test_refusals_name_what_is_wrong_with_a_certificate() -> None:
    assert "weak hash" in run([DTLS_SRTP, WEAK, REQUEST], DTLS, DEFAULT, Side.ACCESS).reason
    assert "no fingerprint" in run([DTLS_SRTP, REQUEST], DTLS, DEFAULT, Side.ACCESS).reason
    assert (
        run(["m=message 5000 TCP/MSRP *"], LESS, DEFAULT, Side.CORE).reason
        == "the gateway cannot do msrp-tls"
    )


def test_tls_for_an_emergency_centre_ends_at_the_edge() -> None:
    decision = run([DTLS_SRTP, FINGERPRINT], DTLS, DEFAULT, Side.ACCESS, emergency=True)
    assert (decision.action, decision.mechanism) == (Handling.E2AE, "dtls-srtp")


def test_established_dtls_stays_without_the_indication() -> None:
    before = run([DTLS_SRTP, FINGERPRINT, REQUEST], DTLS, DEFAULT, Side.ACCESS)
    again = run([DTLS_SRTP, FINGERPRINT], DTLS, DEFAULT, Side.ACCESS, established=before)
    assert (again.action, again.row) == (Handling.E2AE, "A10a")
    assert run([AVP], NONE, DEFAULT, Side.CORE, established=before) is before
