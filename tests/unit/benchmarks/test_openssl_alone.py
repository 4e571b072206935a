"""benchmarks.openssl_alone: its handshakes come to an end, both ways."""

import pytest

from benchmarks import openssl_alone


@pytest.mark.parametrize("datagrams", [True, False], ids=["DTLS", "TLS"])
def test_both_ends_work(datagrams: bool) -> None:
    context = openssl_alone.dtls() if datagrams else openssl_alone.tls()
    for _ in range(3):
        server, client = openssl_alone.handshake(context, datagrams=datagrams)
        assert server > 0
        assert client > 0
