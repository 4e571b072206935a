"""access.static: what names a trunk, and what cannot."""

from pathlib import Path

import pytest

from tests.unit.config.test_pcscf_config import config, refusal, warnings

TRUNK = "access: {static: [{aor: 'sip:pbx@ims.example', contact: '%s'%s}]}"


@pytest.mark.parametrize(
    ("contact", "transport", "remote"),
    [
        ("sip:192.0.2.20", "udp", ("192.0.2.20", 5060)),
        ("sip:pbx@192.0.2.20:5080;transport=UDP", "udp", ("192.0.2.20", 5080)),
        ("sip:pbx@192.0.2.20;transport=tcp", "tcp", ("192.0.2.20", 5060)),
    ],
)
def test_contact(tmp_path: Path, contact: str, transport: str, remote: tuple[str, int]) -> None:
    access = config(tmp_path, TRUNK % (contact, "")).access
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
        "sip:192.0.2.20;transport=tls",
        "sip:192.0.2.20:0",
        "sip:192.0.2.20:70000",
        "sip:192.0.2.300",
        "sip:192.0.2.20;lr",
    ],
)
def test_contacts_that_are_refused(tmp_path: Path, contact: str) -> None:
    assert refusal(tmp_path, TRUNK % (contact, "")) == (
        "2: access.static.0.contact: is no SIP URI with a numeric address, over udp or tcp, "
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
    ],
)
def test_what_is_refused(tmp_path: Path, static: str, expected: str) -> None:
    assert refusal(tmp_path, f"access: {{static: {static}}}") == f"2: access.static.{expected}"


def test_sdes_without_a_confidential_listener_is_warned_of(tmp_path: Path) -> None:
    found = warnings(tmp_path, TRUNK % ("sip:192.0.2.20", ", mechanisms: [sdes-srtp]"))
    assert "2: access.static.0.mechanisms: sdes-srtp has no effect: its listener is not confidential" in found
