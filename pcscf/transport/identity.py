"""Who a TLS peer that we connect to has to be: the domain in its certificate (RFC 5922). No sockets."""

import ipaddress
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pcscf.errors import SipRefusal
from pcscf.sip.uri import SipUri


@dataclass(frozen=True, slots=True)
class Peer:
    """What a connection is opened with. context: has the CAs that may vouch for the peer, and checks that one
    does; not the name, which ``certifies`` does. name: host name or IP address that the certificate is for.
    """

    context: ssl.SSLContext
    name: str


def certifies(certificate: Mapping[str, Any], name: str) -> bool:
    """Tell whether a certificate is for a domain or an address (RFC 5922 7.1, 7.2).

    certificate: as ``SSLObject.getpeercert()`` returns it. A SIP URI without a user counts before any DNS
    name; a wildcard stands for nothing, and neither does the subject's common name.
    """
    found: Mapping[str, list[str]] = {"URI": [], "DNS": [], "IP Address": []}
    for kind, value in certificate.get("subjectAltName", ()):
        if kind in found:
            found[kind].append(value)
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.lower() in (_domains(found["URI"]) or [value.lower() for value in found["DNS"]])
    return any(ipaddress.ip_address(value) == address for value in found["IP Address"])


def _domains(uris: list[str]) -> list[str]:
    domains = []
    for uri in uris:
        try:
            parsed = SipUri.parse(uri)
        except SipRefusal:
            continue
        if not parsed.user:
            domains.append(parsed.host.lower())
    return domains
