"""TLS and WebSocket without sockets: chunks do not matter, and nothing that arrives raises."""

import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from hosting.tls import listening_context
from pcscf.transport.tls import Tls
from pcscf.transport.websocket import WebSocketSession
from tests.support.certificates import issue
from tests.support.sip import INVITE, request

OPTIONS = request("OPTIONS").encode()
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: edge\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n\r\n"
)


def made(opcode: Opcode, data: bytes, fin: bool, mask: bool) -> bytes:
    control = opcode >= Opcode.CLOSE
    return Frame(opcode, data[:125] if control else data, fin or control).serialize(mask=mask)


FRAMES = st.builds(
    made,
    st.sampled_from(Opcode),
    st.sampled_from([b"", b"\r\n\r\n", b"\x03\xe8", OPTIONS, INVITE[:90], INVITE[90:], b"\xff" * 40]),
    st.booleans(),
    st.sampled_from([True, True, True, False]),
)


def upgraded(counted: dict[str, int] | None = None) -> WebSocketSession:
    counts = {} if counted is None else counted

    def count(name: str) -> None:
        counts[name] = counts.get(name, 0) + 1

    session = WebSocketSession(count)
    assert session.receive(UPGRADE, 0.0) == []
    assert session.up
    assert session.output().startswith(b"HTTP/1.1 101 ")
    return session


@given(st.lists(FRAMES, max_size=12), st.integers(1, 60))
def test_frames_mean_the_same_in_any_chunks(frames: list[bytes], step: int) -> None:
    wire = b"".join(frames)
    one, other = {}, {}
    whole, parts = upgraded(one), upgraded(other)
    messages = [message.encode() for message in whole.receive(wire, 0.0)]
    in_parts = []
    for at in range(0, len(wire), step):
        in_parts += [message.encode() for message in parts.receive(wire[at : at + step], 0.0)]
    assert messages == in_parts
    assert whole.ended == parts.ended
    assert one == other
    assert whole.partial == parts.partial
    if not whole.ended:
        assert whole.frame(OPTIONS) == parts.frame(OPTIONS) != b""


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_any_octets_in_a_websocket(chunks: list[bytes]) -> None:
    session = upgraded()
    for chunk in chunks:
        session.receive(chunk, 0.0)
    said = session.output()
    assert said or not session.ended  # it takes no leave without a word
    assert session.ended or session.frame(OPTIONS)


@given(st.integers(0, len(UPGRADE) - 1), st.binary(max_size=8), st.integers(0, 12))
def test_a_damaged_upgrade_is_answered_ended_or_waits(at: int, junk: bytes, length: int) -> None:
    counted: list[str] = []
    session = WebSocketSession(counted.append)
    session.receive(UPGRADE[:at] + junk + UPGRADE[at + length :], 0.0)
    answer = session.output()
    assert session.up == answer.startswith(b"HTTP/1.1 101 ")
    assert len(counted) == (session.up or session.ended)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    directory: Path = tmp_path_factory.mktemp("tls")
    files = issue(directory, "edge")
    return listening_context(files.certificate, files.private_key)


@given(chunks=st.lists(st.binary(max_size=300), max_size=6), hello=st.booleans())
def test_any_octets_in_tls(context: ssl.SSLContext, chunks: list[bytes], hello: bool) -> None:
    edge = Tls(context)
    if hello:
        out = ssl.MemoryBIO()
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        with pytest.raises(ssl.SSLWantReadError):
            client.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
        assert edge.receive(out.read()) == b""
        assert edge.output()
    for chunk in chunks:
        assert edge.receive(chunk) == b""
        if edge.ended:
            assert edge.error is not None
            break
    assert not edge.up
    edge.close()
