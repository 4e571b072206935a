"""The lab's end of DTLS, in memory: with itself, and with the gateway's session as another hand's work."""

import datetime as dt

import pytest

from agw.dtls.srtp import keys as keys_of_gateway
from agw.security import profiles
from agw.security.certificates import Identity as GatewayIdentity
from agw.security.events import Data
from agw.security.session import Handshakes, Session
from agw.security.session import State as GatewayState
from iq.fingerprint import read_fingerprint
from lab.dtls import MTU, DtlsEnd, State, is_record
from lab.identity import Identity
from lab.srtp import DTLS_PROFILES

BOTH = tuple(DTLS_PROFILES)
ME, IT = Identity(), Identity()


def pair(
    *,
    expected: Identity = IT,
    client_suites: tuple[str, ...] = (),
    server_suites: tuple[str, ...] = (),
) -> tuple[DtlsEnd, DtlsEnd]:
    """A client, who expects the certificate of ``expected``, and a server; both have begun."""
    client = DtlsEnd(ME, (expected.fingerprint,), set(), client=True, suites=client_suites)
    server = DtlsEnd(IT, (ME.fingerprint,), set(), client=False, suites=server_suites)
    server.start(0.0)
    client.start(0.0)
    return client, server


def carry(one: DtlsEnd, other: DtlsEnd) -> list[bytes]:
    """Carry datagrams both ways until there are none; return the media that arrived."""
    arrived: list[bytes] = []
    moved = True
    while moved:
        moved = False
        for sender, receiver in ((one, other), (other, one)):
            for datagram in list(sender.datagrams()):
                assert is_record(datagram)
                assert len(datagram) <= MTU + 13
                moved = True
                arrived += receiver.receive(datagram, 0.0)
    return arrived


def test_media_passes_both_ways_after_the_handshake() -> None:
    client, server = pair()
    client.send(b"too early")
    assert carry(client, server) == []
    assert (client.state, server.state) == (State.UP, State.UP)
    assert client.due is server.due is None
    client.send(b"a page")
    server.send(b"confirmed")
    assert carry(client, server) == [b"a page", b"confirmed"]
    assert client.keys() is None


def test_a_replayed_record_is_taken_once() -> None:
    client, server = pair()
    carry(client, server)
    client.send(b"a page")
    [record] = client.datagrams()
    assert server.receive(record, 0.0) == [b"a page"]
    assert server.receive(record, 0.0) == []
    assert server.state is State.UP


@pytest.mark.parametrize("suite", BOTH)
def test_both_ends_come_to_the_same_srtp_keys(suite: str) -> None:
    client, server = pair(client_suites=(suite,), server_suites=BOTH)
    assert client.keys() is None
    carry(client, server)
    mine, its = client.keys(), server.keys()
    assert mine is not None
    assert its is not None
    assert (mine[0], mine[1]) == (its[1], its[0])
    assert mine[0] != mine[1]
    assert mine[0].suite == suite
    assert mine[0].inline not in repr(mine) + repr(client)


def test_another_certificate_ends_the_handshake() -> None:
    client, server = pair(expected=Identity())
    carry(client, server)
    assert client.state is State.OVER
    assert "certificate" in client.reason
    assert server.state is State.OVER
    client.send(b"a page")
    assert list(client.datagrams()) == []


def test_no_common_profile_has_no_keys() -> None:
    client, server = pair(client_suites=BOTH[:1], server_suites=BOTH[1:])
    carry(client, server)
    assert client.keys() is server.keys() is None


def test_an_end_is_told() -> None:
    client, server = pair()
    carry(client, server)
    client.close()
    carry(client, server)
    assert (server.state, server.reason) == (State.OVER, "the peer closed")
    assert client.receive(b"x", 0.0) == []


def test_noise_changes_nothing() -> None:
    client, server = pair()
    for noise in (b"", b"\x00", bytes(13), b"\x16\xfe\xfd" + bytes(40), b"\x80" * 200):
        server.receive(noise, 0.0)
        client.receive(noise, 0.0)
    carry(client, server)
    assert (client.state, server.state) == (State.UP, State.UP)


def test_a_lost_flight_is_due_within_a_second_or_so() -> None:
    client, _ = pair()
    list(client.datagrams())
    assert client.due is not None
    assert 0 < client.due <= 1.1
    client.tick(client.due - 1)  # OpenSSL's own clock says that it is not time yet
    assert list(client.datagrams()) == []
    assert client.due is not None


def test_what_is_no_record() -> None:
    assert not is_record(b"\x17\xfe\xfd")
    assert not is_record(b"\x80\x08" + bytes(40))
    assert not is_record(b"\x17\x03\x03" + bytes(40))
    assert is_record(b"\x17\xfe\xfd" + bytes(40))


@pytest.mark.parametrize("suite", [suite for suite in BOTH if not suite.endswith("32")])
@pytest.mark.parametrize("client", [True, False], ids=["client", "server"])
def test_with_the_gateway(client: bool, suite: str) -> None:
    theirs = GatewayIdentity(dt.datetime.now(dt.UTC))
    profile = profiles.dtls(
        lambda source: b"cookie" + source, b":".join(n.encode() for n in DTLS_PROFILES.values())
    )
    session = Session(
        profile,
        theirs,
        (read_fingerprint(ME.fingerprint),),
        client=not client,
        handshakes=Handshakes(),
    )
    end = DtlsEnd(ME, (theirs.fingerprint("sha-256").text,), set(), client=client, suites=(suite,))
    end.start(0.0)
    session.start(0.0)
    arrived: list[bytes] = []
    for _ in range(6):
        for datagram in list(end.datagrams()):
            arrived += [e.octets for e in session.receive(datagram, 0.0) if isinstance(e, Data)]
        for datagram in session.datagrams():
            arrived += end.receive(datagram, 0.0)
        if end.state is State.UP and session.state is GatewayState.UP and not arrived:
            end.send(b"to the gateway")
            session.send(b"to the UE")
    assert arrived == [b"to the gateway", b"to the UE"]
    mine, its = end.keys(), keys_of_gateway(session, not client)
    assert mine is not None
    assert its is not None
    assert its[0].suite == mine[1].suite == suite
    assert (its[0].key.octets, its[1].key.octets) == (mine[1].octets, mine[0].octets)
