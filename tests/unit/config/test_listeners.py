"""Listeners of TLS and WebSocket in pcscf.yaml: what they need, and what of them a reload brings in force."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from hosting.config import ConfigError, load
from pcscf.certificates import Certificates, without_files
from pcscf.config import Config, listeners
from pcscf.transport import Transports
from tests.support.certificates import Files, issue

NODE = "node: {name: p.ims.example, visited_network: ims.example}\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return issue(tmp_path, "edge")


def config(tmp_path: Path, *points: dict[str, object], static: Sequence[object] = ()) -> Config:
    path = tmp_path / "pcscf.yaml"
    path.write_text(f"{NODE}access: {json.dumps({'listen': points, 'static': static})}\n")
    return load(path, Config)


def refusal(tmp_path: Path, **point: object) -> str:
    with pytest.raises(ConfigError) as caught:
        config(tmp_path, point)
    return str(caught.value).replace(f"{tmp_path}/", "")


def keys(name: str = "edge") -> dict[str, object]:
    return {"certificate": f"{name}.pem", "private_key": f"{name}.key"}


@pytest.mark.parametrize(("transport", "port"), [("tls", 5061), ("wss", 443)])
def test_tls_is_confidential(tmp_path: Path, files: Files, transport: str, port: int) -> None:
    got = config(tmp_path, {"transport": transport, "port": port, **keys()})
    first = listeners(got)[0]
    assert (first.transport, first.port, first.confidential, first.encrypts) == (transport, port, True, True)
    assert got.access.listen[0].tls_context() is not None


def test_websocket_without_tls_is_not(tmp_path: Path) -> None:
    got = config(tmp_path, {"transport": "ws", "port": 8000})
    first = listeners(got)[0]
    assert (first.transport, first.confidential, first.encrypts) == ("ws", False, False)
    assert got.access.listen[0].tls_context() is None


@pytest.mark.parametrize("transport", ["tls", "wss"])
def test_certificates_are_needed(tmp_path: Path, transport: str) -> None:
    where = "pcscf.yaml:2: access.listen.0"
    assert refusal(tmp_path, transport=transport).splitlines() == [
        f"{where}.certificate: is needed with transport {transport}",
        f"{where}.private_key: is needed with transport {transport}",
    ]


def test_keys_without_tls(tmp_path: Path, files: Files) -> None:
    found = refusal(tmp_path, transport="ws", client_ca="edge-ca.pem", **keys())
    assert [line.split(": ")[2] for line in found.splitlines()] == ["has no use with transport ws"] * 3


def test_encrypted_is_not_in_the_clear(tmp_path: Path, files: Files) -> None:
    found = refusal(tmp_path, transport="wss", confidential=False, **keys())
    assert found == "pcscf.yaml:2: access.listen.0.confidential: is false, yet wss encrypts"


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"private_key": "other.key"}, id="key of another"),
        pytest.param({"certificate": "pcscf.yaml"}, id="no PEM"),
        pytest.param({"client_ca": "edge.key"}, id="no CA"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, files: Files, wrong: dict[str, object]) -> None:
    issue(tmp_path, "other")
    found = refusal(tmp_path, transport="tls", **{**keys(), **wrong})
    assert found.startswith("pcscf.yaml:2: access.listen.0.certificate: TLS files cannot be used (")


async def test_a_reload_takes_all_certificates_or_none(tmp_path: Path, files: Files) -> None:
    points = [{"transport": name, "port": port, **keys()} for name, port in (("tls", 5061), ("wss", 8443))]
    old = config(tmp_path, *points)
    transports = Transports()
    bound = listeners(old)[:2]
    certificates = Certificates(transports, old.access, bound)
    issue(tmp_path, "new")
    new = config(tmp_path, {**points[0], **keys("new")}, {**points[1], "port": 9443})
    assert without_files(old).access != without_files(new).access  # a port needs a restart
    assert certificates.reload(new.access) == ["tls 127.0.0.1:5061"]
    assert list(transports._contexts) == bound[:1]
    before = dict(transports._contexts)
    (tmp_path / "new.key").write_text("no key")
    with pytest.raises(ConfigError, match=r"new\.key"):
        certificates.reload(new.access)
    assert transports._contexts == before
    await transports.close()


async def test_a_reload_takes_who_vouches_for_trunks(tmp_path: Path, files: Files) -> None:
    tls: dict[str, object] = {"transport": "tls", "port": 5061, **keys()}
    contact = "sip:127.0.0.1:5071;transport=tls"

    def trusting(**proof: str) -> Config:
        static = [{"aor": "sip:pbx@ims.example", "contact": contact, **proof}]
        return config(tmp_path, tls, static=static)

    old, transports = trusting(ca="edge-ca.pem"), Transports()
    bound = listeners(old)[:1]
    certificates = Certificates(transports, old.access, bound)
    place = (bound[0], "127.0.0.1", 5071)
    first = transports._trusted[place]
    assert first.name == "127.0.0.1"
    new = trusting(ca="edge-ca.pem", server_name="pbx.example")
    assert without_files(old) == without_files(new)
    certificates.reload(new.access)
    assert transports._trusted[place].name == "pbx.example"
    (tmp_path / "edge-ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"edge-ca\.pem"):
        certificates.reload(new.access)
    assert transports._trusted[place].name == "pbx.example"
    await transports.close()


def test_certificates_alone_need_no_restart(tmp_path: Path, files: Files) -> None:
    issue(tmp_path, "new")
    old = config(tmp_path, {"transport": "tls", **keys()})
    new = config(tmp_path, {"transport": "tls", **keys("new"), "client_ca": "edge-ca.pem"})
    assert old != new
    assert without_files(old) == without_files(new)
