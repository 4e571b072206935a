"""MSRP in any pieces, and what is no MSRP: the same comes out, or Malformed and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agw.tcp.msrp import MAX_HEAD, Malformed, Rewriter, Rewriting

OURS, FAR, KNOWN_AS = "msrps://a:1/s;tcp", "msrp://b:2/s;tcp", "msrp://c:3/t;tcp"
URIS = [OURS.encode(), b"msrps://d:4/t;tcp", b"MSRPS://A:1/s;TCP e", b"-------abcd$"]
TIDS = [b"abcd", b"abcd+", b"abc-d.e", b"a" * 32]
#: What comes near an end-line.
PARTS = [b"\r\n", b"-------", b"------", b"abcd", b"abcd+", b"$", b"+", b"#", b"\r", b"\n", b"x", b"MSRP "]
bodies = st.none() | st.lists(st.sampled_from(PARTS) | st.binary(max_size=5), max_size=12).map(b"".join)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A message, and what has to come of it."""
    tid = draw(st.sampled_from(TIDS))
    start = b"MSRP " + tid + draw(st.sampled_from([b" SEND", b" REPORT", b" 200 OK", b" 481"]))
    to, sender = draw(st.sampled_from(URIS)), draw(st.sampled_from(URIS))
    body = draw(bodies)
    rest = b"Message-ID: abcd\r\n" * draw(st.integers(0, 2))
    if body is not None and b"\r\n-------" + tid not in b"\r\n" + body:
        rest += b"Content-Type: text/plain\r\n\r\n" + body + b"\r\n"
    rest += b"-------" + tid + draw(st.sampled_from([b"$", b"+", b"#"])) + b"\r\n"
    went = to.replace(URIS[0], FAR.encode()).replace(b"MSRPS://A:1/s;TCP", FAR.encode())
    from_ = b" ".join([KNOWN_AS.encode(), *sender.split(b" ")[1:]])
    return (
        b"%s\r\nTo-Path: %s\r\nFrom-Path: %s\r\n%s" % (start, to, sender, rest),
        b"%s\r\nTo-Path: %s\r\nFrom-Path: %s\r\n%s" % (start, went, from_, rest),
    )


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    made = []
    for size in sizes:
        made.append(data[:size])
        data = data[size:]
    return [*made, data]


@given(st.lists(messages(), min_size=1, max_size=5), st.lists(st.integers(1, 60), max_size=40))
@settings(max_examples=300)
def test_pieces_do_not_matter(stream: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    rewriter = Rewriter(Rewriting(OURS, FAR, KNOWN_AS))
    passed = b"".join(map(rewriter.feed, pieces(b"".join(came for came, _ in stream), sizes)))
    assert passed == b"".join(went for _, went in stream)
    assert not rewriter.within


garbage = st.lists(st.sampled_from([*PARTS, *URIS, b"SEND", b"To-Path: ", b"From-Path: "]) | st.binary())


@given(st.booleans(), garbage)
@settings(max_examples=300)
def test_garbage_ends_it_or_passes(within: bool, parts: list[bytes]) -> None:
    rewriter = Rewriter(Rewriting(OURS, FAR, KNOWN_AS))
    came = passed = 0
    if within:
        rewriter.feed(b"MSRP abcd SEND\r\nTo-Path: a\r\nFrom-Path: b\r\n")
    try:
        for part in parts:
            came += len(part)
            passed += len(rewriter.feed(part))
            assert came <= passed + MAX_HEAD, "what is held is bounded"
    except Malformed:
        pass
    if within and not any(b"$" in part or b"+" in part or b"#" in part for part in parts):
        assert passed == came
