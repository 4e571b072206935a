"""pcscf.config: defaults, rules between keys, what is not built yet."""

from pathlib import Path
from typing import Any

import pytest

from hosting.config import ConfigError, load
from pcscf.app import call_settings
from pcscf.config import Config, listeners
from pcscf.flow import Side
from tests.support.config_doc import undocumented, untrue

CONFIGS = Path(__file__).parents[3] / "configs"
NODE = "node: {name: p.ims.example, visited_network: ims.example}\n"


def config(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "pcscf.yaml"
    path.write_text(NODE + text)
    return load(path, Config)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/pcscf.yaml:", "")


def warnings(tmp_path: Path, text: str) -> list[str]:
    path, seen = tmp_path / "pcscf.yaml", []
    path.write_text(NODE + text)
    load(path, Config, seen.append)
    return [line.removeprefix(f"{path}:") for line in seen]


def test_the_documented_file_is_whole_and_true() -> None:
    path = CONFIGS / "pcscf.yaml"
    assert undocumented(path, Config) == []
    assert untrue(load(path, Config)) == []


def test_defaults_would_pass_as_values(tmp_path: Path) -> None:
    minimal = config(tmp_path, "")
    assert Config.model_validate(minimal.model_dump()) == minimal


def test_numbers_of_emergencies_are_digits(tmp_path: Path) -> None:
    assert config(tmp_path, 'core: {emergency_numbers: ["112", "*31#"]}').core.emergency_numbers == (
        "112",
        "*31#",
    )
    assert "core.emergency_numbers.0" in refusal(tmp_path, "core: {emergency_numbers: ['tel:112']}")


def test_all_media_security_but_dtls_srtp_without_asking_for_it(tmp_path: Path) -> None:
    default = config(tmp_path, "").media_security
    assert default.mechanisms == ("sdes-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls")
    asked = "media_security: {mechanisms: [msrp-tls, dtls-srtp], prefer: dtls-srtp, bfcp_tls_role: setup}"
    policy = call_settings(config(tmp_path, asked)).policy
    assert (policy.prefer, policy.bfcp_tls_role, policy.sha1_fingerprint) == ("dtls-srtp", "setup", False)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("access: {listen: [{webrtc: true}]}", "access.listen.0.webrtc", "true"),
    ],
)
def test_known_but_not_built_yet(tmp_path: Path, text: str, key: str, value: str) -> None:
    assert refusal(tmp_path, text).startswith(f"2: {key}: {value} is known, but not built yet")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "access: {listen: [{address: 0.0.0.0}]}",
            "2: access.listen.0.advertise: is needed where address is 0.0.0.0: nobody can send to that",
            id="wildcard",
        ),
        pytest.param(
            'core: {listen: [{address: "::"}, {transport: tcp}]}',
            "2: core.listen.0.advertise: is needed where address is ::: nobody can send to that",
            id="wildcard IPv6",
        ),
        pytest.param(
            "access: {listen: [{address: 0.0.0.0, advertise: 0.0.0.0}]}",
            "2: access.listen.0.advertise: is 0.0.0.0: nobody can send to that",
            id="wildcard advertised",
        ),
        pytest.param("access: {listen: []}", "2: access.listen: is empty: no UE could register", id="no Gm"),
        pytest.param(
            "core: {listen: [{}]}",
            "2: core.listen: has no tcp: requests above udp_limit could not be sent",
            id="no tcp on Mw",
        ),
        pytest.param(
            "access: {listen: [{private_key: pcscf.yaml}]}",
            "2: access.listen.0.private_key: has no use with transport udp",
            id="key without TLS",
        ),
        pytest.param(
            "iq: {listen: {address: 192.0.2.1}}",
            "2: iq.tls: is needed outside loopback (Iq carries SRTP keys); insecure: true goes without",
            id="Iq in the clear",
        ),
        pytest.param(
            "iq: {listen: {address: 0.0.0.0}}",
            "2: iq.tls: is needed outside loopback (Iq carries SRTP keys); insecure: true goes without",
            id="Iq in the clear everywhere",
        ),
        pytest.param(
            "media_security: {offer_suites: []}",
            "2: media_security.offer_suites: is empty; AES_CM_128_HMAC_SHA1_80 is mandatory (TS 33.328)",
            id="no suite",
        ),
        pytest.param(
            "media_security: {accept_suites: [F8_128_HMAC_SHA1_80]}",
            "2: media_security.accept_suites.0: unknown suite; known here: AES_CM_128_HMAC_SHA1_80, ",
            id="unknown suite",
        ),
        pytest.param(
            "media_security: {mechanisms: [sdes-srtp, sdes-srtp]}",
            "2: media_security.mechanisms.1: sdes-srtp stands twice",
            id="mechanism twice",
        ),
        pytest.param(
            "media_security: {mechanisms: [mikey]}",
            "2: media_security.mechanisms.0: input should be ",
            id="unknown",
        ),
        pytest.param(
            "core: {next_hop: 192.0.2.1}", "2: core.next_hop: is not a SIP URI like ", id="next_hop"
        ),
        pytest.param(
            "core: {next_hop: 'sips:a'}", "2: core.next_hop: is not a SIP URI like ", id="sips next_hop"
        ),
        pytest.param("core: {udp_limit: 10}", "2: core.udp_limit: input should be ", id="udp_limit"),
        pytest.param("timers: {t1: 0}", "2: timers.t1: input should be ", id="t1"),
        pytest.param("timers: {timer_c: -1}", "2: timers.timer_c: input should be ", id="timer_c"),
        pytest.param("drain: -1", "2: drain: input should be ", id="drain"),
        pytest.param(
            "limits: {max_call: 1}",
            "2: limits.max_call: unknown key; did you mean max_calls?",
            id="limit name",
        ),
        pytest.param("limits: {max_calls: 0}", "2: limits.max_calls: input should be ", id="limit 0"),
        pytest.param("log: {level: loud}", "2: log.level: input should be 'debug', 'info', ", id="level"),
        pytest.param(
            "access: {listen: [{realm: 'a b'}]}", "2: access.listen.0.realm: string should match", id="realm"
        ),
    ],
)
def test_rules(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(tmp_path, text).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "access: {listen: [{}, {}]}",
            "2: access.listen.1: udp 127.0.0.1 port 5060 is taken by access.listen.0",
        ),
        (
            "access: {listen: [{port: 5070}]}",
            "1: core.listen.0: udp 127.0.0.1 port 5070 is taken by access.listen.0",
        ),
        (
            "access: {listen: [{}, {address: 0.0.0.0, advertise: a.example}]}",
            "2: access.listen.1: udp 0.0.0.0 port 5060 is taken by access.listen.0",
        ),
        ("admin: {port: 2944}", "2: admin: tcp 127.0.0.1 port 2944 is taken by iq.listen"),
        (
            "access: {listen: [{transport: tcp, port: 8080}]}",
            "1: admin: tcp 127.0.0.1 port 8080 is taken by access.listen.0",
        ),
    ],
)
def test_two_sockets_on_one_port(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(tmp_path, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "access: {listen: [{port: 0}, {port: 0}]}\ncore: {listen: [{port: 0}, {transport: tcp, port: 0}]}",
        "access: {listen: [{}, {transport: tcp}, {address: '::1'}]}",
        "access: {listen: [{address: 0.0.0.0, advertise: a.example}, {address: '::', advertise: a.example}]}",
        "iq: {listen: {address: 192.0.2.1}, insecure: true}",
        "core: {next_hop: 'sip:[2001:db8::1]:5060;transport=tcp;lr'}",
        "core: {next_hop: 'sip:icscf.ims.example'}",
        "limits: {}\naccess: {}\niq: {}\nlog: {}\n",
    ],
)
def test_what_is_allowed(tmp_path: Path, text: str) -> None:
    assert isinstance(config(tmp_path, text), Config)


CONFIDENTIAL = "access: {listen: [{confidential: true}]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            [
                "1: access.listen: no listener is confidential,"
                " so sdes-srtp is announced to nobody and RTP stays plain"
            ],
        ),
        (
            "media_security: {mechanisms: [sdes-srtp, dtls-srtp]}",
            ["1: access.listen: no listener is confidential, so sdes-srtp is announced to nobody"],
        ),
        (CONFIDENTIAL, []),
        ("media_security: {mechanisms: []}", []),
        (
            "access: {listen: [{confidential: true}, {port: 5062, assume: [sdes-srtp]}]}",
            ["2: access.listen.1.assume: sdes-srtp has no effect: this listener is not confidential"],
        ),
        (
            CONFIDENTIAL + "iq: {listen: {address: 192.0.2.1}, insecure: true}",
            ["3: iq.insecure: is true: SRTP keys cross the network in the clear"],
        ),
        (
            CONFIDENTIAL + "admin: {address: 0.0.0.0}",
            ["3: admin.address: is outside loopback, and nothing there asks who is reading"],
        ),
        (
            CONFIDENTIAL + "timers: {timer_c: 3}",
            ["3: timers.timer_c: has to be larger than 180 outside tests (RFC 3261 16.6)"],
        ),
        (
            CONFIDENTIAL + "media_security: {offer_suites: [AEAD_AES_128_GCM]}",
            [
                "3: media_security.offer_suites: lacks AES_CM_128_HMAC_SHA1_80,"
                " which every UE has to support (TS 33.328)"
            ],
        ),
    ],
)
def test_warnings(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert warnings(tmp_path, text) == expected


def test_listeners_are_what_peers_are_told() -> None:
    values: dict[str, Any] = {
        "node": {"name": "p.ims.example", "visited_network": "ims.example"},
        "access": {
            "listen": [
                {"address": "0.0.0.0", "port": 5060, "advertise": "192.0.2.1", "realm": "wifi"},
                {"transport": "tcp", "confidential": True, "assume": ["sdes-srtp"]},
            ]
        },
        "core": {"realm": "ims"},
    }
    udp, tcp, *core = listeners(Config.model_validate(values))
    assert (udp.side, udp.transport, udp.host, udp.port, udp.realm) == (
        Side.ACCESS,
        "udp",
        "192.0.2.1",
        5060,
        "wifi",
    )
    assert (udp.confidential, udp.assume) == (False, frozenset())
    assert (tcp.confidential, tcp.assume) == (True, frozenset({"sdes-srtp"}))
    assert [(one.side, one.transport, one.hostport, one.realm) for one in core] == [
        (Side.CORE, "udp", "127.0.0.1:5070", "ims"),
        (Side.CORE, "tcp", "127.0.0.1:5070", "ims"),
    ]
