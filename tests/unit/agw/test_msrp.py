"""The paths of MSRP messages, rewritten as they pass (RFC 4975)."""

import pytest

from agw.tcp.connection import READ_OCTETS
from agw.tcp.msrp import MAX_HEAD, NEAR, Malformed, Rewriter, Rewriting
from iq.msrp import MAX_URI

KNOWN = "msrp://a/;tcp"
OURS = "msrps://198.51.100.20:20020/s4far;tcp"
FAR = "msrp://203.0.113.77:7010/s4far;tcp"
KNOWN_AS = "msrp://203.0.113.20:40020/s4ue;tcp"
UE = "msrps://192.0.2.10:30020/s4ue;tcp"

SEND = (
    b"MSRP d93kswow SEND\r\n"
    b"To-Path: %s\r\n"
    b"From-Path: %s\r\n"
    b"Message-ID: 12339sdqwer\r\n"
    b"Byte-Range: 1-16/16\r\n"
    b"Content-Type: text/plain\r\n"
    b"\r\n"
    b"Hi, I'm Alice!\r\n"
    b"\r\n-------d93kswow$\r\n"
)
REPORT = (
    b"MSRP dkei38sd REPORT\r\n"
    b"To-Path: %s\r\n"
    b"From-Path: %s\r\n"
    b"Message-ID: 12339sdqwer\r\n"
    b"Byte-Range: 1-16/16\r\n"
    b"Status: 000 200 OK\r\n"
    b"-------dkei38sd$\r\n"
)
OK = b"MSRP d93kswow 200 OK\r\nTo-Path: %s\r\nFrom-Path: %s\r\n-------d93kswow$\r\n"


def rewriter() -> Rewriter:
    return Rewriter(Rewriting(OURS, FAR, KNOWN_AS))


def paths(to: str, sender: str) -> tuple[bytes, bytes]:
    return to.encode(), sender.encode()


@pytest.mark.parametrize("message", [SEND, REPORT, OK])
def test_paths_lead_to_the_far_end(message: bytes) -> None:
    assert rewriter().feed(message % paths(OURS, UE)) == message % paths(FAR, KNOWN_AS)


def test_messages_follow_one_another() -> None:
    one = rewriter()
    came = b"".join(message % paths(OURS, UE) for message in (SEND, OK, REPORT))
    assert one.feed(came) == b"".join(message % paths(FAR, KNOWN_AS) for message in (SEND, OK, REPORT))
    assert not one.within


def test_octet_by_octet() -> None:
    came = SEND % paths(OURS, UE) + REPORT % paths(OURS, UE)
    one = rewriter()
    passed = b"".join(one.feed(came[i : i + 1]) for i in range(len(came)))
    assert passed == SEND % paths(FAR, KNOWN_AS) + REPORT % paths(FAR, KNOWN_AS)


def test_a_body_passes_before_its_end_is_there() -> None:
    one = rewriter()
    head, _, rest = (SEND % paths(OURS, UE)).partition(b"Hi,")
    one.feed(head)
    body = bytes(range(256)) * 1000
    for _ in range(20):
        assert one.feed(body) is body, "without a copy"
    assert one.within
    assert one.feed(b"Hi," + rest) == b"Hi," + rest
    assert not one.within


@pytest.mark.parametrize("flag", [b"$", b"+", b"#"])
def test_each_flag_ends_a_chunk(flag: bytes) -> None:
    one = rewriter()
    one.feed((SEND % paths(OURS, UE)).replace(b"$", flag))
    assert not one.within


NO_ENDS = pytest.mark.parametrize(
    "inside",
    [
        b"x-------d93kswow$\r\n",  # not at the beginning of a line
        b"\r\n-------d93kswow$",
        b"\r\n-------d93kswow-\r\n",
        b"\r\n-------d93kswow+$\r\n",
        b"\r\n-------d93ksw$\r\n",
        b"\r\n------d93kswow$\r\n",
        b"\r\n-------d93kswow\r\n-------d93kswow\r\n",
    ],
)


@NO_ENDS
def test_what_only_looks_like_an_end(inside: bytes) -> None:
    one = rewriter()
    head, _, rest = (SEND % paths(OURS, UE)).partition(b"Hi,")
    for piece in (head, inside):
        one.feed(piece)
        assert one.within
    assert one.feed(rest) == rest
    assert not one.within


@NO_ENDS
def test_what_only_looks_like_an_end_in_a_message_like_the_last(inside: bytes) -> None:
    one = rewriter()
    came = SEND.replace(b"Hi,", inside)
    assert one.feed(3 * came % (3 * paths(OURS, UE))) == 3 * came % (3 * paths(FAR, KNOWN_AS))
    assert not one.within


@pytest.mark.parametrize("windows", [1, 2])
def test_an_end_wherever_it_is_in_what_is_searched_at_a_time(windows: int) -> None:
    head, _, rest = SEND.partition(b"Hi,")
    for length in range(windows * NEAR - len(SEND) - 60, windows * NEAR + 5):
        one = rewriter()
        came = head + bytes(length) + rest
        assert one.feed(2 * came % (2 * paths(OURS, UE))) == 2 * came % (2 * paths(FAR, KNOWN_AS))
        assert not one.within


def test_messages_alike_and_others_in_one_piece() -> None:
    one = rewriter()
    alike, foreign = SEND % paths(OURS, UE), SEND % paths(UE, UE)
    passed, went = SEND % paths(FAR, KNOWN_AS), SEND % paths(UE, KNOWN_AS)
    assert (
        one.feed(2 * alike + 2 * foreign + alike + alike[:-1]) == 2 * passed + 2 * went + passed + passed[:-1]
    )
    assert one.foreign == 2
    assert one.within
    assert one.feed(alike[-1:] + alike) == alike[-1:] + passed


def test_of_several_uris_the_first_is_ours() -> None:
    to, sender = f"{OURS} msrps://10.0.0.1:9/x;tcp", f"{UE} msrps://10.0.0.2:9/y;tcp"
    got = rewriter().feed(SEND % paths(to, sender))
    assert got == SEND % paths(f"{FAR} msrps://10.0.0.1:9/x;tcp", f"{KNOWN_AS} msrps://10.0.0.2:9/y;tcp")


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("MSRPS://198.51.100.20:20020/s4far;TCP", True),
        ("msrps://alice@198.51.100.20:20020/s4far;tcp;x=y", True),
        ("msrps://198.51.100.20:20020/S4FAR;tcp", False),
        ("msrp://198.51.100.20:20020/s4far;tcp", False),
        ("msrps://198.51.100.20/s4far;tcp", False),
        ("msrps://198.51.100.20:20020/s4far;sctp", False),
        ("sip:alice@example.com", False),
        ("\xff", False),
    ],
)
def test_uris_are_compared_by_what_counts(written: str, ours: bool) -> None:
    one = rewriter()
    came = SEND.replace(b"%s", written.encode("latin-1"), 1) % UE.encode()
    passed = SEND.replace(b"%s", FAR.encode() if ours else written.encode("latin-1"), 1)
    assert one.feed(came) == passed % KNOWN_AS.encode()
    assert one.foreign == (0 if ours else 1)


def test_names_and_blanks_stay_as_written() -> None:
    came = b"MSRP abcd SEND\r\nTO-PATH:%s\r\nfrom-path:   %s\r\n-------abcd$\r\n"
    assert rewriter().feed(came % paths(OURS, UE)) == came % paths(FAR, KNOWN_AS)


def test_other_paths_count_from_the_next_message_on() -> None:
    one = rewriter()
    head, _, rest = (SEND % paths(OURS, UE)).partition(b"Hi,")
    one.feed(head)
    one.change(Rewriting(OURS, UE, UE))
    assert one.feed(rest + OK % paths(OURS, FAR)) == rest + OK % paths(UE, UE)
    one.change(Rewriting(OURS, FAR, UE))
    assert one.feed(2 * OK % (2 * paths(OURS, FAR))) == 2 * OK % (2 * paths(FAR, UE))


def test_a_head_that_is_too_long_behind_one_that_is_not() -> None:
    one = rewriter()
    one.feed(OK % paths(OURS, UE))
    with pytest.raises(Malformed):
        one.feed(OK.replace(b"OK", MAX_HEAD * b"O") % paths(OURS, UE))


@pytest.mark.parametrize(
    "came",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"\r\n",
        b"MSRP abc SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n",
        b"MSRP " + b"a" * 33 + b" SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n",
        b"MSRP abcd send\r\nTo-Path: a\r\nFrom-Path: b\r\n",
        b"MSRP abcd 20 OK\r\nTo-Path: a\r\nFrom-Path: b\r\n",
        b"MSRP abcd SEND\r\nFrom-Path: b\r\nTo-Path: a\r\n",
        b"MSRP abcd SEND\r\nTo-Path: a\r\nMessage-ID: b\r\n",
        b"MSRP abcd SEND\r\nTo-Path: \r\nFrom-Path: b\r\n",
        b"MSRP abcd SEND\r\nTo-Path: a\nX: y\r\nFrom-Path: b\r\n",
        b"MSRP abcd SEND\r\nTo-Path: " + b"a" * MAX_HEAD,
        b"MSRP abcd SEND\r\nTo-Path: " + b"a\r" * MAX_HEAD,
        SEND % paths(OURS, UE) + b"HTTP",
    ],
)
def test_what_is_no_msrp(came: bytes) -> None:
    with pytest.raises(Malformed):
        rewriter().feed(came)
    one = rewriter()
    octets = [came[i : i + 1] for i in range(len(came))]
    with pytest.raises(Malformed):
        list(map(one.feed, octets))


def test_the_longest_head_passes() -> None:
    head = b"MSRP abcd SEND\r\nTo-Path: a\r\nFrom-Path: b \r\n"
    came = head.replace(b"b ", b"b " + b"c" * (MAX_HEAD - len(head)))
    assert len(came) == MAX_HEAD
    assert rewriter().feed(came).startswith(b"MSRP abcd SEND\r\nTo-Path: a\r\nFrom-Path: msrp://203")
    with pytest.raises(Malformed, match="too long"):
        rewriter().feed(came.replace(b"ccc", b"cccc", 1))


def test_what_paths_make_of_one_reading_is_bounded() -> None:
    longest = "msrp://a:1/" + (MAX_URI - 15) * "x" + ";tcp"
    one = Rewriter(Rewriting("msrp://a;tcp", longest, longest))
    came = b"MSRP abcd A\r\nTo-Path:msrp://a;tcp\r\nFrom-Path:b\r\n-------abcd$\r\n" * 1000
    assert len(longest) == MAX_URI
    assert len(one.feed(came)) < 18 * len(came)


def test_what_short_messages_grow_by_is_bounded() -> None:
    """The shortest messages and the longest URIs, as much as is read at once: a stream may hold it several
    times, in the clear and under TLS."""
    long = "msrp://far.example:2/" + (MAX_URI - 25) * "f" + ";tcp"
    shortest = b"MSRP abcd 200\r\nTo-Path:%s\r\nFrom-Path:a\r\n-------abcd$\r\n" % KNOWN.encode()
    one = Rewriter(Rewriting(KNOWN, long, long))
    assert len(long) == MAX_URI
    assert len(one.feed(READ_OCTETS // len(shortest) * shortest)) < 5 << 18
