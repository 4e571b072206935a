"""What happens to the media of calls, as gateways report it or by their loss, and what becomes of the call.

One table (TS 24.229 5.2.8, TS 23.334 8, TS 33.328 7.2 and 7.3): nothing in it makes a protected stream plain.
"""

import re
from dataclasses import dataclass
from enum import StrEnum, auto

from iq.procedures import (
    AuthenticationFailures,
    BearerChange,
    BearerReleased,
    Change,
    Heartbeat,
    MediaInactivity,
    Notification,
    OutOfService,
    SecurityChange,
)
from pcscf.errors import SipRefusal
from pcscf.proxy.branch import Call

#: What a gateway says in Failurecause (g/cause) where DTLS or TLS was not set up with the right peer.
_SECURITY = re.compile(r"tls|fingerprint|certificate|handshake|security", re.IGNORECASE)


class MediaEvent(StrEnum):
    ALIVE = auto()
    """The gateway asks whether its termination is still needed: a call has it."""
    SILENT = auto()
    """Nothing valid came from the UE for a while."""
    BEARER_LOST = auto()
    SECURITY_FAILED = auto()
    """(D)TLS was not set up, or by somebody with another certificate than the SDP named."""
    CONNECTION_FAILED = auto()
    """A TCP connection was not established."""
    CONNECTION_ENDED = auto()
    """A TCP connection stood, and is gone."""
    FORGERIES = auto()
    """Packets of a protected stream failed authentication; none of them was forwarded."""
    OUT_OF_SERVICE = auto()
    GATEWAY_LOST = auto()
    """It did not come back in time, or without its contexts."""


class Outcome(StrEnum):
    KEEP = auto()
    RELEASE = auto()
    RELEASE_LISTENING = auto()
    """Release where the UE is to send and had the time to: not while it rings, nor on hold. An emergency call
    goes on: who calls for help may have no way but to listen."""
    RELEASE_ALONE = auto()
    """Release where the call has no other stream: with the others it goes on, and the ends see the end."""
    RELEASE_CONFIGURED = auto()
    """Release where the operator wants it, but no emergency call: whoever can send packets causes this."""


@dataclass(frozen=True, slots=True)
class Row:
    """outcome: for the call. status, reason: of the Reason header, and of a request without an answer.

    told: a line in the log says so even where the call goes on.
    """

    outcome: Outcome
    status: int = 0
    reason: str = ""
    told: bool = True


_LOST = "the media is lost"
_INSECURE = "media security failure"

#: A call of which one stream of several has lost its protection is released as a whole: to go on without that
#: stream would take a re-INVITE of our own in both directions, in dialogs whose CSeq belongs to the ends.
EVENTS: dict[MediaEvent, Row] = {
    MediaEvent.ALIVE: Row(Outcome.KEEP, told=False),
    MediaEvent.SILENT: Row(Outcome.RELEASE_LISTENING, 503, _LOST, told=False),
    MediaEvent.BEARER_LOST: Row(Outcome.RELEASE, 503, _LOST),
    MediaEvent.SECURITY_FAILED: Row(Outcome.RELEASE, 500, _INSECURE),
    MediaEvent.CONNECTION_FAILED: Row(Outcome.RELEASE_ALONE, 503, _LOST),
    MediaEvent.CONNECTION_ENDED: Row(Outcome.KEEP),
    MediaEvent.FORGERIES: Row(Outcome.RELEASE_CONFIGURED, 500, _INSECURE),
    MediaEvent.OUT_OF_SERVICE: Row(Outcome.RELEASE, 503, _LOST),
    MediaEvent.GATEWAY_LOST: Row(Outcome.RELEASE, 503, "the media gateway is lost"),
}


def event_of(notification: Notification) -> MediaEvent:
    """Return what a notification is about."""
    match notification:
        case Heartbeat():
            return MediaEvent.ALIVE
        case MediaInactivity():
            return MediaEvent.SILENT
        case BearerReleased():
            insecure = _SECURITY.search(notification.failure)
            return MediaEvent.SECURITY_FAILED if insecure else MediaEvent.BEARER_LOST
        case BearerChange():
            failed = notification.change is Change.FAILED
            return MediaEvent.CONNECTION_FAILED if failed else MediaEvent.CONNECTION_ENDED
        case SecurityChange():
            failed = notification.change is Change.FAILED
            return MediaEvent.SECURITY_FAILED if failed else MediaEvent.CONNECTION_ENDED
        case AuthenticationFailures():
            return MediaEvent.FORGERIES
        case OutOfService():
            return MediaEvent.OUT_OF_SERVICE


@dataclass(frozen=True, slots=True)
class Supervision:
    """What the operator says: seconds of silence that are a loss (None: none are), and about forgeries."""

    inactivity: int | None = None
    release_forged: bool = False


def refusal_of(
    event: MediaEvent, call: Call, supervision: Supervision, now: float, stream: int | None = None
) -> SipRefusal | None:
    """Return why ``call`` ends by ``event``, None where it goes on. stream: id of the one concerned."""
    row = EVENTS[event]
    ends = row.outcome is Outcome.RELEASE
    if row.outcome is Outcome.RELEASE_LISTENING:
        # The gateway counts from what it was last told: that may be long before the answer.
        due = call.answered + (supervision.inactivity or 0)
        ends = bool(call.answered) and now >= due and call.media.listening and not call.emergency
    elif row.outcome is Outcome.RELEASE_ALONE:
        ends = all(other is None or other.id == stream for other in call.media.streams)
    elif row.outcome is Outcome.RELEASE_CONFIGURED:
        ends = supervision.release_forged and not call.emergency
    return SipRefusal(row.reason, status=row.status) if ends else None


def details_of(notification: Notification) -> dict[str, object]:
    """Return what a notification says beyond its kind, for the log."""
    details: dict[str, object] = {"termination": notification.termination}
    match notification:
        case BearerReleased():
            details["cause"] = f"{notification.general} {notification.failure}".strip()
        case BearerChange():
            details["stream"], details["cause"] = notification.stream, notification.cause
        case SecurityChange():
            details["stream"], details["cause"] = notification.stream, notification.cause.value
        case AuthenticationFailures():
            details["stream"], details["packets"] = notification.stream, notification.count
        case OutOfService():
            details["cause"] = int(notification.reason)
    return details
