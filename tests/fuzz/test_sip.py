"""Properties of the SIP room over arbitrary input."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.framing import StreamReader, from_datagram
from pcscf.sip.headers import NameAddr, Via, cseq_of, parse_params, tag_of
from pcscf.sip.message import Message, Request, parse, split_values
from pcscf.sip.uri import SipUri, same_uri
from pcscf.sip.validate import validate, validate_response
from tests.support.sip import INVITE, request

NAMES = st.text("abcdefgVvTtLl-.!%*_+`'~019", min_size=1, max_size=12)
#: Any octets but line ends, with folding between them.
LINES = st.lists(
    st.binary(max_size=20).map(lambda b: b.replace(b"\r", b"").replace(b"\n", b"")), min_size=1, max_size=3
)
FIELDS = st.lists(st.tuples(NAMES, LINES), max_size=12)
TEXT = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=60)
SIPPISH = st.text(' \t",;<>@:?=\\[]*%aA1.sip', max_size=40)


def wire(fields: list[tuple[str, list[bytes]]], body: bytes) -> bytes:
    lines = [name.encode() + b": " + b"\r\n ".join(parts) for name, parts in fields]
    return b"\r\n".join([b"OPTIONS sip:a@b.example SIP/2.0", *lines, b"", b""]) + body


@given(FIELDS, st.binary(max_size=30))
def test_any_header_list_comes_out_as_it_went_in(fields: list[tuple[str, list[bytes]]], body: bytes) -> None:
    data = wire(fields, body)
    message = parse(data)
    assert message.encode() == data
    assert len(message.fields) == len(fields)
    for key, value in message:
        assert "\r\n" not in value
        assert value in message.all(key)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_bad_message_alone(data: bytes) -> None:
    with contextlib.suppress(BadMessage):
        from_datagram(data)
    reader = StreamReader()
    reader.feed(data)
    assert len(reader.feed(data)) >= 0


@given(st.integers(0, len(INVITE) - 1), st.binary(max_size=8), st.integers(0, 8))
def test_a_damaged_request_is_valid_or_refused(at: int, junk: bytes, length: int) -> None:
    data = INVITE[:at] + junk + INVITE[at + length :]
    try:
        message = from_datagram(data)
        if isinstance(message, Request):
            validate(message)
            cseq_of(message)
            NameAddr.parse(message.get("from") or "")
        elif message is not None:
            validate_response(message)
    except (BadMessage, SipRefusal):
        pass


@given(TEXT | SIPPISH)
def test_header_parsers_raise_refusals_alone(text: str) -> None:
    for parser in (Via.parse, NameAddr.parse, SipUri.parse):
        with contextlib.suppress(SipRefusal):
            str(parser(text))
    with contextlib.suppress(SipRefusal):
        parse_params(text)
    with contextlib.suppress(SipRefusal):
        same_uri(text, text)
    tag_of(text)
    assert tag_of(text) != ""


@given(
    st.sampled_from(
        ["a.example", "192.0.2.1:5060", "[::1]:1", "a b", "a-b.c", "a:0", "a:65536", "a:000001", ".", ""]
    ),
    st.sampled_from(["", " ", ";branch=z9hG4bK1;rport", ';x=";";y', ';x="', ";"]) | SIPPISH,
)
def test_a_plain_via_is_read_as_any_other(sent_by: str, rest: str) -> None:
    read: list[tuple[object, ...]] = []
    for protocol in ("SIP/2.0/TLS", "SIP / 2.0/TLS"):  # the second is for the regular expression
        try:
            via = Via.parse(f"{protocol} {sent_by}{rest}")
            read.append((via.version, via.transport, via.host, via.port, via.params))
        except SipRefusal as refusal:
            read.append((refusal.reason,))
    assert read[0] == read[1]


@given(st.text("0123456789", max_size=11), st.text(" \tABc.1", max_size=8))
def test_a_plain_cseq_is_read_as_any_other(number: str, method: str) -> None:
    read: list[tuple[int, str]] = []
    for value in (f"{number} {method}", f"{number}\t {method}"):  # the second is no plain one
        try:
            read.append(cseq_of(with_cseq(value)))
        except SipRefusal:
            read.append((-1, ""))
    assert read[0] == read[1]


def with_cseq(value: str) -> Message:
    message = request()
    message.set("CSeq", value)
    return message


@given(SIPPISH)
def test_uris_and_addresses_survive_their_own_text(text: str) -> None:
    for value in (text, f"sip:{text}", f"<sip:a@b>{text}"):
        with contextlib.suppress(SipRefusal):
            uri = SipUri.parse(value)
            assert str(SipUri.parse(str(uri))) == str(uri)
            assert same_uri(uri, str(uri))
        with contextlib.suppress(SipRefusal):
            address = NameAddr.parse(value)
            again = NameAddr.parse(str(address))
            assert (again.display, again.uri, again.params) == (address.display, address.uri, address.params)


@given(
    st.lists(st.sampled_from(['"a,b" <sip:x,y>', "<sip:z>;q=1", "token", r'"\"," <sip:q>']), max_size=6),
    SIPPISH,
)
def test_split_values(values: list[str], noise: str) -> None:
    assert split_values(" , ".join(values)) == values
    parts = split_values(noise)
    assert all(part == part.strip() and part for part in parts)
    assert [part for once in parts for part in split_values(once)] == parts


@given(
    st.lists(st.sampled_from(["<sip:a;lr>", '"x,y" <sip:b>', "c"]), min_size=1, max_size=5), st.integers(1, 3)
)
def test_pop_value_is_values_one_by_one(values: list[str], per_line: int) -> None:
    message: Message = request()
    for i in range(0, len(values), per_line):
        message.append("Route", ",".join(values[i : i + per_line]))
    assert message.first("route") == values[0]
    assert [message.pop_value("route") for _ in values] == values
    assert message.pop_value("route") is None


@given(
    st.lists(
        st.sampled_from([INVITE, request("BYE").encode(), b"\r\n\r\n", b"\r", b"\n", b"\x00"]), max_size=9
    ),
    st.lists(st.integers(1, 400), max_size=20),
    st.booleans(),
)
def test_framing_does_not_depend_on_chunking(parts: list[bytes], cuts: list[int], broken: bool) -> None:
    data = b"".join(parts) + (b"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n" if broken else b"")
    whole = StreamReader()
    expected = [message.encode() for message in whole.feed(data)]
    reader, got, at = StreamReader(), [], 0
    for cut in [*cuts, len(data)]:
        got += [message.encode() for message in reader.feed(data[at : at + cut])]
        at += cut
    assert got == expected
    assert (reader.pings, reader.partial, reader.broken is None) == (
        whole.pings,
        whole.partial,
        whole.broken is None,
    )
