"""TCP media and the events of a stream on Iq: a=setup, tcpbcc, and our own xsrtp."""

from iq.h248 import codec
from iq.procedures import Configure, Setup, Stream
from tests.support import iq_values

MID = "<pcscf.ims.example>:2944"


def asked(text: str) -> codec.Request:
    [item] = codec.decode(f"!/2 <a.b> T=9{{C=1{{{text}}}}}".encode()).items
    assert isinstance(item, codec.Request)
    return item


def test_the_text_of_tcp_media():
    (reserve, _), (answered, _), (connect, _) = iq_values.connections()
    assert b"g/cause,tcpbcc/bncchange}" in codec.encode_request(MID, 7, reserve)
    assert codec.encode_request(MID, 7, answered).decode().replace("\r\n", "\n") == (
        "!/2 <pcscf.ims.example>:2944\nT=7{C=5{MF=ip/0/core/2{M{ST=1{"
        "L{\nv=0\nm=message - TCP/MSRP *\na=setup:active\na=path:msrp://192.0.2.7:30000/ue;tcp\n},"
        "R{\nv=0\nc=IN IP4 192.0.2.40\nm=message 2855 TCP/MSRP *\na=path:msrp://far.example/f;tcp\n}}}}}}"
    )
    assert b"SG{ipnapt/latch{napt=RELATCH},tcpbcc/estbnc{ST=1},tcpbcc/estbnc{ST=2}}" in codec.encode_request(
        MID, 7, connect
    )


def test_what_the_far_end_does_says_what_the_gateway_does():
    remote = "R {\nv=0\nc=IN IP4 192.0.2.40\nm=message 9 TCP/MSRP *\na=setup:"
    for text, setup in (("active", Setup.PASSIVE), ("passive", Setup.ACTIVE), ("actpass", None)):
        [action] = asked(f"MF=ip/0/core/2{{M{{ST=1{{{remote}{text}\n}}}}}}}}").actions
        assert action.procedures[0].streams[0].setup is setup


def test_a_connection_is_asked_for_by_a_signal_alone():
    for text, streams in (
        ("tcpbcc/estbnc", [1]),
        ("tcpbcc/estbnc{ST=3}", [3]),
        ("tcpbcc/estbnc{ST=3},tcpbcc/estbnc{ST=4}", [3, 4]),
    ):
        [action] = asked(f"MF=ip/0/core/2{{SG{{{text}}}}}").actions
        assert action.procedures == [
            Configure("ip/0/core/2", [Stream(number, "", "", "", establish=True) for number in streams])
        ]


def test_the_text_of_events_of_a_stream():
    failed, released, forged = [action for action, _ in iq_values.management()[-3:]]
    assert codec.encode_request(MID, 1, failed).endswith(
        b'N=ip/0/access/4097{OE=1{tcpbcc/bncchange{ST=2,type=FAIL,cause="no connection within 30 s"}}}}}'
    )
    assert codec.encode_request(MID, 1, released).endswith(b"{OE=1{tcpbcc/bncchange{ST=1,type=REL}}}}}")
    assert codec.encode_request(MID, 1, forged).endswith(b"{OE=1{xsrtp/authfail{ST=3,count=128}}}}}")
    for text in ("tcpbcc/bncchange{ST=1,type=NOPE}", "tcpbcc/bncchange", "xsrtp/authfail{count=many}"):
        refused = asked(f"N=ip/0/access/1{{OE=1{{{text}}}}}")
        assert refused.error is not None
        assert refused.error.code == 449
