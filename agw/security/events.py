"""What a session tells."""

from dataclasses import dataclass, field

from iq.fingerprint import Fingerprint
from iq.procedures import SecurityCause


@dataclass(frozen=True, slots=True)
class Established:
    """The peer is who its SDP says: its certificate has ``fingerprint``."""

    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Data:
    """In the clear; over DTLS one record. Never before Established."""

    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Closed:
    """The peer sends no more (close_notify)."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The session is over. There may be an alert to be sent. detail: for the log, nothing secret."""

    cause: SecurityCause
    detail: str = ""


Event = Established | Data | Closed | Failed
