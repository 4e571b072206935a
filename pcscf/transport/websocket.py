"""SIP over WebSocket (RFC 7118, RFC 6455): each WebSocket message is one SIP message."""

import logging

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as HttpRequest
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from pcscf.errors import BadMessage
from pcscf.sip.framing import PING, PONG, from_datagram
from pcscf.sip.message import MAX_HEAD, Request, Response
from pcscf.sip.validate import MAX_BODY
from pcscf.transport.session import Count

#: The only subprotocol that is spoken here (RFC 7118 4.1); who does not offer it gets 400.
SIP = Subprotocol("sip")
#: Octets of a SIP message, as on every transport; a longer one closes the connection (1009).
MAX_MESSAGE = MAX_HEAD + MAX_BODY
#: Octets of the HTTP request that asks for the upgrade; a longer one gets 431.
MAX_UPGRADE = 16_384
#: Frames of one message.
MAX_FRAGMENTS = 1024
#: Pings and pongs, of WebSocket or of SIP, that a peer may send in PING_PERIOD seconds.
MAX_PINGS = 100
PING_PERIOD = 10.0
#: Octets that are read before the bounds are looked at again.
SLICE = 4096

# The library logs whole frames at debug level, and SDES keys are in them.
_SILENT = logging.getLogger("pcscf.websocket")
_SILENT.disabled = True


class WebSocketSession:
    """The server's end of a WebSocket. The origin is not judged: SIP authenticates, not a cookie."""

    __slots__ = (
        "_count", "_fragments", "_message", "_pings", "_protocol", "_room", "_since", "_text", "ended", "up",
    )  # fmt: skip

    def __init__(self, count: Count) -> None:
        self._count = count
        # Without extensions: compressed messages would hide their size until they are unpacked.
        self._protocol = ServerProtocol(subprotocols=[SIP], max_size=MAX_MESSAGE, logger=_SILENT)
        self._room = MAX_UPGRADE
        self._message = bytearray()
        self._fragments = 0
        self._text = False
        self._pings = 0
        self._since = 0.0
        self.up = False
        self.ended = False

    @property
    def partial(self) -> bool:
        return self._fragments > 0 or bool(self._protocol.reader.buffer)

    @property
    def held(self) -> int:
        return len(self._message) + len(self._protocol.reader.buffer)

    @property
    def _open(self) -> bool:
        """Whether anything may be sent: a close may come in one piece with what asks for an answer."""
        return self._protocol.state is State.OPEN

    def receive(self, data: bytes, now: float) -> list[Request | Response]:
        messages: list[Request | Response] = []
        if now - self._since > PING_PERIOD:
            self._since, self._pings = now, 0
        for at in range(0, len(data), SLICE):
            if self.ended:
                break
            piece = data[at : at + SLICE]
            if not self.up:
                self._upgrade(piece)
            else:
                self._protocol.receive_data(piece)
                fits = self._frames(messages)
                if not fits or self._protocol.parser_exc is not None:  # no SIP, or not even RFC 6455
                    self._count("broken_streams")
            if self._protocol.close_expected():
                self.ended = True
        return messages

    def output(self) -> bytes:
        return b"".join(self._protocol.data_to_send())

    def frame(self, message: bytes) -> bytes:
        if not self._open:
            self._count("sent_on_closed")
            return b""
        try:
            message.decode()
            self._protocol.send_text(message)
        except UnicodeDecodeError:
            self._protocol.send_binary(message)
        return self.output()

    def goodbye(self) -> bytes:
        if self._open:
            self._protocol.send_close(CloseCode.GOING_AWAY)
        return self.output()

    def _upgrade(self, piece: bytes) -> None:
        """Read on in the HTTP request (RFC 6455 4.2); answer it when it is whole, or too long."""
        protocol = self._protocol
        self._room -= len(piece)
        protocol.receive_data(piece)
        events = protocol.events_received()
        if protocol.eof_sent or len(events) > 1:
            # No HTTP; answered already; or frames before the handshake was answered: not a client.
            self.ended = True
        elif self._room < 0:
            protocol.send_response(protocol.reject(431, "The request is too long.\n"))
        elif events and isinstance(events[0], HttpRequest):
            response = protocol.accept(events[0])
            protocol.send_response(response)
            self.up = response.status_code == 101
        else:
            return
        self._count("websocket_upgrades" if self.up else "websocket_upgrades_refused")

    def _frames(self, messages: list[Request | Response]) -> bool:
        """Take what has arrived into ``messages``; tell whether the connection may go on."""
        for frame in self._protocol.events_received():
            if not isinstance(frame, Frame) or frame.opcode is Opcode.CLOSE:
                continue
            if frame.opcode in (Opcode.PING, Opcode.PONG):
                refused = self._ping()
            else:
                refused = self._fragment(frame, messages)
            if refused is not None:
                self._protocol.fail(*refused)
                return False
        return True

    def _ping(self) -> tuple[CloseCode, str] | None:
        self._count("pings")
        self._pings += 1
        return (CloseCode.POLICY_VIOLATION, "too many pings") if self._pings > MAX_PINGS else None

    def _fragment(self, frame: Frame, messages: list[Request | Response]) -> tuple[CloseCode, str] | None:
        """Take a frame of a message; return why the connection has to be closed, if so."""
        if not self._fragments:
            self._text = frame.opcode is Opcode.TEXT
        self._fragments += 1
        self._message += frame.data
        if not frame.fin:
            if self._fragments < MAX_FRAGMENTS:
                return None
            return CloseCode.MESSAGE_TOO_BIG, "too many fragments"
        data = bytes(self._message)
        self._message.clear()
        self._fragments = 0
        try:
            if self._text:
                data.decode()
            message = from_datagram(data)
        except (BadMessage, UnicodeDecodeError):
            self._count("bad_messages")
            return CloseCode.INVALID_DATA, "not a SIP message"
        if message is not None:
            if "content-length" not in message:  # a stream that it goes to needs it
                message.append("Content-Length", str(len(message.body)))
            messages.append(message)
            return None
        if data.startswith(PING) and self._open:  # RFC 5626 3.5.1, which RFC 7118 6 leaves usable
            self._protocol.send_text(PONG)
        return self._ping()
