"""Registration between the lab's UE and its core's registrar, without a network."""

import pytest

from lab.registrar import Registrar
from lab.registration import Registration
from pcscf.sip.message import Request, Response, parse

VIA = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1"
CONTACT = "sip:alice@192.0.2.1:5060"
SERVER = ("sdes-srtp;mediasec", "msrp-tls;mediasec")


def registrar(*, behind_edge: bool = True) -> Registrar:
    users = {"alice": "secret", "bob": "other"}
    return Registrar("ims.example", users, "<sip:orig@192.0.2.9:6060;lr>", behind_edge)


def ue(password: str = "secret", user: str = "alice", mechanisms: tuple[str, ...] = ()) -> Registration:
    return Registration(f"sip:{user}@ims.example", password, CONTACT, mechanisms)


def through_edge(request: Request) -> Request:
    """Do what a P-CSCF does to a REGISTER."""
    request = request.copy()
    request.remove("security-client", "security-verify", "proxy-require", "require")
    request.append("Path", "<sip:token@192.0.2.5:5070;lr>")
    request.append("Require", "path")
    request.append("P-Visited-Network-ID", "ims.example")
    request.append("P-Charging-Vector", "icid-value=1")
    return request


def back_through_edge(response: Response) -> Response:
    for value in SERVER:
        response.append("Security-Server", value)
    return response


def register(core: Registrar, agent: Registration, expires: int = 600, now: float = 0.0) -> list[int]:
    statuses = []
    again = True
    while again:
        response = core.register(through_edge(agent.request(expires, VIA)), now)
        statuses.append(response.status)
        again = agent.absorb(back_through_edge(response))
    return statuses


def test_registers_with_digest_and_path() -> None:
    core, agent = registrar(), ue()
    assert register(core, agent) == [401, 200]
    assert agent.registered
    assert agent.expires == 600
    assert agent.service_route == ["<sip:orig@192.0.2.9:6060;lr>"]
    assert agent.associated == ["sip:alice@ims.example"]
    binding = core.binding("alice", 1.0)
    assert binding is not None
    assert (binding.contact, binding.path) == (CONTACT, ["<sip:token@192.0.2.5:5070;lr>"])
    assert core.binding("alice", 600.5) is None
    assert core.violations == []


def test_refreshes_with_the_same_nonce_and_deregisters() -> None:
    core, agent = registrar(), ue()
    register(core, agent)
    assert register(core, agent) == [200]
    assert len(core) == 1
    assert register(core, agent, expires=0) == [200]
    assert not agent.registered
    assert len(core) == 0


def test_mediasec_headers_of_each_step() -> None:
    agent = ue(mechanisms=("sdes-srtp", "msrp-tls"))
    first = agent.request(600, VIA)
    assert first.values("security-client") == ["sdes-srtp;mediasec", "msrp-tls;mediasec"]
    assert (first.values("security-verify"), first.values("require")) == ([], ["mediasec"])
    assert first.values("proxy-require") == ["mediasec"]
    core = registrar()
    assert agent.absorb(back_through_edge(core.register(through_edge(first), 0.0)))
    second = agent.request(600, VIA)
    assert second.values("security-verify") == list(SERVER)
    assert second.values("security-client") == first.values("security-client")
    assert not agent.absorb(back_through_edge(core.register(through_edge(second), 0.0)))
    assert agent.security_server == SERVER
    assert agent.verify()[:2] == [("Security-Verify", value) for value in SERVER]
    assert agent.problems == []


def test_after_494_only_the_mirrored_list_is_sent_once() -> None:
    agent = ue(mechanisms=("sdes-srtp",))
    agent.request(600, VIA)
    refusal = parse(b"SIP/2.0 494 Security Agreement Required\r\nSecurity-Server: sdes-srtp;mediasec\r\n\r\n")
    assert isinstance(refusal, Response)
    assert agent.absorb(refusal)
    request = agent.request(600, VIA)
    assert request.values("security-client") == []
    assert request.values("security-verify") == ["sdes-srtp;mediasec"]
    assert not agent.absorb(refusal)


def test_missing_security_server_is_a_problem() -> None:
    core, agent = registrar(), ue(mechanisms=("sdes-srtp",))
    agent.absorb(core.register(through_edge(agent.request(600, VIA)), 0.0))
    agent.absorb(core.register(through_edge(agent.request(600, VIA)), 0.0))
    assert agent.problems == ["no Security-Server in the 200 to REGISTER"]


@pytest.mark.parametrize(
    ("agent", "statuses"),
    [(ue("wrong"), [401, 403]), (ue(user="carol"), [404])],
)
def test_refuses(agent: Registration, statuses: list[int]) -> None:
    assert register(registrar(), agent) == statuses
    assert not agent.registered


def test_another_users_password_does_not_do() -> None:
    core, agent = registrar(), ue("other")
    agent.private = "bob@ims.example"
    assert register(core, agent) == [401, 403]
    assert core.binding("alice", 0.0) is None


def test_a_replayed_response_is_challenged_again() -> None:
    core, agent = registrar(), ue()
    agent.absorb(core.register(through_edge(agent.request(600, VIA)), 0.0))
    request = through_edge(agent.request(600, VIA))
    assert core.register(request, 0.0).status == 200
    replayed = core.register(request, 0.0)
    assert replayed.status == 401
    assert "stale=true" in (replayed.get("www-authenticate") or "")


def test_without_path_only_where_told() -> None:
    core = registrar()
    request = ue().request(600, VIA)
    assert core.register(request, 0.0).status == 403
    assert core.violations == ["REGISTER without Path"]
    assert registrar(behind_edge=False).register(request, 0.0).status == 401
    half = ue().request(600, VIA)
    half.append("Path", "<sip:t@192.0.2.5;lr>")
    core.violations.clear()
    core.register(half, 0.0)
    assert [text.split(" (")[0] for text in core.violations] == [
        "REGISTER with Path but without Require: path",
        "REGISTER without P-Visited-Network-ID",
        "REGISTER without P-Charging-Vector",
    ]


def test_password_and_credentials_do_not_print() -> None:
    core, agent = registrar(), ue()
    register(core, agent)
    assert "secret" not in repr(agent) + repr(core)
