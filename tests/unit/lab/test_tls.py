"""The lab's own TLS, and what an observer of a connection makes of its octets."""

import pytest
from OpenSSL import SSL

from lab import bfcp, msrp
from lab.identity import Identity, context
from lab.tls import CLOSED, Records, Tls
from lab.view import View

MESSAGE = b"MSRP a1b2 200 OK\r\nTo-Path: x\r\nFrom-Path: y\r\n-------a1b2$\r\n"


def pair(*, trusts_client: bool = True, trusts_server: bool = True) -> tuple[Tls, Tls, list[set[str]]]:
    """A client and a server; what one does not trust is another's fingerprint."""
    client, server, other = Identity(), Identity(), Identity()
    keys: list[set[str]] = [set(), set()]
    expected = (server if trusts_server else other).fingerprint
    a = context(SSL.TLS_METHOD, client, (expected,), keys[0])
    b = context(SSL.TLS_METHOD, server, ((client if trusts_client else other).fingerprint,), keys[1])
    return Tls(a, client=True), Tls(b, client=False), keys


def talk(client: Tls, server: Tls) -> bytes:
    """Let both say all that they have to; return what the client sent."""
    sent, back = client.start(), server.start()
    log = sent
    for _ in range(6):
        said, back = server.receive(sent) if sent else (b"", b"")
        assert said == b""
        said, sent = client.receive(back) if back else (b"", b"")
        assert said == b""
        log += sent
    return log


def test_two_ends() -> None:
    client, server, keys = pair()
    log = talk(client, server)
    assert client.up
    assert server.up
    assert client.suite == server.suite == "TLSv1.3 TLS_AES_128_GCM_SHA256"
    records = client.send(MESSAGE)
    assert server.receive(records) == (MESSAGE, b"")
    assert b"MSRP" not in records
    assert keys[0] == keys[1] != set()
    view = View(msrp.Reader())
    view.feed(log)
    view.feed(records)
    assert (view.plain, view.sealed) == (0, True)
    server.receive(client.close())
    assert server.reason == CLOSED


@pytest.mark.parametrize("trusts_client", [True, False])
def test_another_certificate_is_refused(trusts_client: bool) -> None:
    client, server, _ = pair(trusts_client=trusts_client, trusts_server=not trusts_client)
    talk(client, server)
    refuses = client if trusts_client else server
    assert refuses.reason == "certificate verify failed"
    assert not refuses.up


def test_what_is_no_tls() -> None:
    _, server, _ = pair()
    server.start()
    assert server.receive(MESSAGE)[0] == b""
    assert server.reason
    assert not server.up


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_views_of_plain_media(size: int) -> None:
    view = View(msrp.Reader())
    octets = MESSAGE * 3
    for at in range(0, len(octets), size):
        view.feed(octets[at : at + size])
    assert (view.plain, view.opaque, view.sealed) == (3, 0, False)


def test_views_of_what_is_neither() -> None:
    for reader in (msrp.Reader(), bfcp.Reader()):
        view = View(reader)
        view.feed(b"\x00\x01\x02\x03\x04\x05")
        view.feed(b"more")
        assert (view.plain, view.opaque, view.sealed) == (0, 2, False)


def test_records_in_the_middle_of_plain_media_are_not_sealed() -> None:
    view = View(msrp.Reader())
    view.feed(MESSAGE)
    view.feed(b"\x17\x03\x03\x00\x02ab")
    assert (view.plain, view.opaque, view.sealed) == (1, 1, False)


def test_records_are_counted_whole() -> None:
    records = Records()
    octets = b"\x16\x03\x01\x00\x01x" + b"\x17\x03\x03\x00\x02ab" * 2
    assert [records.feed(octets[:3]), records.feed(octets[3:])] == [0, 2]
    assert not records.strange
    assert records.feed(b"\x17\x03\x03\xff\xff") == 0
    assert records.strange
