"""SDP from hostile peers: lossless, bounded, and nothing of a protected line reaches the core."""

import re
from base64 import b64encode

from hypothesis import given, settings
from hypothesis import strategies as st

from iq.suites import SUITES, Crypto, Key
from pcscf.alg.session import MediaPolicy, MediaSession
from pcscf.errors import SdpRejected, SipRefusal
from pcscf.flow import Side
from pcscf.sdp.body import find_sdp
from pcscf.sdp.crypto import build, parse
from pcscf.sdp.model import Sdp
from tests.support.media import Gateway, Random, profile, sdp, step
from tests.support.tls_sdp import ALL

SUITE_NAMES = sorted(SUITES)
value = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
session_line = st.tuples(st.sampled_from("siuepcbtrzka"), value).map("=".join)
media_line = st.tuples(st.sampled_from("icbka"), value).map("=".join)
port = st.integers(0, 65535).map(str)
media = st.tuples(
    st.sampled_from(["audio", "video", "x"]),
    port,
    st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl", "TCP/MSRP", "?"]),
    st.just("0 1"),
).map(" ".join)
section = st.tuples(media, st.lists(media_line, max_size=5)).map(lambda s: [f"m={s[0]}", *s[1]])
description = st.tuples(st.lists(session_line, max_size=6), st.lists(section, max_size=4)).map(
    lambda d: ["v=0", "o=- 1 1 IN IP4 192.0.2.1", *d[0], *(line for lines in d[1] for line in lines)]
)


@given(description, st.sampled_from(["\r\n", "\n"]), st.booleans())
def test_lossless(lines: list[str], end: str, ended: bool) -> None:
    data = (end.join(lines) + end * ended).encode()
    assert Sdp.parse(data).encode() == ("\r\n".join(lines) + "\r\n").encode()


@given(
    st.integers(1, 999_999_999),
    st.sampled_from(SUITE_NAMES),
    st.binary(min_size=46, max_size=46).filter(lambda octets: any(octets[:28])),
    st.one_of(
        st.none(), st.integers(1, 128).flatmap(lambda n: st.tuples(st.integers(0, 256**n - 1), st.just(n)))
    ),
)
def test_crypto_round_trip(tag: int, suite: str, octets: bytes, mki: tuple[int, int] | None) -> None:
    crypto = Crypto(suite, Key(octets[: SUITES[suite].octets]), tag, mki)
    text = build(crypto).removeprefix("a=crypto:") + ("" if mki is None else f"|2^31|{mki[0]}:{mki[1]}")
    again = parse(text)
    assert (again.crypto, again.spelling) == (crypto, suite)
    assert b64encode(octets).decode()[:12] not in repr(again)


@given(st.binary(max_size=300), st.sampled_from(Side))
def test_any_octets(data: bytes, side: Side) -> None:
    for text in (data, b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n" + data):
        session = MediaSession(MediaPolicy(), profile("sdes-srtp"), Random())
        try:
            step(session, Gateway(), session.plan_offer(text, side))
        except (SdpRejected, SipRefusal):
            continue


@given(st.binary(max_size=200), st.sampled_from([b"", b"\r\n--b\r\n", b"\r\n--b--", b"--b\n"]), st.booleans())
def test_any_body(data: bytes, inserted: bytes, multipart: bool) -> None:
    kind = "multipart/mixed;boundary=b" if multipart else "application/sdp"
    body = data[:50] + inserted + data[50:] + inserted
    try:
        found = find_sdp(kind, body)
    except SipRefusal:
        return
    if found is not None:
        assert found.replace(found.sdp) == body


CERTIFICATE = "a=fingerprint:SHA-256 " + ":".join(["5E"] * 32)
attribute = st.sampled_from(
    [
        "a=3ge2ae:requested",
        "a=3ge2ae:applied",
        "a=3GE2AE: requested",
        "a=fingerprint:SHA-256 5E:C2:E7",
        CERTIFICATE,
        "a=setup:active",
        "a=setup:passive",
        "a=tls-id:0a1b2c3d4e5f60718293a4b5",
        "a=tcap:1 RTP/SAVP",
        "a=pcfg:1 t=1 a=1",
        "a=pcfg:2 t=1 a=1,2|1",
        "a=pcfg:3 t=1",
        "a=acap:2 3ge2ae:requested",
        "a= ACAP :2 3GE2AE: applied",
        "a=key-mgmt:mikey AQAF",
        "a=path:msrp://192.0.2.10:9/s;tcp",
        "a=sendonly",
        "a=rtcp-mux",
        "c=IN IP4 0.0.0.0",
        "c=IN IP6 2001:db8::9",
        "c=IN IP4 host.example",
        "a=rtpmap:8 PCMA/8000",
    ]
)
SECRETS = [b64encode(bytes([n]) * 30).decode() for n in range(65, 75)]
secret = st.sampled_from(SECRETS).flatmap(
    lambda key: st.sampled_from(
        [
            f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}",
            f"a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^31|1:4",
            f"a=crypto:3 AEAD_AES_128_GCM inline:{key}",
            f"a=CRYPTO:1 X inline:{key}",
            f"a=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}",
            f"k=clear:{key}",
        ]
    )
)
offered = st.tuples(
    st.sampled_from(["audio", "video", "message", "image"]),
    st.sampled_from(["0", "5000", "5000", "6000/2"]),
    st.sampled_from(
        [
            "RTP/AVP",
            "RTP/SAVP",
            "RTP/SAVP",
            "RTP/SAVPF",
            "UDP/TLS/RTP/SAVP",
            "TCP/TLS/MSRP",
            "TCP/MSRP",
            "TCP/TLS/BFCP",
            "UDP/TLS/UDPTL",
            "udptl",
            "UDP/X",
        ]
    ),
    st.lists(st.one_of(attribute, secret), max_size=6),
).map(lambda m: "\n".join([f"m={m[0]} {m[1]} {m[2]} 8 9", *m[3]]))
policies = st.builds(
    MediaPolicy,
    implicit=st.booleans(),
    lenient=st.booleans(),
    best_effort=st.booleans(),
    capability_negotiation=st.booleans(),
    end_to_end=st.booleans(),
    unknown_media=st.sampled_from(["relay", "reject"]),
)
SECURITY = re.compile(r"^a=\s*(?:crypto|3ge2ae|fingerprint|tls-id|acap|key-mgmt)|^k=", re.IGNORECASE)


def sections_of(text: str) -> list[list[str]]:
    return [("m=" + part).strip().split("\r\n") for part in text.split("m=")[1:]]


@settings(max_examples=300)
@given(st.lists(offered, min_size=1, max_size=4), policies, st.sampled_from(["sdes-srtp", "none", "all"]))
def test_nothing_of_a_protected_line_reaches_the_core(
    lines: list[str], policy: MediaPolicy, mechanism: str
) -> None:
    access = profile(*ALL, network=ALL) if mechanism == "all" else profile(mechanism)
    session = MediaSession(policy, access, Random())
    gateway = Gateway()
    out, error = "", None
    try:
        out = step(session, gateway, session.plan_offer(sdp(*lines), Side.ACCESS)).decode()
    except SdpRejected as refused:
        error = refused
    if error is not None:
        assert not any(key in f"{error} {error.headers}" for key in SECRETS)
        return
    went = sections_of(out)
    assert [s[0].split()[0] for s in went] == [line.split()[0] for line in lines]
    for lines_out, decision in zip(went, session.decisions, strict=True):
        if decision.action != "e2e":
            assert not any(SECURITY.match(line) for line in lines_out)
            assert "TCP/" in lines_out[0] or "a=setup:active" not in lines_out  # RFC 4145, no security
        assert not any("3ge2ae" in line.lower() for line in lines_out)
        assert not any(key in repr(decision) for key in SECRETS)
        assert lines_out[0].split()[1] != "5000"


@given(st.lists(offered, min_size=1, max_size=3), st.lists(offered, min_size=1, max_size=3))
def test_answers_never_break_the_session(first: list[str], second: list[str]) -> None:
    """Whatever is offered and answered: only refusals, the number and order of lines, one release."""
    session, gateway = MediaSession(MediaPolicy(), profile("sdes-srtp"), Random()), Gateway()
    try:
        step(session, gateway, session.plan_offer(sdp(*first), Side.CORE))
        out = step(session, gateway, session.plan_answer(sdp(*second), Side.ACCESS)).decode()
        assert [s[0].split()[0] for s in sections_of(out)] == [line.split()[0] for line in first]
        step(session, gateway, session.plan_offer(sdp(*first, version=2), Side.CORE))
    except SipRefusal:
        pass
    gateway.execute(session.release())
    assert gateway.alive == {}
    assert session.release() is None
