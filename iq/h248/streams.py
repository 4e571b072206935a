"""Add and Modify read as Reserve and Configure: LocalControl, Local, Remote, Events, Signals."""

from dataclasses import dataclass

from iq.errors import IqError
from iq.h248 import sdp
from iq.h248.errors import (
    CONFLICTING_VALUES,
    MISSING_INFORMATION,
    PROPERTY_TWICE,
    UNSUPPORTED_DESCRIPTOR,
    UNSUPPORTED_VALUE,
    plain,
)
from iq.h248.model import Audit, Command, Events, Media, Node, Signals, StreamParameters
from iq.h248.packages import (
    DSCP,
    ESTABLISH,
    HEARTBEAT,
    HEARTBEAT_TIMER,
    INACTIVITY,
    INACTIVITY_TIME,
    LATCH,
    NAPT,
    REALM,
    SOURCE_FILTER,
    SOURCE_MASK,
    START_TLS,
    STREAM,
    check_event,
    check_property,
    check_signal,
    unquote,
)
from iq.procedures import Configure, Latch, Mode, Reserve, Setup, Stream

_MODES = {mode.value: mode for mode in Mode}
_OTHER_END = {Setup.ACTIVE: Setup.PASSIVE, Setup.PASSIVE: Setup.ACTIVE}


@dataclass(slots=True)
class _Control:
    """What LocalControl says for the whole termination."""

    realm: str | None = None
    filtered: bool = False
    source: str | None = None
    dscp: int | None = None


def _number(node: Node, most: int, base: int = 10) -> int:
    try:
        number = int(unquote(node.value), base) if len(node.value) <= 12 else -1
    except ValueError:
        number = -1
    if node.operator != "=" or not 0 <= number <= most:
        raise IqError(UNSUPPORTED_VALUE, f"value of {plain(node.name)}")
    return number


def _switch(node: Node) -> bool:
    value = node.value.upper()
    if node.operator != "=" or value not in ("ON", "OFF"):
        raise IqError(UNSUPPORTED_VALUE, f"{plain(node.name)} is ON or OFF")
    return value == "ON"


def _control(nodes: list[Node], stream: Stream, control: _Control) -> None:
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise IqError(PROPERTY_TWICE, f"property {plain(node.name)} twice")
        seen.add(node.name)
        match node.name:
            case "Mode":
                if (mode := _MODES.get(node.value)) is None:
                    raise IqError(UNSUPPORTED_VALUE, "value of Mode")
                stream.mode = mode
            case "ReservedValue" | "ReservedGroup":
                _switch(node)
            case name if name == REALM:
                control.realm = unquote(node.value)
            case name if name == SOURCE_FILTER:
                control.filtered = _switch(node)
            case name if name == SOURCE_MASK:
                control.source = unquote(node.value)
            case name if name == DSCP:
                control.dscp = _number(node, 0x3F, 16)
            case name:
                check_property(name)


def _sdp(parameters: StreamParameters, stream: Stream) -> None:
    """Read Remote, then Local, into ``stream``; a key stays with the side that it came in.

    a=setup in Remote says what the far end does; the gateway does the opposite.
    """
    found: list[sdp.Description] = []
    if parameters.remote:
        remote = sdp.read(parameters.remote)
        stream.remote, stream.remote_crypto = remote.endpoint, remote.crypto
        stream.remote_fingerprints, stream.tls_id = remote.fingerprints, remote.tls_id
        stream.remote_path = remote.path
        if remote.setup is not None:
            stream.setup = _OTHER_END[remote.setup]
        found.append(remote)
    if parameters.local:
        local = sdp.read(parameters.local)
        stream.local, stream.local_crypto = local.endpoint, local.crypto
        stream.choose_fingerprint, stream.local_path = local.choose_fingerprint, local.path
        stream.setup = local.setup or stream.setup
        found.append(local)
    for description in found:
        stream.media, stream.transport = description.media, description.transport
        stream.formats = description.formats
        stream.rtcp_mux = stream.rtcp_mux or description.rtcp_mux
    if not found:
        stream.media = stream.transport = stream.formats = ""  # unchanged


def read_stream(parameters: StreamParameters, control: _Control) -> Stream:
    """Return one Stream descriptor; what it says for the termination goes into ``control``."""
    if parameters.others:
        raise IqError(UNSUPPORTED_DESCRIPTOR, f"descriptor {plain(parameters.others[0].name)}")
    stream = Stream(parameters.id)
    _control(parameters.control or [], stream, control)
    _sdp(parameters, stream)
    return stream


def read_latch(signals: Signals) -> Latch | None:
    """Return what ipnapt/latch asks for; None where there is no such signal."""
    latch = None
    for signal in signals.signals:
        check_signal(signal.name)
        if signal.name != LATCH:
            continue
        value = next((unquote(node.value) for node in signal.body or [] if node.name == NAPT), "").upper()
        if value not in Latch.__members__:
            raise IqError(UNSUPPORTED_VALUE, "value of ipnapt/latch napt")
        latch = Latch(value)
    return latch


def _establish(signals: Signals, streams: list[Stream]) -> None:
    """Mark the streams that tcpbcc/EstBNC and tlsbsc/EstBNC name: all of the command where it names none."""
    for signal in signals.signals:
        if signal.name not in (ESTABLISH, START_TLS):
            continue
        named = [_number(node, 0xFFFF) for node in signal.body or [] if node.name == STREAM]
        known = {stream.id: stream for stream in streams}
        for number in named or known or [1]:
            if number not in known:
                streams.append(Stream(number, "", "", ""))
                known[number] = streams[-1]
            if signal.name == ESTABLISH:
                known[number].establish = True
            else:
                known[number].start_tls = True


def read_events(events: Events) -> tuple[int | None, int | None]:
    """Return (heartbeat, inactivity) in seconds, None where not asked for."""
    heartbeat = inactivity = None
    for event in events.events:
        parameters = {node.name: node for node in event.body or []}
        check_event(event.name)
        if event.name == HEARTBEAT:
            heartbeat = _timer(parameters, HEARTBEAT_TIMER)
        elif event.name == INACTIVITY:
            inactivity = _timer(parameters, INACTIVITY_TIME)
    return heartbeat, inactivity


def _timer(parameters: dict[str, Node], name: str) -> int:
    if name not in parameters:
        raise IqError(MISSING_INFORMATION, f"event without {name}")
    return _number(parameters[name], 0xFFFFFFF)


@dataclass(slots=True)
class _Contents:
    """What the descriptors of an Add or Modify come to."""

    streams: list[Stream]
    control: _Control
    latch: Latch | None = None
    heartbeat: int | None = None
    inactivity: int | None = None


def _contents(command: Command) -> _Contents:
    contents = _Contents([], _Control())
    signals: Signals | None = None
    for descriptor in command.descriptors:
        match descriptor:
            case Media():
                contents.streams = [read_stream(stream, contents.control) for stream in descriptor.streams]
            case Events():
                contents.heartbeat, contents.inactivity = read_events(descriptor)
            case Signals():
                contents.latch = read_latch(descriptor)
                signals = descriptor
            case Audit(items) if not items:
                pass
            case Node(name):
                raise IqError(UNSUPPORTED_DESCRIPTOR, f"descriptor {plain(name)}")
            case _:
                raise IqError(UNSUPPORTED_DESCRIPTOR, f"descriptor {type(descriptor).__name__}")
    if len({stream.id for stream in contents.streams}) < len(contents.streams):
        raise IqError(CONFLICTING_VALUES, "the same StreamID twice")
    if signals is not None:
        _establish(signals, contents.streams)
    return contents


def reserve_from_command(command: Command) -> Reserve:
    """Return the Reserve that an Add asks for. Raises IqError(472) without streams, realm or heartbeat."""
    contents = _contents(command)
    control = contents.control
    if not contents.streams or any(not stream.transport for stream in contents.streams):
        raise IqError(MISSING_INFORMATION, "Add without Local")
    if control.realm is None:
        raise IqError(MISSING_INFORMATION, "Add without ipdc/realm")
    if contents.heartbeat is None:
        raise IqError(MISSING_INFORMATION, "Add without hangterm/thb")
    return Reserve(
        control.realm,
        contents.streams,
        contents.heartbeat,
        contents.latch or Latch.OFF,
        _source(control),
        contents.inactivity,
        control.dscp,
    )


def configure_from_command(command: Command) -> Configure:
    """Return the Configure that a Modify asks for; its Events and realm stay as they were added."""
    contents = _contents(command)
    return Configure(command.termination, contents.streams, contents.latch, _source(contents.control))


def _source(control: _Control) -> str | None:
    if not control.filtered:
        return None
    if control.source is None:
        raise IqError(MISSING_INFORMATION, "gm/saf without gm/sam")
    return control.source
