"""TLS contexts from the files of a configuration: for listeners, and mutual for our own processes (Iq)."""

import ssl
from pathlib import Path

from hosting.daemon import StartError
from hosting.sections import TlsFiles

#: TLS 1.2 suites: forward secrecy and authenticated encryption alone (RFC 9325 4.2). TLS 1.3 has no others.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def listening_context(certificate: Path, private_key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """For a listener that anybody may connect to; TLS 1.2 and 1.3.

    client_ca: where given, every peer has to present a certificate that it vouches for.
    Raises StartError where a file is of no use.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return _with_files(context, certificate, private_key, client_ca)


def connecting_context(
    ca: Path | None, certificate: Path | None = None, private_key: Path | None = None
) -> ssl.SSLContext:
    """For who connects to a peer of others; TLS 1.2 and 1.3. Whether the certificate is for the right name is
    left to the caller.

    ca: vouches for the peer; None: the CAs of this system. certificate, private_key: ours, for a peer that
    asks. Raises StartError where a file is of no use.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    if ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    return _with_files(context, certificate, private_key, ca)


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For who listens: demands a certificate of the peer. Raises StartError where a file is of no use."""
    return _context(files, ssl.PROTOCOL_TLS_SERVER)


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For who connects. The peer's certificate is checked against the CA; its name is not, since peers are
    configured by address. Raises StartError."""
    return _context(files, ssl.PROTOCOL_TLS_CLIENT)


def _context(files: TlsFiles, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    return _with_files(context, files.certificate, files.private_key, files.ca)


def _with_files(
    context: ssl.SSLContext, certificate: Path | None, private_key: Path | None, ca: Path | None
) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if certificate is not None:
            context.load_cert_chain(certificate, private_key, password=_refuse_password)
        if ca is not None:
            context.load_verify_locations(ca)
    except (OSError, ValueError) as error:
        names = ", ".join(str(name) for name in (certificate, private_key, ca) if name is not None)
        raise StartError(f"TLS files cannot be used ({names}): {error}") from None
    return context


def _refuse_password() -> str:
    raise ValueError("the private key is encrypted")
