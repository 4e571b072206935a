"""Sessions of TLS and DTLS against peers that do wrong: each ends cleanly, and nothing passes."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from agw.security.events import Data, Established, Failed
from agw.security.profiles import Check
from agw.security.session import MAX_HANDSHAKE_OCTETS, Handshakes, State
from iq.procedures import SecurityCause
from tests.support.tls_ends import (
    DTLS,
    ITS,
    MINE,
    NOBODY,
    SOURCE,
    TLS,
    VERSIONS,
    Pair,
    Peer,
    failed,
    other,
    pair,
    plain,
    profile_of,
    session,
    sha256,
    wire,
)


@VERSIONS
def test_a_peer_without_a_certificate_is_refused(method):
    mine = session(profile_of(method))
    assert failed(Peer.make(method, identity=None).with_session(mine)) is SecurityCause.NO_CERTIFICATE


@VERSIONS
@pytest.mark.parametrize(
    "identity",
    [
        other(ec.generate_private_key(ec.SECP256R1()), (-10, -1)),
        other(ec.generate_private_key(ec.SECP384R1()), (1, 10)),
        other(rsa.generate_private_key(65537, 2048)),
    ],
    ids=["expired", "not yet valid", "RSA"],
)
@pytest.mark.parametrize("client", [True, False])
def test_sdp_vouches_for_a_certificate_not_its_validity(method, identity, client):
    mine = session(profile_of(method), client=not client, expected=(identity.fingerprint("sha-256"),))
    peer = Peer.make(method, client=client, identity=identity)
    assert peer.with_session(mine) == [Established(identity.fingerprint("sha-256"))]


def test_a_weak_key_is_refused():
    weak = other(rsa.generate_private_key(65537, 1024))
    mine = session(expected=(weak.fingerprint("sha-256"),))
    assert failed(Peer.make(SSL.TLS_METHOD, identity=weak).with_session(mine)) is SecurityCause.CERTIFICATE


@pytest.mark.parametrize("most", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_old_versions_are_refused(most):
    mine = session()
    assert failed(Peer.make(SSL.TLS_METHOD, most=most).with_session(mine)) is SecurityCause.PROTOCOL


@pytest.mark.parametrize(
    "suite", [b"ECDHE-ECDSA-AES128-SHA", b"AES128-GCM-SHA256", b"DHE-RSA-AES128-GCM-SHA256"]
)
def test_suites_without_forward_secrecy_or_authenticated_encryption_are_refused(suite):
    context = SSL.Context(SSL.TLSv1_2_METHOD)
    context.set_cipher_list(suite + b":@SECLEVEL=0")
    connection = SSL.Connection(context)
    connection.set_connect_state()
    assert failed(Peer(connection).with_session(session())) is SecurityCause.PROTOCOL


@pytest.mark.parametrize(
    "octets",
    [
        b"MSRP a786hjs2 SEND\r\nTo-Path: msrp://192.0.2.1:2855/x;tcp\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(100),
        b"\x16\x03\x01\xff\xff\x01" + bytes(65535),  # a record longer than there may be
        b"\x17\x03\x03\x00\x05hello",
    ],
    ids=["MSRP", "HTTP", "zeros", "oversized", "data before the handshake"],
)
def test_what_is_not_tls_is_refused(octets):
    mine = session()
    assert mine.start(0.0) == []
    assert failed(mine.receive(octets, 0.0)) is SecurityCause.PROTOCOL
    assert mine.receive(b"more", 0.0) == []


def test_a_record_longer_than_there_may_be():
    ends = pair()
    ends.start()
    told = ends.server.receive(b"\x17\x03\x03\xff\xff" + bytes(65535), 0.0)
    assert failed(told) is SecurityCause.PROTOCOL
    assert ends.server.state is State.OVER


def test_a_changed_record():
    ends = pair()
    ends.start()
    ends.client.send(b"hello")
    octets = bytearray(ends.client.output())
    octets[-1] ^= 1
    assert failed(ends.server.receive(bytes(octets), 0.0)) is SecurityCause.PROTOCOL


def test_a_changed_datagram_is_none():
    ends = pair(DTLS)
    ends.start()
    ends.client.send(b"hello")
    [octets] = ends.client.datagrams()
    assert ends.server.receive(octets[:-1] + bytes([octets[-1] ^ 1]), 0.0) == []
    assert ends.server.receive(octets, 0.0) == [Data(b"hello")]


def test_a_handshake_in_drops():
    """One octet at a time, and never more than a handshake takes."""
    ends = pair()
    ends.server.start(0.0)
    ends.client.start(0.0)
    hello = ends.client.output()
    for octet in hello:
        assert ends.server.receive(bytes([octet]), 0.0) == []
    ends.pump()
    assert ends.server.state is State.UP
    mine = session()
    mine.start(0.0)
    told = []
    for _ in range(MAX_HANDSHAKE_OCTETS // 4096 + 1):
        told += mine.receive(b"\x16\x03\x01\x10\x00\x01\x03\x00\x00" + bytes(4091), 0.0)
    assert failed(told) is SecurityCause.PROTOCOL


def test_handshakes_that_go_on_at_a_time_are_bounded():
    handshakes = Handshakes(1)
    first, second = session(handshakes=handshakes), session(handshakes=handshakes)
    assert first.start(0.0) == []
    assert failed(second.start(0.0)) is SecurityCause.OVERLOAD
    assert handshakes.going == 1
    first.close()
    first.close()
    assert handshakes.going == 0
    assert session(handshakes=handshakes).start(0.0) == []


def test_who_has_not_returned_its_cookie_costs_nothing():
    handshakes = Handshakes(1)
    ends = Pair(
        session(DTLS, client=True, identity=ITS, expected=sha256(MINE)), session(DTLS, handshakes=handshakes)
    )
    ends.server.start(0.0)
    ends.client.start(0.0)
    [hello] = ends.client.datagrams()
    for source in (b"192.0.2.66:1", b"192.0.2.67:1", SOURCE):
        assert ends.server.receive(hello, 0.0, source) == []
        [request] = ends.server.datagrams()
        assert len(request) <= len(hello)  # nobody else is flooded by it
    assert ends.server.state is State.LISTENING
    assert handshakes.going == 0
    ends.client.receive(request, 0.0)
    [with_cookie] = ends.client.datagrams()
    assert ends.server.receive(with_cookie, 0.0, b"192.0.2.66:1") == []  # it was another's
    assert ends.server.state is State.LISTENING
    ends.server.datagrams()
    ends.told_server += ends.server.receive(with_cookie, 0.0, SOURCE)
    assert handshakes.going == 1
    ends.pump()
    assert ends.told_server == [Established(ITS.fingerprint("sha-256"))]


def test_garbage_before_a_dtls_handshake_is_nothing():
    ends = pair(DTLS)
    ends.server.start(0.0)
    for octets in (
        b"\x16",
        bytes(100),
        b"\x16\xfe\xfd" + bytes(1000),
        b"\x15\xfe\xfd" + bytes(12),
        b"\x80" * 50,
    ):
        assert ends.server.receive(octets, 0.0, SOURCE) == []
    ends.start()
    assert ends.server.state is ends.client.state is State.UP


def test_renegotiation_is_refused():
    mine = session()
    peer = Peer.make(SSL.TLSv1_2_METHOD)
    assert len(peer.with_session(mine)) == 1
    assert peer.connection.renegotiate()
    peer.handshake()
    assert mine.receive(peer.output(), 0.0) == []
    peer.connection.bio_write(mine.output())
    with pytest.raises(SSL.Error, match="no renegotiation"):
        peer.handshake()


@VERSIONS
def test_nothing_is_resumed(method):
    """A ticket would spare the peer its certificate."""
    first = Peer.make(method)
    assert len(first.with_session(session(profile_of(method)))) == 1
    if method != SSL.DTLS_METHOD:
        with pytest.raises(SSL.WantReadError):
            first.read()
    again = Peer(SSL.Connection(first.connection.get_context()))
    again.connection.set_connect_state()
    remembered = first.connection.get_session()
    assert remembered is not None
    again.connection.set_session(remembered)
    assert (
        failed(again.with_session(session(profile_of(method), expected=(NOBODY,))))
        is SecurityCause.FINGERPRINT
    )


def test_nothing_secret_prints():
    ends = pair()
    ends.start()
    ends.client.send(b"a private word")
    ends.pump()
    numbers = MINE.key.private_numbers()
    text = f"{MINE!r} {ends.server!r} {ends.told_server!r} {Check(sha256(MINE))!r}"
    for secret in (str(numbers.private_value), f"{numbers.private_value:x}", "private word"):
        assert secret not in text
    assert "sha-256" in repr(MINE)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(min_size=1, max_size=400), max_size=12),
    st.sampled_from([TLS, DTLS]),
    st.booleans(),
    st.integers(0, 4),
)
def test_random_octets(chunks, profile, client, after):
    """At any point of a handshake: a clean end at worst, never octets in the clear, and none else suffers."""
    handshakes = Handshakes()
    mine = session(profile, client=client, handshakes=handshakes)
    peer = session(profile, client=not client, identity=ITS, expected=sha256(MINE))
    told = mine.start(0.0)
    peer.start(0.0)
    for _ in range(after):
        for octets in wire(mine):
            peer.receive(octets, 0.0, SOURCE)
        for octets in wire(peer):
            told += mine.receive(octets, 0.0, SOURCE)
    for chunk in chunks:
        told += mine.receive(chunk, 0.0, SOURCE)
        wire(mine)
    assert plain(told) == b""
    assert sum(isinstance(event, Failed) for event in told) <= 1
    mine.close()
    assert handshakes.going == 0
    beside = pair(profile)
    beside.start()
    assert beside.server.state is beside.client.state is State.UP
