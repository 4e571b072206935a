"""Addresses in SDP: c= lines and a=rtcp (RFC 8866 5.7, RFC 3605)."""

import ipaddress
import re
from typing import NamedTuple

_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IP4 = re.compile(rf"IN IP4 ({_OCTET})((?:\.{_OCTET}){{3}})", re.ASCII)


class Address(NamedTuple):
    """host: a numeric unicast address or "", and then problem says why. hold: it is 0.0.0.0 or ``::``."""

    host: str
    problem: str = ""
    hold: bool = False


MISSING = Address("", "no c= line")
MULTICAST = Address("", "multicast address in c=")
NOT_NUMERIC = Address("", "c= is not a numeric address")
HOLD_IP4 = Address("0.0.0.0", hold=True)
HOLD_IP6 = Address("::", hold=True)


def address_of(connection: str | None) -> Address:
    """Read the value of a c= line. Names are not resolved: media goes to numeric addresses only."""
    if connection is None:
        return MISSING
    if match := _IP4.fullmatch(connection.rstrip()):
        first, rest = match.groups()
        if int(first) >= 224:
            return MULTICAST
        host = first + rest
        return HOLD_IP4 if host == "0.0.0.0" else Address(host)
    fields = connection.split()
    if len(fields) != 3 or fields[0].upper() != "IN" or fields[1].upper() not in {"IP4", "IP6"}:
        return NOT_NUMERIC
    if "/" in fields[2]:
        return MULTICAST
    if fields[1].upper() == "IP4":
        return address_of(f"IN IP4 {fields[2]}") if connection != f"IN IP4 {fields[2]}" else NOT_NUMERIC
    return _ip6(fields[2])


def _ip6(text: str) -> Address:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return NOT_NUMERIC
    if address.scope_id or address.ipv4_mapped:
        return NOT_NUMERIC
    if address.is_multicast:
        return MULTICAST
    return HOLD_IP6 if address.is_unspecified else Address(str(address))


def rtcp_port(value: str | None, port: int) -> int | None:
    """Return the port of an a=rtcp value unless it is ``port`` + 1; None for no value or a bad one."""
    if value is None:
        return None
    text = value.split(" ", 1)[0]
    if not (len(text) <= 5 and text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if 0 < number <= 65_535 and number != port + 1 else None


def network(host: str) -> str:
    """Return ``IN IP4 host`` or ``IN IP6 host``."""
    return f"IN IP6 {host}" if ":" in host else f"IN IP4 {host}"
