"""Procedures and their text: the direct way, the tree as its oracle, and what no procedure can carry."""

from pathlib import Path

import pytest

from iq.errors import IqError
from iq.h248 import codec, hot_read, hot_write, model, replies, requests
from iq.h248.encoder import encode
from iq.h248.parser import parse
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    ActionReply,
    Audited,
    BearerReleased,
    Configure,
    Done,
    Endpoint,
    Latch,
    Mode,
    OutOfService,
    Reason,
    Registered,
    Release,
    Reserve,
    Reserved,
    ServiceChangeMethod,
    Stream,
)
from iq.suites import Crypto, Key
from tests.support import iq_values

MID = "<pcscf.ims.example>:2944"
VECTORS = Path(__file__).parents[2] / "vectors" / "h248"
EVERYTHING = [*iq_values.call(), *iq_values.management(), *iq_values.rare(), *iq_values.connections()]
NAMES = [type(action.procedures[0]).__name__ for action, _ in EVERYTHING]


def by_tree(action: Action) -> bytes:
    return encode(model.Message(2, MID, [model.Transaction(50001, [requests.to_tree(action)])]))


def request(data: bytes) -> codec.Request:
    [item] = codec.decode(data).items
    assert isinstance(item, codec.Request)
    return item


def response(data: bytes) -> codec.Response:
    [item] = codec.decode(data).items
    assert isinstance(item, codec.Response)
    return item


def asked(text: str, context: str = "1") -> codec.Request:
    return request(f"!/2 <a.b> T=9{{C={context}{{{text}}}}}".encode())


@pytest.mark.parametrize(("action", "reply"), EVERYTHING, ids=NAMES)
def test_procedures_survive_the_wire(action, reply):
    assert request(codec.encode_request(MID, 7, action)) == codec.Request(7, [action])
    assert response(codec.encode_reply(MID, 7, [action], [reply])) == codec.Response(7, [reply])


@pytest.mark.parametrize(
    ("action", "reply"), [*iq_values.call(), *iq_values.rare(), *iq_values.connections()]
)
def test_the_direct_way_is_the_tree(action, reply):
    direct = hot_write.request(MID, 50001, action)
    if direct is not None:
        assert direct == by_tree(action)
    text = by_tree(action).decode()
    found = hot_read.read(text)
    if found is not None:
        assert found == (MID, 50001, requests.from_tree(parse(text.encode()).items[0].actions[0]))
    written = hot_write.reply(MID, 50001, action, reply)
    tree = model.Message(2, MID, [model.Reply(50001, replies.to_tree(action, reply))])
    assert written == encode(tree)
    assert hot_read.read(written.decode()) == (MID, 50001, reply)


@pytest.mark.parametrize(("action", "reply"), iq_values.call())
def test_the_messages_of_a_call_go_the_direct_way(action, reply):
    sent = codec.encode_request(MID, 50001, action)
    assert sent == hot_write.request(MID, 50001, action)
    assert hot_read.read(sent.decode()) == (MID, 50001, action)
    answered = codec.encode_reply(MID, 50001, [action], [reply])
    assert hot_read.read(answered.decode()) == (MID, 50001, reply)


def test_the_text_of_a_reserve():
    assert codec.encode_request(MID, 50001, iq_values.reserve()).decode().replace("\r\n", "\n") == (
        "!/2 <pcscf.ims.example>:2944\n"
        'T=50001{C=${A=ip/0/access/${M{ST=1{O{MO=SR,ipdc/realm="access",gm/saf=ON,gm/sam="192.0.2.0/24",'
        "ds/dscp=2E},L{\nv=0\nc=IN IP4 $\nm=audio $ RTP/SAVP 96 97\n"
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:ZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXp7fH1+f4CB\n"
        "},R{\nv=0\nc=IN IP4 192.0.2.20\nm=audio 5004 RTP/SAVP 96 97\n"
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e\n}}},"
        "E=1{hangterm/thb{timerx=300},adid/ipstop{dt=30,dir=EXT},g/cause},SG{ipnapt/latch{napt=LATCH}}},"
        'A=ip/0/core/${M{ST=1{O{MO=SR,ipdc/realm="core",ds/dscp=2E},L{\nv=0\nc=IN IP4 $\n'
        "m=audio $ RTP/AVP 96 97\n}}},E=1{hangterm/thb{timerx=300},adid/ipstop{dt=30,dir=EXT},g/cause}}}}"
    )


def test_published_examples_as_procedures():
    [reserve] = request((VECTORS / "reserve_request.txt").read_bytes()).actions
    [access] = reserve.procedures
    assert isinstance(access, Reserve)
    assert (reserve.context, reserve.priority) == (None, 4)
    assert (access.realm, access.heartbeat, access.inactivity, access.dscp) == ("access", 3600, 30, 46)
    assert access.source is None  # gm/saf = OFF
    assert access.streams[0].local_crypto == Crypto(iq_values.SUITE, Key(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcd"))
    [reply] = response((VECTORS / "reserve_reply.txt").read_bytes()).replies
    assert reply.context == 812
    assert reply.replies[0].streams[0].local == Endpoint("198.51.100.7", 41000)

    for name in ("configure_request", "configure_request_short"):
        [action] = request((VECTORS / f"{name}.txt").read_bytes()).actions
        modify, add = action.procedures
        assert isinstance(modify, Configure)
        assert modify.latch is Latch.LATCH
        assert modify.streams[0].remote == Endpoint("203.0.113.20", 5004)
        assert (add.realm, add.streams[0].remote) == ("core", Endpoint("192.0.2.40", 30000))

    audit = request((VECTORS / "audit_request.txt").read_bytes())
    assert [action.context for action in audit.actions] == [0, ALL_CONTEXTS]
    root, found = response((VECTORS / "audit_reply.txt").read_bytes()).replies
    assert root == ActionReply(0, [Done("ROOT")])
    assert found.replies == [
        Audited({812: ["ip/0/access/4097", "ip/0/core/4098"], 813: ["ip/0/access/4101", "ip/0/core/4102"]})
    ]
    [failed] = request((VECTORS / "notify_request.txt").read_bytes()).actions
    assert failed.procedures == [BearerReleased("ip/0/access/4101", "FP", "TLS fingerprint mismatch")]
    [release] = request((VECTORS / "release_request.txt").read_bytes()).actions
    assert release == Action(812, [Release("*")])
    [error] = response((VECTORS / "context_error.txt").read_bytes()).replies
    assert (error.context, error.error.code, error.error.text) == (999, 411, "unknown ContextID")


def test_a_registration_says_epoch_and_suites():
    action, reply = iq_values.management()[0]
    text = codec.encode_request(MID, 1, action).decode()
    assert text == (
        "!/1 <pcscf.ims.example>:2944\n"
        'T=1{C=-{SC=ROOT{SV{MT=RS,V=2,RE="901 Cold Boot",DL=0,PF=threegimsagw/1,x-epoch="0123456789abcdef",'
        'x-suites="AES_CM_128_HMAC_SHA1_80 AEAD_AES_128_GCM",x-mechanisms="msrp-tls sdes-srtp",'
        'x-aware="msrp"}}}}'
    )
    assert reply.replies == [Registered(2, "threegimsagw/1")]
    bare = asked("SC=ROOT{SV{MT=DC,RE=900}}", "-").actions[0].procedures[0]
    assert (bare.method, bare.reason) == (ServiceChangeMethod.DISCONNECTED, Reason.SERVICE_RESTORED)
    assert (bare.version, bare.epoch, bare.suites, bare.mechanisms, bare.aware) == (1, "", (), (), ())


def test_a_termination_goes_out_of_service():
    action = Action(812, [OutOfService("ip/0/access/4097", Reason.MALFUNCTIONING)])
    text = codec.encode_request(MID, 1, action).decode()
    assert text == (
        "!/2 <pcscf.ims.example>:2944\n"
        'T=1{C=812{SC=ip/0/access/4097{SV{MT=FO,RE="904 Termination Malfunctioning"}}}}'
    )
    assert codec.encode_reply(MID, 1, [action], [ActionReply(812, [Done("ip/0/access/4097")])]).endswith(
        b"P=1{C=812{SC=ip/0/access/4097}}"
    )
    bare = asked("SC=ip/0/access/4097{SV{MT=FO,RE=904}}", "812").actions
    assert bare == [action]
    [failed] = request((VECTORS / "out_of_service_request.txt").read_bytes()).actions
    assert failed == Action(813, [OutOfService("ip/0/access/4101", Reason.MALFUNCTIONING)])
    [answer] = response((VECTORS / "out_of_service_reply.txt").read_bytes()).replies
    assert answer == ActionReply(813, [Done("ip/0/access/4101")])


def test_several_streams_keep_their_numbers():
    video = Stream(2, "video", "RTP/SAVP", "97", Mode.SEND_ONLY, rtcp_mux=True)
    audio = Stream(1, "audio", "RTP/SAVP", "96", Mode.RECEIVE_ONLY)
    action = Action(None, [Reserve("access", [audio, video], 60)])
    assert request(codec.encode_request(MID, 7, action)).actions == [action]
    assert hot_read.read(codec.encode_request(MID, 7, action).decode()) is not None
    local = [
        Stream(n, "audio", "RTP/SAVP", "96", local=Endpoint("2001:db8::7", 40000 + n, 41000 + n))
        for n in (1, 2)
    ]
    reply = ActionReply(3, [Reserved("ip/0/access/1", local)])
    data = codec.encode_reply(MID, 7, [action], [reply])
    assert data.count(b"c=IN IP6 2001:db8::7\r\n") == 2
    assert response(data).replies == [reply]


def test_choose_asks_for_the_family_of_the_peer():
    core = Stream(1, remote=Endpoint("2001:db8::9", 4000))
    for reserve in (Reserve("core", [core], 60), Reserve("access", [Stream()], 60, source="2001:db8::1")):
        assert b"c=IN IP6 $\r\n" in codec.encode_request(MID, 7, Action(None, [reserve]))


def test_a_configure_says_what_the_stream_is_unless_the_peer_leaves_it_out():
    hold = Action(5, [Configure("ip/0/access/1", [Stream(1, "audio", "RTP/SAVP", "96", Mode.INACTIVE)])])
    data = codec.encode_request(MID, 7, hold)
    assert b"ST=1{O{MO=IN},L{\r\nv=0\r\nm=audio - RTP/SAVP 96\r\n}}" in data
    assert request(data).actions == [hold]
    [action] = asked("MF=ip/0/access/1{M{O{MO=IN}}}").actions
    stream = action.procedures[0].streams[0]
    assert (stream.mode, stream.transport, stream.local, stream.remote) == (Mode.INACTIVE, "", None, None)


@pytest.mark.parametrize(
    "stream",
    [
        Stream(media="audio\r\na=x"),
        Stream(transport="RTP/AVP 0"),
        Stream(formats="0\r\na=crypto:1"),
        Stream(remote=Endpoint("192.0.2.1 x", 5)),
        Stream(remote_crypto=Crypto("A\nB", Key(b"k"))),
    ],
)
def test_no_value_breaks_out_of_its_line(stream):
    for action in (Action(None, [Reserve("r", [stream], 60)]), Action(4, [Configure("ip/1", [stream])])):
        with pytest.raises(IqError, match="474"):
            codec.encode_request(MID, 7, action)
        with pytest.raises(IqError, match="474"):
            by_tree(action)


def test_a_brace_does_not_end_the_descriptor():
    action = Action(None, [Reserve("access", [Stream(formats="0 }")], 60)])
    data = codec.encode_request(MID, 7, action)
    assert b"RTP/AVP 0 \\}\r\n}" in data
    assert data == by_tree(action).replace(b"T=50001", b"T=7")
    assert request(data).actions == [action]


@pytest.mark.parametrize("realm", ['a"b', "a\nb", "a\x00b"])
def test_no_realm_breaks_out_of_its_quotes(realm):
    with pytest.raises(IqError, match="449"):
        codec.encode_request(MID, 7, Action(None, [Reserve(realm, [Stream()], 60)]))


def test_no_termination_breaks_out_of_its_command():
    for procedure in (Configure("x{E}", []), Release("x,A=$")):
        with pytest.raises(IqError, match="410"):
            codec.encode_request(MID, 7, Action(4, [procedure]))


ADD = (
    'A=$ {M {O {ipdc/realm="r"%s}, L {\nv=0\nc=IN IP4 $\nm=audio $ RTP/AVP 0\n%s}}, '
    "E=1 {hangterm/thb{timerx=60}%s}%s}"
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ADD % ("", "", "", ""), None),
        (ADD % (",tman/pol=ON,tman/sdr=9500,rtcph/rsb=ON", "", "", ""), None),
        (ADD % (",nope/x=1", "", "", ""), 440),
        (ADD % (",gm/nope=1", "", "", ""), 450),
        (ADD % ("", "", ",nope/x", ""), 440),
        (ADD % ("", "", ",g/nope", ""), 451),
        (ADD % ("", "", "", ",SG{nope/x}"), 440),
        (ADD % ("", "", "", ",SG{ipnapt/nope}"), 452),
        (ADD % ("", "", "", ",SG{ipnapt/latch{napt=MAYBE}}"), 449),
        (ADD % (",gm/saf=MAYBE", "", "", ""), 449),
        (ADD % (",gm/saf=ON", "", "", ""), 472),
        (ADD % (",ds/dscp=40", "", "", ""), 449),
        (ADD % (",ds/dscp=2E,ds/dscp=2E", "", "", ""), 456),
        (ADD % (",MO=[SR,SO]", "", "", ""), 449),
        (ADD % ("", "m=audio 1 RTP/AVP 0\n", "", ""), 474),
        (ADD % ("", "c=IN IP4 example.com\n", "", ""), 474),
        (ADD % ("", "a=rtcp:70000\n", "", ""), 474),
        (ADD % ("", "a=crypto:1 X inline:@\n", "", ""), 474),
        (ADD % ("", "a=crypto:1 X inline:A=A\n", "", ""), 474),
        (ADD % ("", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:QUJD\n", "", ""), 474),
        (ADD % ("", "a=crypto:1 X inline:QUJD|1:0\n", "", ""), 474),
        (ADD % ("", "", ",hangterm/thb", ""), 472),
        (ADD % ("", "", ",hangterm/thb{timerx=x}", ""), 449),
        (ADD % ("", "", "", ",DM=x"), 444),
        ('A=${M{O{ipdc/realm="r"},L{m=audio $ RTP/AVP 0}}}', 472),
        ("A=${E=1{hangterm/thb{timerx=60}}}", 472),
        ("A=${M{O{MO=SR},L{m=audio $ RTP/AVP 0}},E=1{hangterm/thb{timerx=60}}}", 472),
        ("MF=x{M{ST=1{R{m=audio 5 RTP/AVP 0}}}}", 474),
        ("MF=x{M{ST=1{R{m=audio 5}}}}", 474),
        ("MF=x{M{ST=1{SA{nt/os}}}}", 444),
        ("MF=x{M{ST=1{O{MO=SR}},ST=1{O{MO=SR}}}}", 473),
        ("MV=x", 501),
        ("AV=x{AT{M}}", 501),
        ("AV=ROOT", 421),
        ("SC=ip/1", 472),
        ("SC=ip/1{SV{MT=FO}}", 472),
        ("SC=ip/1{SV{MT=FO,RE=999}}", 449),
        ("SC=ip/1{SV{MT=FO,RE=900}}", 449),
        ("SC=ip/1{SV{MT=RS,RE=904}}", 449),
        ("SC=ip/1{SV{MT=Fly,RE=904}}", 449),
        ("SC=ip/1{SV{MT=[FO,GR],RE=904}}", 449),
        ("SC=ROOT{SV{MT=FO}}", 472),
        ("SC=ROOT{SV{MT=XX,RE=905}}", 449),
        ("SC=ROOT{SV{MT=FO,RE=999}}", 449),
        ("N=x{OE=1{dd/ce{DS=5}}}", 451),
        ("N=x", 472),
        ("PR=16,S=x", 449),
        ("TP{a,b,BW},S=x", 501),
        ("PR=4", 421),
        ("ER=500{}", 421),
    ],
)
def test_what_cannot_be_done_is_refused_as_a_whole(text, code):
    found = asked(text)
    if code is None:
        assert found.error is None
        assert len(found.actions) == 1
    else:
        assert found.error is not None
        assert (found.id, found.actions, found.error.code) == (9, [], code)


def test_contexts_that_no_gateway_may_choose():
    for context in ("0", "4294967294", "4294967295"):
        assert asked("S=*", context).error.code == 410


def test_an_add_that_failed_says_where():
    action, reply = iq_values.reserve(), iq_values.reserved()
    reply.replies.pop()
    reply.error = IqError(510, 'no "ports"')
    data = codec.encode_reply(MID, 7, [action], [reply])
    assert data.endswith(b",A=ip/0/core/${ER=510{\"no 'ports'\"}}}}")
    got = response(data).reply
    assert got.replies == reply.replies
    assert (got.error.code, got.error.text) == (510, "no 'ports'")
    unknown = codec.encode_reply(MID, 7, [action], [ActionReply(9, [], IqError(411, "x"))])
    assert unknown.endswith(b'{C=9{ER=411{"x"}}}')


def test_an_audit_that_finds_nothing():
    action = iq_values.management()[2][0]
    data = codec.encode_reply(MID, 7, [action], [ActionReply(ALL_CONTEXTS, [Audited({})])])
    assert b"ER=431" in data
    assert response(data).replies == [ActionReply(ALL_CONTEXTS, [Audited({})])]


def test_a_reply_too_large_is_533():
    action = iq_values.management()[2][0]
    many = Audited({n: [f"ip/0/access/{n}", f"ip/0/core/{n}"] for n in range(1, 3000)})
    with pytest.raises(IqError, match="533"):
        codec.encode_reply(MID, 7, [action], [ActionReply(ALL_CONTEXTS, [many])])


def test_reply_that_cannot_be_read_still_ends_its_transaction():
    for text in (b"P=7{C=1{A=x{M{L{m=}}}}}", b"P=7{C=1{A=", b"P=7/1{C=1{S=*}}", b"P=7{C=1{MV=x}}"):
        got = response(b"!/2 <a.b> " + text)
        assert got.id == 7
        assert got.reply.error is not None
    assert response(b'!/2 <a.b> P=7{ER=505{"x"}}').reply.error.code == 505


@pytest.mark.parametrize(
    ("name", "mid"),
    [
        ("agw.ims.example", "<agw.ims.example>"),
        ("192.0.2.7", "[192.0.2.7]"),
        ("2001:db8::7", "[2001:db8::7]"),
        ("<a.b>:2944", "<a.b>:2944"),
        ("[::1]:2944", "[::1]:2944"),
    ],
)
def test_mid_of_a_node(name, mid):
    assert codec.mid_of(name) == mid


@pytest.mark.parametrize("name", ["", "a b", "<a", "a>b", "a\n"])
def test_no_mid(name):
    with pytest.raises(ValueError, match="identifier"):
        codec.mid_of(name)


def test_keys_stay_out_of_errors_and_reprs():
    text = ADD % ("", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0c2VjcmV0\n", "", "")
    found = asked(text)
    assert "c2Vj" not in f"{found!r} {found.error}"
    broken = asked(text.replace("E=1", "E=="))
    assert "c2Vj" not in f"{broken!r} {broken.error}"
    assert "c2Vj" not in repr(asked(ADD % ("", "a=crypto:1 X inline:c2VjcmV0c2VjcmV0\n", "", "")))
