"""DTLS that ends at the gateway, in memory: handshakes, keys, renewals, ends."""

import pytest

from agw.dtls.api import Keys
from agw.dtls.srtp import keys as keys_of
from agw.dtls.srtp import use_srtp
from agw.security.api import Security
from iq.procedures import Change, Endpoint, SecurityCause
from iq.suites import SUITES
from tests.support.dtls_ends import PORT, UE, UE_RTCP, Gateway, Peer, leg, security, ue
from tests.support.tls_ends import ITS, MINE, NOBODY, sha256

CM = "AES_CM_128_HMAC_SHA1_80"
ELSEWHERE = ("192.0.2.99", 4000)


def of_peer(peer: Peer) -> tuple[bytes, bytes]:
    """Master key || master salt of client and server, cut out of the exporter's octets (RFC 5764 4.2)."""
    octets = peer.session.export(b"EXTRACTOR-dtls_srtp", 60)
    return octets[:16] + octets[32:46], octets[16:32] + octets[46:60]


def up(**changes: object) -> tuple[Gateway, Peer]:
    """A gateway that is the server, and a UE that has its association."""
    gateway, peer = Gateway(), ue()
    gateway.ends.edit(PORT, leg(**changes))
    assert gateway.pump(peer) == []
    assert peer.up
    return gateway, peer


@pytest.mark.parametrize(
    "client", [False, True], ids=["the gateway is the server", "the gateway is the client"]
)
def test_keys_by_who_is_the_client(client: bool) -> None:
    gateway, peer = Gateway(), ue(client=not client)
    gateway.ends.edit(PORT, leg(security=security(client=client)))
    assert gateway.ends.keys(PORT) == Keys()
    gateway.pump(peer)
    of_client, of_server = of_peer(peer)
    keys = gateway.ends.keys(PORT)
    assert keys.send is not None
    assert keys.receive is not None
    assert keys.send.suite == keys.receive.suite == CM
    mine, its = (of_client, of_server) if client else (of_server, of_client)
    assert (keys.send.key.octets, keys.receive.key.octets) == (mine, its)
    assert (keys.rtcp_send, keys.rtcp_receive) == (None, None)
    assert keys.remote == Endpoint(*UE)
    assert gateway.keyed == [PORT]
    assert gateway.reports == []
    assert dict(gateway.ends.handshakes) == {"ok": 1}
    assert gateway.handshakes.going == gateway.clock.armed == 0


def test_without_mux_each_port_has_its_association() -> None:
    gateway, media, control = Gateway(), ue(), ue(address=UE_RTCP, rtcp=True)
    gateway.ends.edit(PORT, leg(rtcp_mux=False))
    gateway.pump(media)
    keys = gateway.ends.keys(PORT)
    assert keys.receive is not None
    assert keys.receive.key.octets == of_peer(media)[0]
    assert keys.rtcp_receive is None
    gateway.pump(control)
    keys = gateway.ends.keys(PORT)
    assert keys.rtcp_receive is not None
    assert keys.rtcp_send is not None
    assert (keys.rtcp_receive.key.octets, keys.rtcp_send.key.octets) == of_peer(control)
    assert keys.receive.key.octets == of_peer(media)[0]
    assert gateway.keyed == [PORT, PORT]


def test_a_client_goes_to_both_ports_of_the_peer() -> None:
    gateway = Gateway()
    peers = ue(client=False), ue(client=False, address=("192.0.2.20", 4005), rtcp=True)
    gateway.ends.edit(
        PORT, leg(security=security(client=True), rtcp_mux=False, remote=Endpoint(UE[0], UE[1], 4005))
    )
    gateway.pump(*peers)
    assert all(peer.up for peer in peers)
    assert None not in vars_of(gateway.ends.keys(PORT))


def vars_of(keys: Keys) -> list[object]:
    return [keys.send, keys.receive, keys.rtcp_send, keys.rtcp_receive]


def test_nothing_begins_before_the_peers_fingerprint_is_known() -> None:
    gateway, peer = Gateway(), ue()
    gateway.ends.edit(PORT, leg(security=security(expected=())))
    assert gateway.pump(peer) == []
    assert not peer.up
    gateway.take(peer, b"\x17\xfe\xfd" + bytes(20))
    assert dict(gateway.ends.tally) == {"unexpected": 1}
    gateway.ends.edit(PORT, leg())
    gateway.pump(peer)  # who need not say hello again
    assert peer.up


def test_a_hello_that_waits_is_heard_only_from_where_the_peer_may_be() -> None:
    gateway, peer = Gateway(), ue(address=("198.51.100.66", 6666))
    gateway.ends.edit(PORT, leg(security=security(expected=())))
    gateway.pump(peer)
    gateway.ends.edit(PORT, leg(source=f"{UE[0]}/32"))
    assert gateway.pump(peer) == []
    assert not peer.up
    assert dict(gateway.ends.tally) == {"source": 1}


def test_a_hello_that_waits_means_nothing_to_a_client() -> None:
    gateway, stranger, peer = Gateway(), ue(), ue(client=False)
    gateway.ends.edit(PORT, leg(security=security(expected=())))
    gateway.pump(stranger)
    gateway.ends.edit(PORT, leg(security=security(client=True)))
    gateway.pump(peer)
    assert peer.up


def test_a_client_waits_for_remote() -> None:
    gateway, peer = Gateway(), ue(client=False)
    gateway.ends.edit(PORT, leg(security=security(client=True), remote=None))
    assert gateway.sent() == []
    gateway.ends.edit(PORT, leg(security=security(client=True)))
    gateway.pump(peer)
    assert peer.up


def test_an_equal_leg_keeps_the_association() -> None:
    gateway, _ = up()
    keys = gateway.ends.keys(PORT)
    gateway.ends.edit(PORT, leg(remote=Endpoint("192.0.2.77", 9)))
    gateway.ends.restart(PORT)
    assert gateway.ends.keys(PORT) == keys
    assert gateway.sent() == []
    assert gateway.keyed == [PORT]


@pytest.mark.parametrize(
    "changed",
    [security(tls_id="another-association-1"), security(expected=(NOBODY, *sha256(MINE)))],
    ids=["tls-id", "fingerprint"],
)
def test_a_renewed_association_takes_over_from_the_one_before(changed: Security) -> None:
    gateway, _ = up()
    before = gateway.ends.keys(PORT)
    gateway.ends.edit(PORT, leg(security=changed))
    assert gateway.ends.keys(PORT) == before  # it serves until then
    fresh = ue(identity=MINE if changed.tls_id is None else ITS)
    gateway.pump(fresh)
    after = gateway.ends.keys(PORT)
    assert after.receive is not None
    assert after.receive.key.octets == of_peer(fresh)[0]
    assert gateway.keyed == [PORT, PORT]
    gateway.ends.edit(PORT, leg())  # the change is taken back, after all
    assert gateway.ends.keys(PORT) == before
    gateway.ends.edit(PORT, leg(security=changed))
    assert gateway.ends.keys(PORT) == after


def test_a_renewal_that_fails_ends_the_stream() -> None:
    gateway, _ = up()
    gateway.ends.edit(PORT, leg(security=security(expected=(NOBODY,))))
    gateway.pump(ue())
    assert [report[1:3] for report in gateway.reports] == [(Change.FAILED, SecurityCause.FINGERPRINT)]
    assert gateway.ends.keys(PORT) == Keys()


def test_the_peer_ends_it() -> None:
    gateway, peer = up()
    peer.session.close()
    gateway.pump(peer)
    assert [report[1:3] for report in gateway.reports] == [(Change.RELEASED, SecurityCause.CLOSED)]
    assert gateway.ends.keys(PORT) == Keys()
    assert gateway.keyed == [PORT, PORT]


def test_restart_begins_anew() -> None:
    gateway, peer = up()
    peer.session.close()
    gateway.pump(peer)
    gateway.ends.restart(PORT)
    fresh = ue()
    gateway.pump(fresh)
    assert fresh.up
    assert gateway.ends.keys(PORT).send is not None


def test_the_peer_hears_that_a_stream_is_over() -> None:
    gateway, peer = up()
    gateway.ends.close(PORT)
    gateway.pump(peer)
    assert "Closed" in {type(event).__name__ for event in peer.told}
    assert len(gateway.ends) == gateway.clock.armed == 0
    gateway.take(peer, b"\x16\xfe\xfd")
    assert gateway.ends.tally["unexpected"] == 1
    assert gateway.ends.close(PORT) is None


def test_a_handshake_that_is_cut_off_leaves_nothing() -> None:
    gateway = Gateway()
    gateway.ends.edit(PORT, leg(security=security(client=True), rtcp_mux=False))
    assert gateway.handshakes.going == 2
    gateway.ends.close(PORT)
    gateway.clock.turn()
    assert gateway.handshakes.going == gateway.clock.armed == 0


def test_keys_are_never_printed() -> None:
    gateway, peer = up()
    said = repr((gateway.ends.keys(PORT), peer.session, gateway.reports))
    assert "<key, 30 bytes>" in said
    for octets in of_peer(peer):
        assert octets.hex() not in said
        assert repr(octets)[2:-1] not in said


@pytest.mark.parametrize(
    ("profile", "suite"),
    [
        ("SRTP_AES128_CM_SHA1_80", CM),
        ("SRTP_AEAD_AES_128_GCM", "AEAD_AES_128_GCM"),
        ("SRTP_AEAD_AES_256_GCM", "AEAD_AES_256_GCM"),
    ],
)
def test_suites_of_the_profiles(profile: str, suite: str) -> None:
    class Exporter:
        srtp_profile = profile

        def export(self, label: bytes, octets: int) -> bytes:
            assert label == b"EXTRACTOR-dtls_srtp"
            return bytes(range(octets))

    found = keys_of(Exporter(), client=True)
    assert found is not None
    assert [crypto.suite for crypto in found] == [suite, suite]
    key, salt = SUITES[suite].key, SUITES[suite].salt
    octets = bytes(range(2 * key + 2 * salt))
    assert found[0].key.octets == octets[:key] + octets[2 * key : 2 * key + salt]
    assert found[1].key.octets == octets[key : 2 * key] + octets[2 * key + salt :]
    assert profile.encode() in use_srtp(SUITES)
    assert use_srtp({CM}) == b"SRTP_AES128_CM_SHA1_80"
