"""Our own URIs: as they stand in Record-Route, and known again when they come back in Route."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.flow import Listener, Side
from pcscf.proxy import routing
from tests.support.sip import CORE, request

TOKEN = "d-1a2b"
ACCESS = {
    name: Listener(Side.ACCESS, name, "192.0.2.1", 5061, "access")
    for name in ("udp", "tcp", "tls", "ws", "wss")
}


@pytest.mark.parametrize(
    ("transport", "uri", "expected"),
    [
        ("udp", "sip:bob@ims.example", "<sip:d-1a2b@192.0.2.1:5061;lr>"),
        ("tcp", "sip:bob@ims.example", "<sip:d-1a2b@192.0.2.1:5061;transport=tcp;lr>"),
        ("tls", "sip:bob@ims.example", "<sip:d-1a2b@192.0.2.1:5061;transport=tls;lr>"),
        ("ws", "sip:bob@ims.example", "<sip:d-1a2b@192.0.2.1:5061;transport=ws;lr>"),
        ("wss", "sip:bob@ims.example", "<sip:d-1a2b@192.0.2.1:5061;transport=ws;lr>"),
        ("tls", "sips:bob@ims.example", "<sips:d-1a2b@192.0.2.1:5061;lr>"),
        ("wss", "SIPS:bob@ims.example", "<sips:d-1a2b@192.0.2.1:5061;transport=ws;lr>"),
        ("tcp", "sips:bob@ims.example", "<sip:d-1a2b@192.0.2.1:5061;transport=tcp;lr>"),
    ],
)
@pytest.mark.parametrize("from_ue", [True, False])
def test_record_routes_come_back(transport: str, uri: str, expected: str, from_ue: bool) -> None:
    ours = ACCESS[transport]
    own = routing.OwnAddresses([ours, CORE])
    invite = request()
    invite.uri = uri
    sides = (ours, CORE) if from_ue else (CORE, ours)
    routing.record_route(invite, TOKEN, *sides)
    routes = invite.values("record-route")
    core = f"<sip:{TOKEN}@{CORE.hostport};lr>"
    assert routes == ([core, expected] if from_ue else [expected, core])
    bye = request("BYE", to_tag="b", headers=(("Route", ", ".join([*routes, "<sip:far.example;lr>"])),))
    assert routing.strip_own_routes(bye, own) == TOKEN
    assert bye.values("route") == ["<sip:far.example;lr>"]


def test_a_route_of_our_own_alone_is_taken_away() -> None:
    ours = ", ".join(routing.own_uri(listener, TOKEN) for listener in (ACCESS["udp"], CORE))
    bye = request("BYE", to_tag="b", headers=(("Route", ours),))
    assert routing.strip_own_routes(bye, routing.OwnAddresses([ACCESS["udp"], CORE])) == TOKEN
    assert "route" not in bye


@pytest.mark.parametrize(
    ("route", "token"),
    [
        ("<sip:d-1a2b@192.0.2.1:5061;lr>", "d-1a2b"),
        ("<sips:d-1a2b@192.0.2.1:5061;lr>", "d-1a2b"),
        ("<sip:@192.0.2.1:5061;lr>", ""),
        ("<SIP:d-1a2b@192.0.2.1:5061;lr>", "d-1a2b"),
        ("<sip:d-1a2b@192.0.2.1:5061;lr;x=y>", "d-1a2b"),
        ("<sip:d-1a2b;x=y@192.0.2.1:5061;lr>", "d-1a2b;x=y"),
        ("<sip:192.0.2.1:5061;lr>", ""),
        ("<sip:d-1a2b@192.0.2.1:5062;lr>", None),
        ("<sip:d-1a2b@192.0.2.10:5061;lr>", None),
        ("<sip:d-1a2b@far.example;lr>", None),
    ],
)
def test_only_our_uris_are_ours(route: str, token: str | None) -> None:
    assert routing.OwnAddresses([ACCESS["udp"], CORE]).token(route) == token


@pytest.mark.parametrize("route", ["xsip:d-1a2b@192.0.2.1:5061;lr>", "<sip:a b@192.0.2.1:5061;lr>", "@"])
def test_a_route_that_cannot_be_read_is_refused(route: str) -> None:
    with pytest.raises(SipRefusal):
        routing.OwnAddresses([ACCESS["udp"], CORE]).token(route)


@pytest.mark.parametrize("transport", ACCESS)
def test_via_names_the_transport(transport: str) -> None:
    message = request("OPTIONS")
    routing.push_via(message, ACCESS[transport], "z9hG4bKx")
    assert message.first("via") == f"SIP/2.0/{transport.upper()} 192.0.2.1:5061;branch=z9hG4bKx"
