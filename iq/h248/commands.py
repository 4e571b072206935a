"""Text to tree: commands and their descriptors (H.248.1 B.2)."""

import re

from iq.errors import IqError
from iq.h248 import tokens
from iq.h248.errors import DESCRIPTOR_TWICE, SYNTAX_IN_COMMAND, UNSUPPORTED_COMMAND
from iq.h248.model import (
    Audit,
    Command,
    Descriptor,
    DigitMap,
    Error,
    Events,
    Media,
    Observed,
    ObservedEvents,
    Services,
    Signals,
    StreamParameters,
)
from iq.h248.scanner import Scanner

_ID = re.compile(r"[0-9]{1,10}")
_TIME = re.compile(r"[0-9]{8}T[0-9]{8}", re.IGNORECASE)


def read_error(scanner: Scanner) -> Error:
    scanner.expect("=")
    word = scanner.word()
    if not _ID.fullmatch(word) or len(word) > 4:
        raise scanner.fail("no error code")
    scanner.expect("{")
    text = scanner.quoted() if scanner.peek() == '"' else ""
    scanner.expect("}")
    return Error(int(word), text)


def read_command(scanner: Scanner, word: str) -> Command:
    optional = word.startswith("o-")
    word = word[2:] if optional else word
    wildcard = word.startswith("w-")
    word = word[2:] if wildcard else word
    verb = tokens.VERBS.get(word)
    if verb is None:
        if scanner.peek() == "=":
            raise IqError(UNSUPPORTED_COMMAND, "unknown command")
        raise scanner.fail("command expected")
    scanner.code = SYNTAX_IN_COMMAND
    scanner.expect("=")
    command = Command(verb, scanner.word(), [], optional, wildcard)
    if not scanner.take("{"):
        return command
    seen: set[str] = set()
    while not scanner.take("}"):
        if command.descriptors:
            scanner.expect(",")
        scanner.peek()
        start = scanner.at
        name = scanner.word().lower()
        name = tokens.DESCRIPTORS.get(name, name)
        if name in seen:
            raise IqError(DESCRIPTOR_TWICE, f"descriptor {name} twice")
        seen.add(name)
        command.descriptors.append(_descriptor(scanner, name, start))
    return command


def _descriptor(scanner: Scanner, name: str, start: int) -> Descriptor:
    match name:
        case "Media":
            return _media(scanner)
        case "Events":
            request = scanner.value() if scanner.take("=") else ""
            events = scanner.nodes(tokens.EVENT, tokens.EVENT, 4) if scanner.take("{") else []
            return Events(request, events)
        case "ObservedEvents":
            return _observed(scanner)
        case "Signals":
            return Signals(scanner.nodes(tokens.SIGNAL, tokens.SIGNAL, 4) if scanner.take("{") else [])
        case "Audit":
            scanner.expect("{")
            return Audit(scanner.nodes(tokens.AUDIT, tokens.AUDIT, 4))
        case "Services":
            scanner.expect("{")
            return Services(scanner.nodes(tokens.SERVICES, tokens.SERVICES, 4))
        case "DigitMap":
            value = scanner.value() if scanner.take("=") else ""
            return DigitMap(value, scanner.digits() if scanner.peek() == "{" else None)
        case "Error":
            return read_error(scanner)
        case _:
            scanner.at = start
            return scanner.node(tokens.DESCRIPTORS, tokens.AUDIT, 3)


def _observed(scanner: Scanner) -> ObservedEvents:
    scanner.expect("=")
    observed = ObservedEvents(scanner.word())
    scanner.expect("{")
    while True:
        scanner.peek()
        start, time = scanner.at, ""
        if _TIME.fullmatch(word := scanner.word()):
            time = word.upper()
            scanner.expect(":")
        else:
            scanner.at = start
        observed.events.append(Observed(scanner.node(tokens.EVENT, tokens.EVENT, 4), time))
        if scanner.take("}"):
            return observed
        scanner.expect(",")


def _media(scanner: Scanner) -> Media:
    media = Media()
    implicit: StreamParameters | None = None
    scanner.expect("{")
    while True:
        scanner.peek()
        start = scanner.at
        match tokens.MEDIA.get(scanner.word().lower()):
            case "Stream":
                scanner.expect("=")
                number = scanner.word()
                if not _ID.fullmatch(number) or not 0 < int(number) <= 0xFFFF:
                    raise scanner.fail("no stream id")
                stream = StreamParameters(int(number))
                scanner.expect("{")
                media.streams.append(stream)
                if not scanner.take("}"):
                    _parameter(scanner, stream)
                    while not scanner.take("}"):
                        scanner.expect(",")
                        _parameter(scanner, stream)
            case "TerminationState":
                scanner.expect("{")
                media.state = scanner.nodes(tokens.STATE, tokens.STATE, 5)
            case _:
                if implicit is None:
                    implicit = StreamParameters()
                    media.streams.append(implicit)
                scanner.at = start
                _parameter(scanner, implicit)
        if scanner.take("}"):
            return media
        scanner.expect(",")


def _parameter(scanner: Scanner, stream: StreamParameters) -> None:
    """Read LocalControl, Local, Remote, or something unknown, into ``stream``."""
    scanner.peek()
    start = scanner.at
    name = tokens.MEDIA.get(scanner.word().lower())
    match name:
        case "LocalControl":
            scanner.expect("{")
            twice, stream.control = stream.control, scanner.nodes(tokens.CONTROL, tokens.CONTROL, 6)
        case "Local":
            twice_sdp, stream.local = stream.local, scanner.octets()
            twice = [] if twice_sdp is not None else None
        case "Remote":
            twice_sdp, stream.remote = stream.remote, scanner.octets()
            twice = [] if twice_sdp is not None else None
        case _:
            scanner.at = start
            stream.others.append(scanner.node(tokens.MEDIA, tokens.AUDIT, 6))
            return
    if twice is not None:
        raise IqError(DESCRIPTOR_TWICE, f"descriptor {name} twice in a stream")
