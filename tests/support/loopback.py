"""The addresses of loopback, as parameters of tests: IPv6 is skipped where the machine has none."""

import pytest

from lab.sockets import open_socket


def _has_ipv6() -> bool:
    try:
        open_socket("::1", 0).close()
    except OSError:
        return False
    return True


BOTH_VERSIONS = (
    "127.0.0.1",
    pytest.param("::1", marks=pytest.mark.skipif(not _has_ipv6(), reason="no IPv6 on loopback")),
)
