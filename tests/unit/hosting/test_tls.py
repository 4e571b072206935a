"""hosting.tls: mutual, from files; what is wrong with a file is one line."""

import contextlib
import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hosting.daemon import StartError
from hosting.sections import TlsFiles
from hosting.tls import client_context, listening_context, server_context


def make(folder: Path, name: str, password: bytes | None = None) -> TlsFiles:
    """A self-signed certificate that is its own CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(key.private_bytes(pem, pkcs8, lock))
    return TlsFiles(
        certificate=folder / f"{name}.pem", private_key=folder / f"{name}.key", ca=folder / f"{name}.pem"
    )


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [server.wrap_bio(to_server, to_client, server_side=True), client.wrap_bio(to_client, to_server)]
    for _ in range(4):
        for end in ends:
            with contextlib.suppress(ssl.SSLWantReadError):
                end.do_handshake()
    ends[0].write(b"hello")
    assert ends[1].read(5) == b"hello"


def test_both_ends_present_what_the_ca_vouches_for(tmp_path: Path) -> None:
    files = make(tmp_path, "edge")
    handshake(server_context(files), client_context(files))


def test_a_stranger_is_refused(tmp_path: Path) -> None:
    ours, theirs = make(tmp_path, "edge"), make(tmp_path, "stranger")
    with pytest.raises(ssl.SSLError, match="certificate verify failed"):
        handshake(server_context(ours), client_context(theirs))


def test_a_listener_takes_peers_without_a_certificate(tmp_path: Path) -> None:
    ours, theirs = make(tmp_path, "edge"), make(tmp_path, "phone")
    anybody = ssl.create_default_context(cafile=ours.ca)
    anybody.check_hostname = False
    handshake(listening_context(ours.certificate, ours.private_key), anybody)
    picky = listening_context(ours.certificate, ours.private_key, theirs.ca)
    with pytest.raises(ssl.SSLError, match="did not return a certificate"):
        handshake(picky, anybody)
    anybody.load_cert_chain(theirs.certificate, theirs.private_key)
    handshake(picky, anybody)


def test_a_listener_speaks_no_old_suites(tmp_path: Path) -> None:
    ours = make(tmp_path, "edge")
    context = listening_context(ours.certificate, ours.private_key)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    suites = {suite["name"] for suite in context.get_ciphers()}
    old = [name for name in suites if not name.startswith("TLS_") and not name.startswith("ECDHE-")]
    assert old == []
    assert not [name for name in suites if "CBC" in name or name.endswith("-SHA")]


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    ours, theirs = make(tmp_path, "edge"), make(tmp_path, "stranger")
    with pytest.raises(StartError, match=r"stranger\.key.*(?i:mismatch)"):
        listening_context(ours.certificate, theirs.private_key)
    with pytest.raises(StartError, match=r"edge\.key, .*edge\.key\)"):
        listening_context(ours.certificate, ours.private_key, ours.private_key)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    files = make(tmp_path, "edge", password=b"secret")
    with pytest.raises(StartError, match=r"edge\.key.*: the private key is encrypted$"):
        server_context(files)
    files.private_key.write_text("no key")
    with pytest.raises(StartError, match=r"edge\.key.*PEM"):
        server_context(files)
