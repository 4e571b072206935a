"""Contexts for mutual TLS between our own processes (Iq), from the files of a configuration."""

import ssl

from hosting.daemon import StartError
from hosting.sections import TlsFiles


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For who listens: demands a certificate of the peer. Raises StartError where a file is of no use."""
    return _context(files, ssl.PROTOCOL_TLS_SERVER)


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """For who connects. The peer's certificate is checked against the CA; its name is not, since peers are
    configured by address. Raises StartError."""
    return _context(files, ssl.PROTOCOL_TLS_CLIENT)


def _context(files: TlsFiles, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(files.certificate, files.private_key, password=_refuse_password)
        context.load_verify_locations(files.ca)
    except (OSError, ValueError) as error:
        names = f"{files.certificate}, {files.private_key}, {files.ca}"
        raise StartError(f"TLS files cannot be used ({names}): {error}") from None
    return context


def _refuse_password() -> str:
    raise ValueError("the private key is encrypted")
