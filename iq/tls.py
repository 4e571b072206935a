"""TLS contexts for both ends of Iq: mutual, by a private CA (TS 33.328 6.2.2: keys cross Iq in clear)."""

import ssl
from pathlib import Path


def server_context(certificate: Path, private_key: Path, ca: Path) -> ssl.SSLContext:
    """Return the controller's context: gateways need a certificate of ``ca``. Files are PEM.

    Raises OSError (ssl.SSLError included) for a file that is missing or does not fit.
    """
    return _context(ssl.PROTOCOL_TLS_SERVER, certificate, private_key, ca)


def client_context(certificate: Path, private_key: Path, ca: Path) -> ssl.SSLContext:
    """Return the gateway's context: the controller needs a certificate of ``ca``. Files are PEM.

    Raises OSError (ssl.SSLError included) for a file that is missing or does not fit.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, certificate, private_key, ca)


def _context(protocol: int, certificate: Path, private_key: Path, ca: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Controllers are configured by address: who is who is proved by the CA, which is for Iq alone.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificate, private_key)
    context.load_verify_locations(ca)
    return context
