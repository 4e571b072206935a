"""STUN keep-alives: the addresses of RFC 5769."""

import pytest

from pcscf.transport.stun import binding_response

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
REQUEST = bytes.fromhex("000100002112a442") + TRANSACTION


@pytest.mark.parametrize(
    ("host", "port", "attribute"),
    [
        pytest.param("192.0.2.1", 32853, "002000080001a147e112a643", id="2.2 IPv4"),
        pytest.param(
            "2001:db8:1234:5678:11:2233:4455:6677",
            32853,
            "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9",
            id="2.3 IPv6",
        ),
    ],
)
def test_rfc5769(host: str, port: int, attribute: str) -> None:
    value = bytes.fromhex(attribute)
    expected = b"\x01\x01" + len(value).to_bytes(2) + REQUEST[4:] + value
    assert binding_response(REQUEST, host, port) == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x00" * 20, id="NULs"),
        pytest.param(REQUEST[:19], id="short"),
        pytest.param(b"\x01" + REQUEST[1:], id="a response"),
        pytest.param(REQUEST[:2] + b"\x00\x04" + REQUEST[4:], id="length"),
        pytest.param(REQUEST[:4] + b"\x00" + REQUEST[5:], id="no cookie"),
        pytest.param(b"OPTIONS sip:a SIP/2.0\r\n\r\n", id="SIP"),
    ],
)
def test_all_else(data: bytes) -> None:
    assert binding_response(data, "192.0.2.1", 1) is None
