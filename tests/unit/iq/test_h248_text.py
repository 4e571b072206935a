"""The text codec alone: published examples, every spelling, and which error a broken text gets."""

from pathlib import Path

import pytest

from iq.errors import IqError
from iq.h248 import limits, model
from iq.h248.encoder import encode
from iq.h248.model import Node
from iq.h248.parser import parse

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "h248").glob("*.txt"))


def tree(path: str) -> model.Message:
    return parse(next(v for v in VECTORS if v.stem == path).read_bytes())


def command(text: str) -> model.Command:
    """Return the only command of a transaction around ``text``."""
    [transaction] = parse(f"!/2 <a.b> T=1{{C=1{{{text}}}}}".encode()).items
    assert isinstance(transaction, model.Transaction)
    assert transaction.broken is None, transaction.broken
    return transaction.actions[0].commands[0]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_example_survives_rewriting(path):
    message = parse(path.read_bytes())
    assert parse(encode(message)) == message
    crlf = path.read_bytes().replace(b"\n", b"\r\n")
    assert parse(crlf) == message


def test_there_are_all_examples():
    assert len(VECTORS) == 20


def test_long_and_short_form_are_the_same_but_for_values():
    long, short = tree("configure_request"), tree("configure_request_short")
    realm = long.items[0].actions[0].commands[1].descriptors[0].streams[0].control[1]
    assert realm == Node("ipdc/realm", '"core"', operator="=")
    realm.value = "core"
    latch = long.items[0].actions[0].commands[0].descriptors[1].signals[0]
    assert latch.body == [Node("napt", "LATCH", operator="=")]
    latch.body[0].value = "latch"
    assert long == short


def test_tokens_are_case_insensitive_and_gaps_are_free():
    text = (
        "; a comment\r\nMegaco/2 ;x\n [192.0.2.7]:2944\n;{\ntransaction=7{context = - {\tAUDITVALUE=ROOT"
        "{audit{}} } ; }\n}"
    )
    [transaction] = parse(text.encode()).items
    assert transaction == model.Transaction(
        7, [model.Action("-", [model.Command("AuditValue", "ROOT", [model.Audit()])])]
    )


@pytest.mark.parametrize(
    "mid",
    ["<a-1.ims.example>", "<a.b>:2944", "[192.0.2.7]", "[2001:db8::7]:2944", "MTP{00FF}", "agw1@example.net"],
)
def test_every_kind_of_mid(mid):
    message = parse(f"MEGACO/2 {mid} PN=5{{}}".encode())
    assert (message.mid, message.items) == (mid, [model.Pending(5)])
    assert parse(encode(message)) == message


def test_authentication_header_is_read_over():
    head = b"Authentication = 0x00000001:0x00000002:0x0123456789abcdef01234567 "
    assert parse(head + b"!/2 <a.b> PN=5{}") == parse(b"!/2 <a.b> PN=5{}")


def test_values_keep_what_they_were():
    [event, other] = (
        command(
            'MF=x{E=7{p/e{a="Q; {}",b=[1,2],c=[1:5],d={x , "y z"},KA,x#3,f<4,ST=2},dd/ce{DM=plan}},'
            "DM=plan{(1|2xx)},MD=V18,TP{a,b,BW}}"
        )
        .descriptors[0]
        .events
    )
    assert [(node.name, node.operator, node.value) for node in event.body] == [
        ("a", "=", '"Q; {}"'),
        ("b", "=", "[1,2]"),
        ("c", "=", "[1:5]"),
        ("d", "=", '{x,"y z"}'),
        ("KeepActive", "", ""),
        ("x", "#", "3"),
        ("f", "<", "4"),
        ("Stream", "=", "2"),
    ]
    assert other.body == [Node("DigitMap", "plan", operator="=")]


@pytest.mark.parametrize(
    "text",
    [
        "A=$",
        "O-W-S=*{AT{}}",
        "AC=ip/*/1{AT{M,PG,SA}}",
        "MV=x{M{TS{SI=IV,BF=OFF,p/q=1},O{MO=[SR,SO]},L{v=0}}}",
        "MF=x{M{ST=1{O{RV=ON,RG=OFF},L{},SA{nt/os}},ST=2{R{v=0}}},E,SG{},EB}",
        "SC=ROOT{SV{MT=HO,RE=903,MG=<b.c>:2944,AD=[2001:db8::7]:2944,20261122T06200100,X-new=7}}",
        "N=x{OE=4{20261122T06200100:a/b{ST=1,EM{SG{c/d}}},e/f}}",
        "MF=x{SG{SL=1{a/b{SY=BR,DR=5,NC={TO,EV}}}},MX=H221{a,b},unknown/thing=1{x=2}}",
        "AV=x{ER=430{},SA{nt/os=1234},PG{g-1,root-2}}",
    ],
)
def test_rare_forms_survive_rewriting(text):
    message = parse(f"!/3 <a.b> T=1{{C=1{{PR=4,EG,IEPS=ON,CA{{TP}},{text}}}}}".encode())
    assert message.items[0].broken is None, message.items[0].broken
    assert parse(encode(message)) == message


def test_replies_in_every_form():
    text = b'!/3 <a.b> P=5{IA,C=1{A=x,ER=510{"no"}}}P=6{ER=505{"not yet"}}P=7/2/&{C=-{AV=ROOT}}PN=8{}K{1,2-9}'
    message = parse(text)
    [acked, refused, segment, pending, ack] = message.items
    assert acked.ack
    assert acked.actions[0].error == model.Error(510, "no")
    assert refused.error == model.Error(505, "not yet")
    assert segment.segment == "2/&"
    assert pending == model.Pending(8)
    assert ack.ranges == [(1, 1), (2, 9)]
    assert encode(message) == text.replace(b" P=", b"\nP=", 1)


def test_sdp_keeps_its_case_and_its_braces():
    [media] = command("A=$ { Media { Local {\nv=0\n\n a=X:{1\\}  \r\nm=Audio $ \\} } } }").descriptors
    [stream] = media.streams
    assert stream == model.StreamParameters(1, local="v=0\r\na=X:{1}\r\nm=Audio $ }\r\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", 400),
        (b"\x00\xff\xfe", 400),
        (b"MEGACO/2 T=1{C=1{A=x}}", 400),
        (b"!/2 <a.b>", 400),
        (b"!/2 <a.b> ", 400),
        (b"!/2 <a.b> X=1{}", 400),
        (b"!/2 <a.b> T=0{C=1{A=x}}", 400),
        (b"!/2 <a.b> T=4294967296{C=1{A=x}}", 400),
        (b"!/2 <a.b> T={C=1{A=x}}", 400),
        (b"!/2 <a.b> PN=5{}garbage", 400),
        (b"!/2 <a.b> ER=400{}PN=1{}", 400),
        (b"!/0 <a.b> PN=5{}", 406),
        (b"!/4 <a.b> PN=5{}", 406),
        (b"!/2 <a.b> " + b"PN=5{}" * 11, 413),
        (b"!/2 <a.b> ;" + b"x" * limits.MAX_MESSAGE, 533),
    ],
)
def test_message_that_cannot_be_answered_by_id(text, code):
    with pytest.raises(IqError) as caught:
        parse(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("T=9", 403),
        ("T=9{}", 403),
        ("T=9{X=1{A=x}}", 403),
        ("T=9{C=1{A=x}", 403),
        ("T=9{C=1{A=x}} }", None),
        ("T=9{C=+{A=x}}", 422),
        ("T=9{C=99999999999{A=x}}", 422),
        ("T=9{C=1}", 422),
        ("T=9{C=1{}}", 422),
        ("T=9{C=1{A}}", 442),
        ("T=9{C=1{A=x{M{ST=1{O{MO=}}}}}}", 442),
        ("T=9{C=1{A=x{M{ST=0{}}}}}", 442),
        ('T=9{C=1{A=x{E=1{a/b{c="d}}}}}', 442),
        ("T=9{C=1{A=x{M{L{v=0", 442),
        ("T=9{C=1{A=x{AT{" + "a{" * 20 + "}" * 23, 442),
        ("T=9{C=1{A=x{AT{" + "a," * limits.MAX_ITEMS + "a}}}}", 442),
        ("T=9{C=1{A=x{M{},M{}}}}", 442),
        ("T=9{C=1{A=x{E,E}}}", 448),
        ("T=9{C=1{A=x{M{ST=1{L{v=0},L{v=0}}}}}}", 448),
        ("T=9{C=1{Fly=x}}", 443),
        ("T=9{C=1{Fly}}", 422),
        ("P=9{ER=5x{}}", 403),
        ("P=9{C=1{S=x{", 442),
    ],
)
def test_error_carries_the_transaction_and_its_level(body, code):
    if code is None:
        with pytest.raises(IqError, match="400"):
            parse(f"!/2 <a.b> {body}".encode())
        return
    message = parse(f"!/2 <a.b> PN=1{{}} {body}".encode())
    assert message.items[0] == model.Pending(1)
    broken = message.items[1]
    assert broken.id == 9
    assert broken.broken is not None
    assert broken.broken.code == code


def test_what_a_peer_sent_in_no_charset_goes_back_as_it_came():
    message = parse(b'!/2 <a.b> P=1{ER=500{"\xff\xc3\xa9"}}')
    assert message.items[0].error.text.endswith("é")
    assert b'"\xff\xc3\xa9"' in encode(message)


def test_text_that_has_no_octets_is_refused():
    with pytest.raises(IqError, match="500"):
        encode(model.Message(2, "<a.b>", error=model.Error(400, "\ud800")))
