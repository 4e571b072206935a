"""Iq over TLS: both ends prove who they are by the CA of Iq."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hosting.daemon import StartError
from hosting.sections import TlsFiles
from hosting.tls import client_context, server_context
from tests.support import iq_values
from tests.support.iq_ends import Ends, send


def mixed(own: TlsFiles, ca: TlsFiles) -> TlsFiles:
    """The certificate of one CA, trusting another."""
    return TlsFiles(certificate=own.certificate, private_key=own.private_key, ca=ca.ca)


def issue(directory: Path, name: str) -> TlsFiles:
    """Make a CA of its own and one certificate of it, as PEM files."""
    now = dt.datetime.now(dt.UTC)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ca of {name}")])

    def certificate(subject: x509.Name, public: ec.EllipticCurvePublicKey, ca: bool) -> bytes:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(identifier, critical=False)
            .sign(ca_key, hashes.SHA256())
            .public_bytes(serialization.Encoding.PEM)
        )

    names = ("certificate", "private_key", "ca")
    files = {part: directory / f"{name}-{part}.pem" for part in names}
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    files["certificate"].write_bytes(certificate(subject, key.public_key(), ca=False))
    files["ca"].write_bytes(certificate(issuer, ca_key.public_key(), ca=True))
    files["private_key"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return TlsFiles(**files)


@pytest.fixture
async def ends():
    async with Ends() as ends:
        yield ends


async def test_a_call_over_mutual_tls(ends, tmp_path):
    files = issue(tmp_path, "iq")
    alg = await ends.alg(ssl=server_context(files))
    ends.agw(alg.controller.port, ssl=client_context(files))
    gateway, _ = await alg.up()
    transport = gateway.association._transport
    assert transport.get_extra_info("ssl_object").version() == "TLSv1.3"
    assert transport.get_extra_info("peercert") is not None
    assert (await send(gateway, iq_values.reserve())).error is None


async def test_a_gateway_of_another_ca_is_refused(ends, tmp_path):
    ours, other = issue(tmp_path, "ours"), issue(tmp_path, "other")
    alg = await ends.alg(ssl=server_context(ours))
    stranger = client_context(mixed(other, ours))
    link, executor = ends.agw(alg.controller.port, ssl=stranger)
    ends.agw(alg.controller.port, ssl=client_context(ours))
    gateway, _ = await alg.up()
    assert gateway.up
    assert not link.up
    assert executor.executed == []


async def test_a_controller_of_another_ca_is_refused(ends, tmp_path):
    ours, other = issue(tmp_path, "ours"), issue(tmp_path, "other")
    stranger = await ends.alg(ssl=server_context(mixed(other, ours)))
    alg = await ends.alg(ssl=server_context(ours))
    # The stranger is asked first: only who is proved gets the ServiceChange.
    link, _ = ends.agw(stranger.controller.port, alg.controller.port, ssl=client_context(ours))
    await alg.up()
    assert link.up
    assert stranger.ups.empty()
    assert stranger.controller.counters["messages_in"] == 0


async def test_a_gateway_without_tls_is_refused(ends, tmp_path):
    files = issue(tmp_path, "iq")
    alg = await ends.alg(ssl=server_context(files))
    raw = await ends.raw(alg.controller.port)
    raw.send("!/1 <a.b> T=1{C=-{SC=ROOT{SV{MT=RS,V=2,RE=901}}}}")
    assert await raw.reader.read(7) in (b"", b"\x15\x03\x03\x00\x02\x02\x46")  # closed, or an alert before
    assert alg.controller.counters["messages_in"] == 0


def test_files_that_do_not_fit(tmp_path):
    one, two = issue(tmp_path, "one"), issue(tmp_path, "two")
    with pytest.raises(StartError):
        server_context(TlsFiles(certificate=one.certificate, private_key=two.private_key, ca=one.ca))
