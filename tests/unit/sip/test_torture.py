"""RFC 4475 and RFC 5118: what becomes of each message.

VALID: goes on to the transaction user and leaves byte for byte. A number: answered with that status.
DROP: cannot be answered, or is a response. What a proxy accepts although an end could refuse it says why.
"""

from pathlib import Path

import pytest

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.framing import from_datagram
from pcscf.sip.headers import NameAddr, Via, cseq_of, tag_of
from pcscf.sip.message import Request, Response
from pcscf.sip.uri import SipUri
from pcscf.sip.validate import validate, validate_response

pytestmark = pytest.mark.usefixtures("either_reader")

VECTORS = Path(__file__).parents[2] / "vectors"
VALID, DROP = "valid", "drop"

RFC4475 = {
    # 3.1.1 valid
    "wsinv": VALID, "intmeth": VALID, "esc01": VALID, "escnull": VALID, "esc02": VALID, "lwsdisp": VALID,
    "longreq": VALID, "dblreq": VALID, "semiuri": VALID, "transports": VALID, "mpart01": VALID,
    "unreason": VALID, "noreason": VALID,
    # 3.1.2 invalid
    "badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "scalarlg": DROP, "quotbal": 400,
    "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400, "escruri": 400, "regbadct": 400, "badvers": 505,
    "mismatch01": 400, "mismatch02": 400, "bigcode": DROP,
    "trws": VALID,  # blanks at the end of the start line are dropped: nothing can hide in them
    "baddate": VALID,  # a proxy has no use for Date
    "badaspec": VALID,  # blanks inside <> of To: unambiguous, and To is not routed on
    "baddn": VALID,  # a comma in an unquoted display name: From and To have one value only
    # 3.2 and 3.3: well-formed, the meaning is the user's to judge
    "badbranch": VALID, "unksm2": VALID, "bext01": VALID, "invut": VALID, "regaut01": VALID, "bcast": VALID,
    "zeromf": VALID, "cparam01": VALID, "cparam02": VALID, "regescrt": VALID, "sdp01": VALID,
    "inv2543": VALID,  # no Contact, no branch, no tag: a client of RFC 2543
    "insuf": 400, "multi01": 400, "mcl01": 400, "unkscm": 416, "novelsc": 416,
}  # fmt: skip

RFC5118 = {
    "ipv6-good": VALID, "ipv6-bad": 400, "port-ambiguous": VALID, "port-unambiguous": VALID,
    "via-received-param-with-delim": VALID, "via-received-param-no-delim": VALID, "ipv6-in-sdp": VALID,
    "mult-ip-in-header": VALID, "mult-ip-in-sdp": VALID, "ipv4-mapped-ipv6": VALID,
    "ipv6-correct-abnf-2-colons": VALID,
    "ipv6-bug-abnf-3-colons": VALID,  # what the grammar of RFC 3261 produced: taken as it was meant
}  # fmt: skip

#: Content-Length is smaller than what follows: the rest of the datagram belongs to nothing.
CUT = {"dblreq", "mcl01", "ipv4-mapped-ipv6", "ipv6-in-sdp", "mult-ip-in-sdp"}


def fate_of(data: bytes) -> str | int:
    try:
        message = from_datagram(data)
        assert message is not None
        if isinstance(message, Request):
            validate(message)
        else:
            validate_response(message)
    except BadMessage:
        return DROP
    except SipRefusal as refusal:
        return refusal.status
    return VALID


def read(name: str) -> bytes:
    folder = "rfc4475" if name in RFC4475 else "rfc5118"
    return (VECTORS / folder / (name + ".dat" if name in RFC4475 else name)).read_bytes()


def parsed(name: str) -> Request:
    message = from_datagram(read(name))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(("name", "fate"), [*RFC4475.items(), *RFC5118.items()])
def test_fate(name: str, fate: str | int) -> None:
    assert fate_of(read(name)) == fate


@pytest.mark.parametrize(
    "name", [n for n, fate in (RFC4475 | RFC5118).items() if fate != DROP and n != "trws"]
)
def test_leaves_as_it_came(name: str) -> None:
    data = read(name)
    message = from_datagram(data)
    assert message is not None
    if name in CUT:
        assert data.startswith(message.encode())
        assert len(message.body) == int(message.all("content-length")[0])
    else:
        assert message.encode() == data


def test_every_vector_has_a_fate() -> None:
    files = {path.name.removesuffix(".dat") for path in VECTORS.glob("rfc[45]*/*")}
    assert files == RFC4475.keys() | RFC5118.keys()
    assert len(RFC4475) == 49


def test_blanks_behind_the_version_are_dropped() -> None:
    assert parsed("trws").encode() == read("trws").replace(b"SIP/2.0  \r\n", b"SIP/2.0\r\n", 1)


def test_dblreq_is_its_first_request() -> None:
    message = parsed("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")
    assert message.get("call-id") == "dblreq.0ha0isndaksdj99sdfafnl3lk233412"


def test_wsinv_in_detail() -> None:  # RFC 4475 3.1.1.1
    message = parsed("wsinv")
    assert tag_of(message.get("to")) == "1918181833n"
    sender = NameAddr.parse(message.get("from") or "")
    assert sender.display == 'J Rosenberg \\"'
    assert (sender.uri, sender.tag) == ("sip:jdrosen@example.com", "98asjd8")
    assert cseq_of(message) == (9, "INVITE")
    assert message.get("subject") == ""
    assert message.get("newfangledheader") == "newfangled value continued newfangled value"
    vias = [Via.parse(value) for value in message.values("via")]
    assert [(via.transport, via.host, via.branch) for via in vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    contact = NameAddr.parse(message.values("contact")[0])
    assert contact.display == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": "", "q": "0.33"}


def test_longreq_has_34_vias_in_all_spellings() -> None:
    message = parsed("longreq")
    hosts = [Via.parse(value).host for value in message.values("via")]
    assert hosts == [*(f"sip{n}.example.com" for n in range(33, 0, -1)), "host.example.com"]


def test_semiuri_keeps_its_user_part() -> None:
    uri = SipUri.parse(parsed("semiuri").uri)
    assert (uri.user, uri.host, uri.params) == ("user;par=u%40example.net", "example.com", {})


def test_intmeth_user_and_password() -> None:
    uri = SipUri.parse(parsed("intmeth").uri)
    assert uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert uri.host == "example.com"


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        pytest.param("port-ambiguous", "2001:db8::10:5070", None, id="no brackets around the address alone"),
        pytest.param("port-unambiguous", "2001:db8::10", 5070, id="brackets"),
    ],
)
def test_port_behind_ipv6(name: str, host: str, port: int | None) -> None:
    uri = SipUri.parse(parsed(name).uri)
    assert (uri.host, uri.port) == (host, port)


@pytest.mark.parametrize(
    ("name", "received"),
    [
        ("via-received-param-with-delim", "[2001:db8::9:255]"),
        ("via-received-param-no-delim", "2001:db8::9:255"),
    ],
)
def test_received_with_and_without_brackets(name: str, received: str) -> None:
    via = Via.parse(parsed(name).first("via") or "")
    assert (via.host, via.params["received"]) == ("2001:db8::9:1", received)


def test_responses_without_and_with_unusual_reason() -> None:
    empty = from_datagram(read("noreason"))
    unusual = from_datagram(read("unreason"))
    assert isinstance(empty, Response)
    assert isinstance(unusual, Response)
    assert (empty.status, empty.reason) == (100, "")
    assert unusual.reason.startswith("= 2**3 * 5**2 ")
