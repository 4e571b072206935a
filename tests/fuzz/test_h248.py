"""H.248 text under arbitrary trees, procedures and octets."""

import string

from hypothesis import example, given, settings
from hypothesis import strategies as st

from iq.errors import BadFrame, IqError
from iq.fingerprint import HASHES, Fingerprint
from iq.h248 import codec, hot_read, hot_write, model, requests
from iq.h248.encoder import encode
from iq.h248.model import Node
from iq.h248.parser import parse
from iq.procedures import (
    Action,
    ActionReply,
    Configure,
    Done,
    Endpoint,
    Latch,
    Mode,
    Release,
    Reserve,
    Reserved,
    Setup,
    Stream,
)
from iq.suites import SUITES, Crypto, Key
from iq.tpkt import TpktReader, frame
from tests.support import iq_values

MID = "<pcscf.ims.example>:2944"

# trees

NAME = st.text(string.ascii_lowercase, min_size=4, max_size=8)  # longer than any short token
PACKAGED = st.builds("{}/{}".format, NAME, NAME)
QUOTED = st.text(
    string.printable.replace('"', "").replace("\r", "").replace("\n", "").replace("\x0b", ""), max_size=8
)
VALUE = st.one_of(
    st.text(string.ascii_letters + string.digits + "+-&!_/'?@^`~*$\\()%|.", min_size=1, max_size=8),
    QUOTED.map(lambda text: f'"{text}"').filter(lambda text: "\x0c" not in text),
    st.sampled_from(["[1,2]", "[1:5]", "{a,b}"]),
)
NODE = st.recursive(
    st.one_of(
        st.builds(Node, PACKAGED),
        st.builds(Node, PACKAGED, VALUE, operator=st.sampled_from("=#<>")),
    ),
    lambda inner: st.builds(Node, PACKAGED, body=st.lists(inner, max_size=3)),
    max_leaves=5,
)
NODES = st.lists(NODE, max_size=3)
LINE = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\\", exclude_categories=["Cs"]), min_size=1
).map(lambda line: f"a={line}".strip(" \t"))
SDP = st.lists(LINE, max_size=3).map(lambda lines: "".join(f"{line}\r\n" for line in lines))
TERMINATION = st.from_regex(r"ip/[0-9]/[a-z]{1,5}/([0-9]{1,5}|\$|\*)", fullmatch=True)
STREAM = st.builds(
    model.StreamParameters,
    st.integers(1, 0xFFFF),
    st.none() | NODES.map(lambda nodes: [Node("Mode", "SendReceive", operator="="), *nodes]),
    st.none() | SDP,
    st.none() | SDP,
)
ERROR = st.builds(model.Error, st.integers(400, 599), st.text(string.ascii_letters + " {};,", max_size=20))
DESCRIPTORS = st.tuples(
    st.builds(model.Media, st.lists(STREAM, min_size=1, max_size=3), st.none() | NODES),
    st.builds(model.Events, st.integers(1, 9999).map(str), NODES),
    st.builds(model.Signals, NODES),
    st.builds(model.Audit, NODES),
    st.builds(model.Services, NODES),
    ERROR,
)
COMMAND = st.builds(
    model.Command,
    st.sampled_from(["Add", "Modify", "Subtract", "Move", "Notify", "AuditValue", "ServiceChange"]),
    TERMINATION,
    DESCRIPTORS.flatmap(lambda found: st.lists(st.sampled_from(found), unique_by=type, max_size=4)),
    st.booleans(),
    st.booleans(),
)
ACTION = st.builds(
    model.Action,
    st.sampled_from(["-", "*", "$", "1", "812"]),
    st.lists(COMMAND, min_size=1, max_size=3),
    st.sampled_from([[], [Node("Priority", "4", operator="=")], [Node("Emergency")]]),
    st.none() | ERROR,
)
ID = st.integers(1, 0xFFFFFFFF)
ITEM = st.one_of(
    st.builds(model.Transaction, ID, st.lists(ACTION, min_size=1, max_size=2)),
    st.builds(model.Reply, ID, st.lists(ACTION, min_size=1, max_size=2), ack=st.booleans()),
    st.builds(model.Reply, ID, st.just([]), ERROR),
    st.builds(model.Pending, ID),
    st.builds(model.Ack, st.lists(st.tuples(ID, ID), min_size=1, max_size=3)),
)
MESSAGE = st.builds(model.Message, st.integers(1, 3), st.just(MID), st.lists(ITEM, min_size=1, max_size=3))


@given(MESSAGE)
@settings(max_examples=60)
def test_any_tree_survives_the_wire(message):
    assert parse(encode(message)) == message


# procedures

WORD = st.text(string.ascii_letters + string.digits + "/-+", min_size=1, max_size=8)
ADDRESS = st.ip_addresses().map(str)
PORT = st.integers(1, 65535)
ENDPOINT = st.builds(Endpoint, ADDRESS, PORT, st.none() | PORT)
SUITE = st.sampled_from(sorted(SUITES))
MKI = st.none() | st.tuples(st.integers(0, 0xFFFF), st.integers(1, 128))
CRYPTO = SUITE.flatmap(
    lambda name: st.builds(
        Crypto,
        st.just(name),
        st.binary(min_size=SUITES[name].octets, max_size=SUITES[name].octets).map(Key),
        st.integers(0, 999_999_999),
        MKI,
    )
)
FORMATS = st.lists(WORD, min_size=1, max_size=3).map(" ".join)

FINGERPRINT = st.sampled_from(sorted(HASHES)).flatmap(
    lambda name: st.builds(
        Fingerprint, st.just(name), st.binary(min_size=HASHES[name], max_size=HASHES[name])
    )
)
PATH = st.sampled_from(["msrp://a.example:1/s;tcp", "MSRPS://u@[::1]/a=/+;tcp;x=y"])
TLS_ID = st.text(string.ascii_letters + string.digits + "+/-_", min_size=20, max_size=40)


def streams(local: st.SearchStrategy[Endpoint | None]) -> st.SearchStrategy[list[Stream]]:
    stream = st.builds(
        Stream,
        st.integers(1, 9),
        WORD,
        WORD,
        FORMATS,
        st.none() | st.sampled_from(Mode),
        local,
        st.none() | ENDPOINT,
        st.none() | CRYPTO,
        st.none() | CRYPTO,
        st.booleans(),
        st.none() | st.sampled_from(Setup),
        st.booleans(),
        st.none() | st.sampled_from(sorted(HASHES)),
        st.none() if local is not ENDPOINT else st.none() | FINGERPRINT,
        st.just(()) | st.lists(FINGERPRINT, max_size=3).map(tuple),
        st.booleans(),
        st.none() | TLS_ID,
        st.none() | PATH,
        st.none() | PATH,
    )
    return st.lists(stream, min_size=1, max_size=3, unique_by=lambda found: found.id)


SECONDS = st.integers(0, 9999)
RESERVE = st.builds(
    Reserve,
    st.text(string.ascii_letters + string.digits + ".- ;{}", min_size=1, max_size=8),
    streams(st.none() | ENDPOINT),
    SECONDS,
    st.sampled_from(Latch),
    st.none() | ADDRESS,
    st.none() | SECONDS,
    st.none() | st.integers(0, 63),
)
CONFIGURE = st.builds(
    Configure, TERMINATION, streams(st.none() | ENDPOINT), st.none() | st.sampled_from(Latch)
)
PROCEDURE = st.one_of(RESERVE, CONFIGURE, st.just(Release()), st.builds(Release, TERMINATION))
CONTEXT = st.none() | st.integers(1, 0xFFFFFFFD)
PROCEDURES = st.builds(
    Action,
    CONTEXT,
    st.lists(PROCEDURE, min_size=1, max_size=3),
    st.booleans(),
    st.none() | st.integers(0, 15),
)


@given(ID, PROCEDURES)
def test_procedures_survive_the_wire_in_both_ways(number, action):
    data = codec.encode_request(MID, number, action)
    by_tree = encode(model.Message(2, MID, [model.Transaction(number, [requests.to_tree(action)])]))
    assert data == by_tree
    assert codec.decode(data).items == [codec.Request(number, [action])]
    assert requests.from_tree(parse(data).items[0].actions[0]) == action


@given(
    ID,
    st.integers(1, 0xFFFFFFFD),
    st.lists(st.tuples(TERMINATION, streams(ENDPOINT)), min_size=1, max_size=2),
)
def test_replies_survive_the_wire(number, context, found):
    for _, told in found:
        for stream in told:
            # No reply says them.
            stream.mode = stream.remote = stream.remote_crypto = stream.setup = None
            stream.choose_fingerprint = stream.tls_id = stream.local_path = stream.remote_path = None
            stream.establish = stream.start_tls = False
            stream.remote_fingerprints = ()
    action = Action(None, [Reserve("r", [Stream()], 60)] * len(found))
    reply = ActionReply(context, [Reserved(termination, told) for termination, told in found])
    data = codec.encode_reply(MID, number, [action], [reply])
    assert codec.decode(data).items == [codec.Response(number, [reply])]
    released = ActionReply(context, [Done("*")])
    data = codec.encode_reply(MID, number, [Action(context, [Release()])], [released])
    assert codec.decode(data).items == [codec.Response(number, [released])]


# octets

SAMPLES = [
    hot_write.request(MID, 50001, iq_values.reserve()),
    hot_write.reply(MID, 50001, iq_values.reserve(), iq_values.reserved()),
    hot_write.request(MID, 50002, iq_values.configure()),
    *(codec.encode_request(MID, 7, action) for action, _ in iq_values.management()),
]


def readable(data: bytes) -> codec.Incoming | None:
    try:
        return codec.decode(data)
    except IqError:
        return None


@given(st.binary(max_size=300))
@example(b"!/2 <a.b> T=\xd9\xa1{}")
@example(b"!/2 <a.b> T=1{C=\xd9\xa1{A=x}}")
def test_any_octets_are_read_or_refused(data):
    readable(data)
    readable(b"!/2 <a.b>\n" + data)
    readable(b"!/2 <a.b>\nT=1{C=1{A=x{" + data)


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_message_is_read_alike_in_both_ways(data):
    message = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(message) - 1))
        piece = data.draw(
            st.sampled_from([b"", b"}", b"{", b",", b" ", b"\\", b"\n", b"1", b"$", b'"', b"\xff", b";"])
        )
        message[at : at + data.draw(st.integers(0, 2))] = piece
    found = hot_read.read(bytes(message).decode("utf-8", "surrogateescape"))
    incoming = readable(bytes(message))
    if found is None:
        return
    _, number, content = found
    tree = parse(bytes(message))
    [item] = tree.items
    assert item.id == number
    assert incoming is not None
    if isinstance(content, Action):
        assert [requests.from_tree(action) for action in item.actions] == [content]
    else:
        assert codec._item(item) == codec.Response(number, [content])


@given(st.lists(st.binary(min_size=1, max_size=64)), st.integers(1, 9))
def test_framing_does_not_depend_on_chunking(frames, step):
    wire = b"".join(map(frame, frames))
    reader, got = TpktReader(), []
    for at in range(0, len(wire), step):
        got += reader.feed(wire[at : at + step])
    assert got == frames


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_stream_is_framed_or_refused(chunks):
    reader = TpktReader()
    try:
        for chunk in chunks:
            for payload in reader.feed(chunk):
                readable(payload)
    except BadFrame:
        pass
