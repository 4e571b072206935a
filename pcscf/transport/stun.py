"""STUN keep-alives on the SIP port (RFC 5626 4.4.2, RFC 5389): a phone learns that its flow holds."""

import ipaddress

MAGIC_COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101
XOR_MAPPED_ADDRESS = 0x0020
_HEADER = 20


def binding_response(data: bytes, host: str, port: int) -> bytes | None:
    """Return the answer to a Binding request that came from ``host`` and ``port``, or None for all else.

    Attributes of the request are ignored: the keep-alive usage has none (RFC 5626 8).
    """
    if len(data) < _HEADER or int.from_bytes(data[:2]) != BINDING_REQUEST:
        return None
    if int.from_bytes(data[4:8]) != MAGIC_COOKIE or int.from_bytes(data[2:4]) != len(data) - _HEADER:
        return None
    address = ipaddress.ip_address(host).packed
    mask = data[4:_HEADER]  # cookie and transaction id
    hidden = bytes(octet ^ key for octet, key in zip(address, mask, strict=False))
    value = bytes((0, 1 if len(address) == 4 else 2)) + (port ^ (MAGIC_COOKIE >> 16)).to_bytes(2) + hidden
    attribute = XOR_MAPPED_ADDRESS.to_bytes(2) + len(value).to_bytes(2) + value
    return BINDING_SUCCESS.to_bytes(2) + len(attribute).to_bytes(2) + mask + attribute
