"""agw.config: defaults, rules between keys. The engine that is there: test_choice."""

from pathlib import Path

import pytest

from agw.app import make_realm
from agw.config import Config, RealmSection
from hosting.config import ConfigError, load
from tests.support.config_doc import undocumented, untrue

CONFIGS = Path(__file__).parents[3] / "configs"
NODE = "node: {name: agw.ims.example}\n"
REALMS = "realms: {access: {ports: [20000, 29999]}, core: {ports: [30000, 39999]}}\n"


def load_text(tmp_path: Path, text: str) -> tuple[Config, list[str]]:
    """The configuration and its warnings."""
    path, seen = tmp_path / "agw.yaml", []
    path.write_text(text)
    return load(path, Config, seen.append), [line.removeprefix(f"{path}:") for line in seen]


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    return str(caught.value).replace(f"{tmp_path}/agw.yaml:", "")


def test_the_documented_file_is_whole_and_true() -> None:
    path = CONFIGS / "agw.yaml"
    config = load(path, Config)
    assert undocumented(path, Config) == []
    assert untrue(config) == []
    for realm in config.realms.values():
        assert realm == RealmSection(ports=realm.ports)


def test_minimal(tmp_path: Path) -> None:
    config, warnings = load_text(tmp_path, NODE + REALMS)
    assert warnings == []
    assert (config.admin.port, config.drain, config.engine.kind) == (8081, 30, "auto")
    assert [(one.address, one.port) for one in config.iq.controllers] == [("127.0.0.1", 2944)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            NODE + REALMS + "engine: {kind: fast}",
            "3: engine.kind: input should be 'auto', 'native' or 'portable'",
            id="engine",
        ),
        pytest.param(
            NODE + REALMS + "engine: {kind: portable, workers: 2}",
            "3: engine.workers: has to be 1 with the portable engine",
            id="workers of the portable engine",
        ),
        pytest.param(NODE + REALMS + "engine: {workers: 65}", "3: engine.workers: ", id="workers"),
        pytest.param(NODE + REALMS + "engine: {replay_window: 32}", "3: engine.replay_window: ", id="window"),
        pytest.param(
            NODE + REALMS + "engines: {}", "3: engines: unknown key; did you mean engine?", id="key"
        ),
        pytest.param(
            NODE + REALMS + "iq: {controllers: [{address: 192.0.2.1}]}",
            "3: iq.tls: is needed outside loopback",
            id="no TLS",
        ),
        pytest.param(NODE + REALMS + "iq: {controllers: []}", "3: iq.controllers: ", id="no controller"),
        pytest.param(
            NODE + REALMS + "iq: {controllers: [{address: palg.example}]}",
            "3: iq.controllers.0.address: is not an IP address",
            id="controller by name",
        ),
        pytest.param(NODE + "realms: {access: {ports: [1, 9]}}", "2: realms: ", id="one realm"),
        pytest.param(NODE, "1: realms: is missing", id="no realms"),
        pytest.param(REALMS, "1: node: is missing", id="no node"),
        pytest.param(
            NODE + "realms: {a: {ports: [20000, 20009]}, b: {ports: [20009, 20020]}}",
            "2: realms.b.ports: overlap with those of a on 127.0.0.1",
            id="overlap",
        ),
        pytest.param(
            NODE + "realms: {a: {ports: [20001, 20002]}, b: {ports: [1, 9]}}",
            "2: realms.a.ports: hold no even port",
            id="no pair of ports",
        ),
        pytest.param(
            NODE + "realms: {a: {ports: [0, 9]}, b: {ports: [20, 70000]}}",
            "2: realms.a.ports.0: ",
            id="range",
        ),
        pytest.param(
            NODE + "realms: {'a/b': {ports: [1, 9]}, b: {ports: [20, 29]}}", "2: realms.a/b", id="realm name"
        ),
        pytest.param(
            NODE + "realms: {a: {address: 0.0.0.0, ports: [1, 9]}, b: {ports: [20, 29]}}",
            "2: realms.a.address: is every address",
            id="wildcard",
        ),
        pytest.param(
            NODE + "realms: {a: {address6: 192.0.2.1, ports: [1, 9]}, b: {ports: [20, 29]}}",
            "2: realms.a.address6: has to be one IPv6 address",
            id="address6",
        ),
        pytest.param(
            NODE + "realms: {a: {advertise: '::1', ports: [1, 9]}, b: {ports: [20, 29]}}",
            "2: realms.a.advertise: is of another IP version",
            id="advertise",
        ),
        pytest.param(
            NODE + "realms: {a: {dscp: 64, ports: [1, 9]}, b: {ports: [20, 29]}}",
            "2: realms.a.dscp: ",
            id="dscp",
        ),
    ],
)
def test_refusals(tmp_path: Path, text: str, expected: str) -> None:
    assert refusal(tmp_path, text).startswith(expected)


def test_insecure_iq_is_warned_of(tmp_path: Path) -> None:
    iq = "iq: {insecure: true, controllers: [{address: 192.0.2.1}]}"
    _, warnings = load_text(tmp_path, NODE + REALMS + iq)
    assert warnings == ["3: iq.insecure: is true: SRTP keys cross the network in the clear"]


def test_same_ports_on_other_addresses_do_not_overlap(tmp_path: Path) -> None:
    text = "realms: {a: {ports: [20000, 20009]}, b: {address: 127.0.0.2, ports: [20000, 20009]}}"
    config, _ = load_text(tmp_path, NODE + text)
    assert set(config.realms) == {"a", "b"}


def test_realm_with_both_ip_versions(tmp_path: Path) -> None:
    text = "realms: {a: {advertise: 192.0.2.9, address6: '::1', ports: [20000, 20009]}, b: {ports: [1, 9]}}"
    config, _ = load_text(tmp_path, NODE + text)
    realm = make_realm("a", config.realms["a"])
    assert [(one.version, one.address, one.advertise, one.pool.size) for one in realm.interfaces] == [
        (4, "127.0.0.1", "192.0.2.9", 5),
        (6, "::1", "::1", 5),
    ]
