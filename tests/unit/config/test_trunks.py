"""access.static: what names a trunk, and what cannot."""

import ssl
from pathlib import Path

import pytest

from tests.support.certificates import issue
from tests.unit.config.test_pcscf_config import config, refusal, warnings

FILES = "certificate: edge.pem, private_key: edge.key"
TLS = "sip:192.0.2.20;transport=tls"
TRUNK = "access: {static: [{aor: 'sip:pbx@ims.example', contact: '%s'%s}]}"


@pytest.mark.parametrize(
    ("contact", "transport", "remote"),
    [
        ("sip:192.0.2.20", "udp", ("192.0.2.20", 5060)),
        ("sip:pbx@192.0.2.20:5080;transport=UDP", "udp", ("192.0.2.20", 5080)),
        ("sip:pbx@192.0.2.20;transport=tcp", "tcp", ("192.0.2.20", 5060)),
        ("sip:pbx@192.0.2.20;transport=tls", "tls", ("192.0.2.20", 5061)),
        ("sip:pbx@192.0.2.20:5090;transport=TLS", "tls", ("192.0.2.20", 5090)),
    ],
)
def test_contact(tmp_path: Path, contact: str, transport: str, remote: tuple[str, int]) -> None:
    issue(tmp_path, "edge")
    listen = f"listen: [{{}}, {{transport: tcp}}, {{transport: tls, port: 5061, {FILES}}}], static"
    access = config(tmp_path, (TRUNK % (contact, "")).replace("static", listen)).access
    trunk = access.static[0]
    assert (trunk.transport, trunk.remote) == (transport, remote)
    at = access.listener_of(trunk)
    assert at is not None
    assert access.listen[at].transport == transport


def test_the_listener_of_a_trunk_speaks_its_ip_version(tmp_path: Path) -> None:
    listen = "[{}, {address: '::1', port: 5062}]"
    access = config(
        tmp_path,
        f"access: {{listen: {listen}, static: [{{aor: 'tel:+49-228', contact: 'sip:[2001:DB8:0::1]'}}]}}",
    ).access
    assert access.static[0].aor == "tel:+49228"
    assert access.static[0].remote == ("2001:db8::1", 5060)
    assert access.listener_of(access.static[0]) == 1


@pytest.mark.parametrize(
    "contact",
    [
        "sip:pbx.ims.example",
        "sips:192.0.2.20",
        "sip:192.0.2.20;transport=wss",
        "sip:192.0.2.20:0",
        "sip:192.0.2.20:70000",
        "sip:192.0.2.300",
        "sip:192.0.2.20;lr",
    ],
)
def test_contacts_that_are_refused(tmp_path: Path, contact: str) -> None:
    assert refusal(tmp_path, TRUNK % (contact, "")) == (
        "2: access.static.0.contact: is no SIP URI with a numeric address, over udp, tcp or tls, "
        'like "sip:192.0.2.20:5060;transport=tcp"'
    )


@pytest.mark.parametrize(
    ("static", "expected"),
    [
        (
            "[{aor: pbx, contact: 'sip:192.0.2.20'}]",
            '0.aor: is no address-of-record like "sip:pbx@ims.example" or "tel:+4922812345"',
        ),
        (
            "[{aor: 'sip:a@b', contact: 'sip:192.0.2.20'}, {aor: 'sip:a@B', contact: 'sip:192.0.2.21'}]",
            "1.aor: sip:a@b stands twice",
        ),
        ("[{aor: 'sip:a@b', contact: 'sip:[::1]'}]", "0.contact: no listener speaks udp over IPv6"),
        (
            "[{aor: 'sip:a@b', contact: 'sip:192.0.2.20;transport=tls'}]",
            "0.contact: no listener speaks tls over IPv4",
        ),
        ("[{aor: 'sip:a@b', contact: 'sip:192.0.2.20', ca: pcscf.yaml}]", "0.ca: has no use over udp"),
        (
            "[{aor: 'sip:a@b', contact: 'sip:192.0.2.20;transport=tcp', server_name: b}]",
            "0.server_name: has no use over tcp",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, static: str, expected: str) -> None:
    assert refusal(tmp_path, f"access: {{static: {static}}}") == f"2: access.static.{expected}"


def test_sdes_without_a_confidential_listener_is_warned_of(tmp_path: Path) -> None:
    found = warnings(tmp_path, TRUNK % ("sip:192.0.2.20", ", mechanisms: [sdes-srtp]"))
    assert "2: access.static.0.mechanisms: sdes-srtp has no effect: its listener is not confidential" in found


def over_tls(tmp_path: Path, *trunks: str) -> str:
    """Return a configuration with these trunks at one place."""
    issue(tmp_path, "edge")
    static = ", ".join(f"{{aor: 'sip:{n}@b', contact: '{TLS}', {more}}}" for n, more in enumerate(trunks))
    return f"access: {{listen: [{{transport: tls, {FILES}}}], static: [{static}]}}"


def test_what_proves_a_trunk(tmp_path: Path) -> None:
    by_address, by_name = (
        config(tmp_path, over_tls(tmp_path, f"ca: edge-ca.pem{more}")).access.static[0]
        for more in ("", ", server_name: pbx.example")
    )
    assert (by_address.name, by_name.name) == ("192.0.2.20", "pbx.example")
    context = by_name.tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert [dict(part[0] for part in ca["subject"]) for ca in context.get_ca_certs()] == [
        {"commonName": "ca of edge"}
    ]


def test_a_ca_that_is_none(tmp_path: Path) -> None:
    found = refusal(tmp_path, over_tls(tmp_path, "ca: edge.key"))
    assert found.startswith("2: access.static.0.ca: TLS files cannot be used (")


def test_trunks_at_one_place_prove_the_same(tmp_path: Path) -> None:
    text = over_tls(tmp_path, "ca: edge-ca.pem", "ca: edge-ca.pem, server_name: pbx.example")
    assert refusal(tmp_path, text) == (
        "2: access.static.1.contact: another trunk there has another ca or server_name"
    )
    config(tmp_path, over_tls(tmp_path, "ca: edge-ca.pem", "ca: edge-ca.pem, server_name: 192.0.2.20"))
