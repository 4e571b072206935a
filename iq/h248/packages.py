"""Every name outside the grammar of H.248.1: packages, their items, profile and extension parameters.

The one place to change where a name or number turns out to be different. ``confirmed`` False: recalled from
the Recommendation, not checked against a published text; so are all item names but those of hangterm,
ipnapt, adid, g and ipdc.
"""

import re
from dataclasses import dataclass, field

from iq.errors import IqError
from iq.h248.errors import (
    INCORRECT_IDENTIFIER,
    NO_SUCH_EVENT,
    NO_SUCH_PROPERTY,
    NO_SUCH_SIGNAL,
    UNSUPPORTED_PACKAGE,
    UNSUPPORTED_VALUE,
    plain,
)

REALM = "ipdc/realm"
SOURCE_FILTER = "gm/saf"
SOURCE_MASK = "gm/sam"
DSCP = "ds/dscp"
HEARTBEAT = "hangterm/thb"
HEARTBEAT_TIMER = "timerx"
INACTIVITY = "adid/ipstop"
INACTIVITY_TIME = "dt"
INACTIVITY_DIRECTION = "dir"
CAUSE = "g/cause"
GENERAL_CAUSE = "generalcause"
FAILURE_CAUSE = "failurecause"
LATCH = "ipnapt/latch"
NAPT = "napt"
ESTABLISH = "tcpbcc/estbnc"
CONNECTION = "tcpbcc/bncchange"
CONNECTION_CHANGE = "type"
CONNECTION_CAUSE = "cause"
START_TLS = "tlsbsc/estbnc"
SECURITY = "tlsbsc/bncchange"
"""Of DTLS, too; its parameters are those of tcpbcc."""
AUTHENTICATION = "xsrtp/authfail"
AUTHENTICATION_COUNT = "count"
PATH = "a=path:"
"""Line of Local and Remote, one URI: with it the gateway is aware of MSRP (TS 23.334 5.19). Unconfirmed: TS
29.334 may say it by properties of the package of H.248.78 instead."""
STREAM = "Stream"
"""Which stream an event or a signal is about (H.248.1 B.2)."""

#: Extension parameters of ServiceChange: "X-" and at most 6 letters or digits (H.248.1 B.2).
X_SUITES = "x-suites"
X_MECHANISMS = "x-mechanisms"
X_EPOCH = "x-epoch"
X_AWARE = "x-aware"

ROOT = "ROOT"
_TERMINATION = re.compile(r"[A-Za-z0-9_/*$.@-]{1,128}")
REQUEST_ID = "1"
"""RequestID of every Events descriptor that we write: observed events are told apart by termination."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package by its text name. id: IANA number, None where it was not found.

    The items listed are accepted; those that no procedure carries are read and not acted on.
    """

    name: str
    id: int | None
    version: int
    recommendation: str
    confirmed: bool = True
    properties: frozenset[str] = field(default_factory=frozenset)
    events: frozenset[str] = field(default_factory=frozenset)
    signals: frozenset[str] = field(default_factory=frozenset)


def _items(names: str = "") -> frozenset[str]:
    return frozenset(names.split())


PACKAGES = {
    package.name: package
    for package in (
        Package("g", 0x0001, 1, "H.248.1 E.1", events=_items("cause sc")),
        Package("root", 0x0002, 2, "H.248.1 E.2"),
        Package("nt", 0x000B, 1, "H.248.1 E.11", events=_items("netfail qualert")),
        Package("ds", 0x008B, 2, "H.248.52", properties=_items("dscp tb")),
        Package("gm", 0x008C, 2, "H.248.43", properties=_items("saf sam spf spr esas lsa esps lsp rsb")),
        Package("tman", 0x008D, 1, "H.248.53", properties=_items("pol pdr sdr mbs dvt")),
        Package("hangterm", 0x0098, 1, "H.248.36", events=_items("thb")),
        Package("ipnapt", 0x0099, 1, "H.248.37", signals=_items("latch")),
        Package("adid", 0x009C, 1, "H.248.40", events=_items("ipstop")),
        Package("ipdc", 0x009D, 1, "H.248.41", properties=_items("realm")),
        Package("rtcph", 0x00B5, 1, "H.248.57", properties=_items("rsb")),
        Package("tcpbcc", None, 1, "H.248.89", False, events=_items("bncchange"), signals=_items("estbnc")),
        Package("tlsbsc", None, 1, "H.248.90", False, events=_items("bncchange"), signals=_items("estbnc")),
        # Our own, of the private range. Nobody asks for its event: another make of gateway would refuse that.
        Package("xsrtp", 0x8001, 1, "none", False, events=_items("authfail")),
    )
}


def check_property(name: str) -> None:
    """Raise IqError 440 or 450 unless ``name`` ("pkg/item", lower case) is a property in the table."""
    package, item = _split(name)
    if item not in package.properties:
        raise IqError(NO_SUCH_PROPERTY, f"no property {plain(name)}")


def check_event(name: str) -> None:
    """Raise IqError 440 or 451 unless ``name`` is an event in the table."""
    package, item = _split(name)
    if item not in package.events:
        raise IqError(NO_SUCH_EVENT, f"no event {plain(name)}")


def check_signal(name: str) -> None:
    """Raise IqError 440 or 452 unless ``name`` is a signal in the table."""
    package, item = _split(name)
    if item not in package.signals:
        raise IqError(NO_SUCH_SIGNAL, f"no signal {plain(name)}")


def _split(name: str) -> tuple[Package, str]:
    prefix, _, item = name.partition("/")
    package = PACKAGES.get(prefix)
    if package is None:
        raise IqError(UNSUPPORTED_PACKAGE, f"unsupported package {plain(prefix)}")
    return package, item


def termination_id(text: str) -> str:
    """Return ``text`` as a TerminationID. Raises IqError(410) where it cannot be one."""
    if not _TERMINATION.fullmatch(text):
        raise IqError(INCORRECT_IDENTIFIER, "TerminationID that cannot be written")
    return text


def quote(text: str) -> str:
    """Return ``text`` as a quoted string. Raises IqError(449) where it cannot be one."""
    if '"' in text or not text.isprintable():
        raise IqError(UNSUPPORTED_VALUE, "value that no quoted string can hold")
    return f'"{text}"'


def unquote(value: str) -> str:
    """Return a value without its quotes, if it has any."""
    return value[1:-1] if value[:1] == '"' else value
