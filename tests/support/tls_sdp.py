"""Lines of SDP with certificates, for sessions whose TLS or DTLS ends at the gateway."""

from typing import Any

from pcscf.alg.session import MediaPolicy
from tests.support.call import Call
from tests.support.media import CERTIFICATE

UE = "SHA-256 " + ":".join(["85"] * 32)
OTHER = "SHA-256 " + ":".join(["AC"] * 32)
GATEWAY = f"a=fingerprint:sha-256 {CERTIFICATE.partition(' ')[2]}"
ALL = frozenset({"sdes-srtp", "dtls-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls"})
FAR, MOVED = "203.0.113.77", "192.0.2.99"
REQUEST = "a=3ge2ae:requested"


def call(*mechanisms: str, policy: MediaPolicy | None = None, **options: Any) -> Call:
    """A session of a UE that announced these, or all, with a gateway that can do all."""
    return Call(*(mechanisms or sorted(ALL)), policy=policy, network=ALL, **options)


def lines(media: str, *attributes: str, fingerprint: str = UE) -> str:
    """An m-section of the UE."""
    return "\n".join([f"m={media}", *attributes, f"a=fingerprint:{fingerprint}"])


def msrps(*attributes: str, fingerprint: str = UE, port: int = 30000) -> str:
    path = f"a=path:msrps://192.0.2.10:{port}/s4;tcp"
    return lines(f"message {port} TCP/TLS/MSRP *", path, *attributes, fingerprint=fingerprint)


def msrp(*attributes: str) -> str:
    """The same of the core."""
    return "\n".join(["m=message 7010 TCP/MSRP *", "a=path:msrp://203.0.113.77:7010/s9;tcp", *attributes])


def bfcps(*attributes: str) -> str:
    return lines("application 9 TCP/TLS/BFCP *", *attributes)


def t38s(*attributes: str, fingerprint: str = UE, port: int = 30000) -> str:
    return lines(f"image {port} UDP/TLS/UDPTL t38", *attributes, fingerprint=fingerprint)


T38 = "m=image 6020 udptl t38"
