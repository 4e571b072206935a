"""Sessions of TLS and DTLS in memory: what passes, what does not, and what is told of it."""

import gc
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from agw.security.events import Closed, Data, Established
from agw.security.profiles import Check
from agw.security.session import Handshakes, State
from iq.fingerprint import HASHES, Fingerprint
from iq.procedures import SecurityCause
from tests.support.tls_ends import (
    BOTH,
    DTLS,
    DTLS_SRTP,
    ITS,
    MINE,
    NOBODY,
    SOURCE,
    Peer,
    failed,
    other,
    pair,
    plain,
    session,
    wire,
)


@BOTH
def test_two_that_know_each_other(profile):
    ends = pair(profile)
    ends.start()
    assert ends.told_server == [Established(ITS.fingerprint("sha-256"))]
    assert ends.told_client == [Established(MINE.fingerprint("sha-256"))]
    assert ends.client.due is ends.server.due is None
    ends.client.send(b"MSRP 1 SEND")
    ends.server.send(b"MSRP 1 200 OK")
    ends.pump()
    assert plain(ends.told_server) == b"MSRP 1 SEND"
    assert plain(ends.told_client) == b"MSRP 1 200 OK"


def test_many_octets_are_many_records():
    ends = pair()
    ends.start()
    octets = bytes(range(256)) * 1024
    ends.client.send(octets)
    ends.pump()
    assert plain(ends.told_server) == octets


def test_a_datagram_stays_one():
    ends = pair(DTLS)
    ends.start()
    for octets in (b"one", b"two", 1500 * b"3"):
        ends.client.send(octets)
    datagrams = ends.client.datagrams()
    assert len(datagrams) == 3
    told = [event for one in datagrams for event in ends.server.receive(one, 0.0)]
    assert told == [Data(b"one"), Data(b"two"), Data(1500 * b"3")]
    assert ends.server.receive(datagrams[0], 0.0) == []  # a replay


@BOTH
@pytest.mark.parametrize("name", HASHES)
def test_any_hash_of_the_certificate_does(profile, name):
    ends = pair(profile, server=(ITS.fingerprint(name),))
    ends.start()
    assert ends.told_server == [Established(ITS.fingerprint(name))]


@BOTH
def test_another_certificate_is_refused_by_the_server(profile):
    ends = pair(profile, server=(NOBODY,))
    ends.start()
    assert failed(ends.told_server) is SecurityCause.FINGERPRINT
    assert ends.told_client[-1].cause is SecurityCause.REFUSED
    ends.server.send(b"nothing")
    assert wire(ends.server) == []


@BOTH
def test_another_certificate_is_refused_by_the_client(profile):
    ends = pair(profile, client=(NOBODY,))
    ends.start()
    assert failed(ends.told_client) is SecurityCause.FINGERPRINT
    assert failed(ends.told_server) is SecurityCause.REFUSED


def test_the_strongest_hash_counts_alone():
    strong, weak = ITS.fingerprint("sha-512"), ITS.fingerprint("sha-256")
    wrong = Fingerprint("sha-512", bytes(64))
    for expected, good in (
        ((weak, strong), True),
        ((wrong, strong), True),
        ((weak, wrong), False),
        ((wrong, weak), False),
        ((ITS.fingerprint("sha-1"), NOBODY), False),
    ):
        ends = pair(server=expected)
        ends.start()
        assert (ends.server.state is State.UP) is good


def test_without_a_fingerprint_there_is_no_session():
    with pytest.raises(ValueError, match="no fingerprint"):
        session(expected=())
    with pytest.raises(ValueError, match="not in list"):
        Check((Fingerprint("md5", bytes(16)),))


@BOTH
def test_a_handshake_that_stops_half_way(profile):
    handshakes = Handshakes()
    mine = session(profile, client=True, handshakes=handshakes)
    assert mine.start(100.0) == []
    assert handshakes.going == 1
    assert mine.due is not None
    assert mine.tick(109.9) == []
    assert failed(mine.tick(110.0)) is SecurityCause.TIMEOUT
    assert (handshakes.going, mine.due) == (0, None)


def test_flights_fit_their_datagrams():
    big = other(rsa.generate_private_key(65537, 4096))
    mine = session(DTLS, identity=big)
    peer = Peer.make(SSL.DTLS_METHOD)
    sizes = []
    mine.start(0.0)
    for _ in range(6):
        peer.handshake()
        if octets := peer.output():
            mine.receive(octets, 0.0, SOURCE)
        for octets in mine.datagrams():
            sizes.append(len(octets))
            peer.connection.bio_write(octets)
            peer.handshake()
    assert mine.state is State.UP
    assert max(sizes) == 1200


@BOTH
def test_the_end_of_a_session(profile):
    ends = pair(profile)
    ends.start()
    ends.client.send(b"last")
    ends.client.close()
    ends.pump()
    assert ends.told_server[1:] == [Data(b"last"), Closed()]
    ends.server.close()
    ends.pump()
    assert ends.told_client[1:] == [Closed()]


def test_the_other_direction_goes_on_after_an_end():
    ends = pair()
    ends.start()
    ends.client.close()
    ends.pump()
    ends.server.send(b"answer")
    ends.pump()
    assert plain(ends.told_client) == b"answer"


def test_a_connection_that_ends_in_the_handshake():
    mine = session()
    mine.start(0.0)
    assert failed(mine.transport_ended()) is SecurityCause.CLOSED
    assert mine.transport_ended() == []


@pytest.mark.parametrize("lost", [1, 4, 6])
def test_a_lost_flight_is_sent_again(lost):
    """By OpenSSL's own clock, which cannot be turned: after a second."""
    ends = pair(DTLS)
    ends.lose = frozenset({lost})
    ends.start(time.monotonic())
    assert lost == 6 or ends.server.state is not State.UP
    while not ends.server.state is ends.client.state is State.UP:
        due = [when for when in (ends.client.due, ends.server.due) if when is not None]
        time.sleep(max(0.0, min(due) - time.monotonic()))
        for end in (ends.client, ends.server):
            assert end.tick(time.monotonic()) == []
        ends.pump(time.monotonic())
    ends.client.send(b"hello")
    ends.pump()
    assert plain(ends.told_server) == b"hello"


def test_keys_for_srtp():
    ends = pair(DTLS_SRTP)
    ends.start()
    assert ends.client.srtp_profile == ends.server.srtp_profile == "SRTP_AES128_CM_SHA1_80"
    keys = ends.client.export(b"EXTRACTOR-dtls_srtp", 60)
    assert ends.server.export(b"EXTRACTOR-dtls_srtp", 60) == keys
    assert len(set(keys)) > 10
    with pytest.raises(ValueError, match="no session"):
        session(DTLS_SRTP).export(b"EXTRACTOR-dtls_srtp", 60)
    assert pair(DTLS).client.srtp_profile == ""


def test_a_session_leaves_nothing_behind():
    handshakes = Handshakes()
    mine = session(handshakes=handshakes)
    mine.start(0.0)
    mine.close()
    gc.collect()
    before = len(SSL.Connection._reverse_mapping)
    del mine
    assert len(SSL.Connection._reverse_mapping) == before - 1
