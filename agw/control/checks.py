"""Is what a procedure asks for possible here? Everything is checked before anything is done."""

import functools
import ipaddress
from collections.abc import Container

from agw.control.legs import ENDING_DTLS, MSRP, MSRP_TLS, SDES, TRANSPORTS, is_tcp, is_tls
from agw.control.termination import End, has_description, speaks_of_certificates, speaks_of_paths
from iq.errors import IqError
from iq.procedures import Configure, Endpoint, Reserve, Stream
from iq.suites import SUITES, Crypto

MAX_STREAMS = 16
"""Streams of one termination."""
MAX_MKI = 128
"""Octets (RFC 4568 6.1)."""
MAX_SECONDS = 7 * 86_400
"""Of heartbeat and inactivity."""


def check_reserve(reserve: Reserve, suites: Container[str], tls: bool) -> None:
    """suites: what the engine can do; tls: does (D)TLS end here. Raises IqError."""
    if not reserve.heartbeat:
        raise IqError(472, "Required information missing: hangterm/thb")
    if not 0 < reserve.heartbeat <= MAX_SECONDS:
        raise _bad("hangterm/thb timerx")
    if reserve.inactivity is not None and not 0 < reserve.inactivity <= MAX_SECONDS:
        raise _bad("adid/ipstop dt")
    if reserve.dscp is not None and not 0 <= reserve.dscp <= 63:
        raise _bad("ds/dscp")
    if reserve.source is not None and not _is_prefix(reserve.source):
        raise _bad("gm/sam")
    if not reserve.streams:
        raise IqError(472, "Required information missing: no stream")
    _check_streams(reserve.streams, {}, suites, tls)


def check_configure(configure: Configure, ends: dict[int, End], suites: Container[str], tls: bool) -> None:
    """ends: what the termination has. Raises IqError."""
    if configure.source is not None and not _is_prefix(configure.source):
        raise _bad("gm/sam")
    _check_streams(configure.streams, ends, suites, tls)


def _check_streams(streams: list[Stream], ends: dict[int, End], suites: Container[str], tls: bool) -> None:
    seen = set(ends)
    if len(seen.union(stream.id for stream in streams)) > MAX_STREAMS:
        raise IqError(510, f"Insufficient resources: more than {MAX_STREAMS} streams")
    named: set[int] = set()
    for stream in streams:
        if not 0 < stream.id <= 0xFFFF:
            raise IqError(410, "Incorrect identifier: StreamID")
        if stream.id in named:
            raise IqError(448, f"Descriptor appears twice: Stream {stream.id}")
        named.add(stream.id)
        _check_stream(stream, ends.get(stream.id), suites)
        _check_security(stream, ends.get(stream.id), tls)


def _check_stream(stream: Stream, end: End | None, suites: Container[str]) -> None:
    if end is None and not stream.transport:
        raise IqError(472, "Required information missing: Local of a new stream")
    if end is None or has_description(stream):
        if stream.transport.upper() not in TRANSPORTS:
            raise _bad(f"transport {_word(stream.transport)}")
        if end is not None and end.tcp is not is_tcp(stream.transport):
            raise IqError(473, "Conflicting property values: TCP and UDP on one port")
        if stream.transport.upper() not in SDES and (stream.local_crypto or stream.remote_crypto):
            raise IqError(473, "Conflicting property values: a=crypto without RTP/SAVP")
    for crypto in (stream.local_crypto, stream.remote_crypto):
        if crypto is not None:
            _check_crypto(crypto, suites)
    if stream.remote is not None and stream.remote.port:
        version = _check_endpoint(stream.remote)
        if end is not None and version != end.interface.version:
            raise _bad("Remote address of another IP version than Local")
    if stream.local is not None and end is not None and stream.local.port not in (0, end.number):
        raise _bad("Local port")


def _check_security(stream: Stream, end: End | None, tls: bool) -> None:
    certificates = speaks_of_certificates(stream)
    if certificates and not tls:
        raise IqError(515, "Unsupported media type: TLS")
    secured = certificates or (end is not None and end.security is not None)
    if stream.start_tls and not secured:
        raise IqError(472, "Required information missing: a=fingerprint")
    described = end is None or has_description(stream)
    transport = stream.transport if described or end is None else end.transport
    if certificates and not is_tls(transport):
        raise IqError(473, "Conflicting property values: a=fingerprint without TLS")
    if certificates and not is_tcp(transport) and transport.upper() not in ENDING_DTLS:
        raise IqError(515, f"Unsupported media type: DTLS of {_word(transport)} cannot end here")
    if speaks_of_paths(stream) and transport.upper() != (MSRP_TLS if secured else MSRP):
        raise IqError(473, "Conflicting property values: a=path without MSRP that ends here")


def _check_crypto(crypto: Crypto, suites: Container[str]) -> None:
    if crypto.suite not in suites:
        raise _bad(f"crypto suite {_word(crypto.suite)}")
    if len(crypto.key.octets) != SUITES[crypto.suite].octets:
        raise _bad(f"key length of {crypto.suite}")
    if crypto.mki is not None and not 0 < crypto.mki[1] <= MAX_MKI:
        raise _bad("MKI length")


def _check_endpoint(endpoint: Endpoint) -> int:
    """IP version of ``endpoint``."""
    version = _version(endpoint.address)
    if version is None:
        raise _bad("Remote address")
    for port in (endpoint.port, 1 if endpoint.rtcp_port is None else endpoint.rtcp_port):
        if not 0 < port <= 0xFFFF:
            raise _bad("Remote port")
    return version


@functools.lru_cache(maxsize=1024)
def _version(text: str) -> int | None:
    """4 or 6; None: nobody could send from there. Few addresses stand in many calls."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if address.is_multicast or address.is_unspecified or "%" in text else address.version


@functools.lru_cache(maxsize=1024)
def _is_prefix(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def wanted_version(stream: Stream, source: str | None) -> int | None:
    """IP version for a new port: what Local asks for, that of Remote, that of the source filter, any."""
    for text in (
        stream.local.address if stream.local is not None else None,
        stream.remote.address if stream.remote is not None else None,
        source,
    ):
        if text and ":" in text:
            return 6
        if text and "." in text:
            return 4
    return None


def _bad(what: str) -> IqError:
    return IqError(449, f"Unsupported or unknown value: {what}")


def _word(text: str) -> str:
    """A peer's token for an error text: short, printable."""
    return "".join(c for c in text[:40] if c.isalnum() or c in "/_-.")
