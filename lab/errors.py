"""What goes wrong in the lab, told so that its user knows what to look at."""

from iq.errors import EdgeError


class LabError(EdgeError):
    """Base of the lab's own errors."""


class BadDescription(LabError):
    """An SDP body that this end cannot use."""


class RegistrationFailed(LabError):
    """REGISTER got no 200. ``status``: the final status, or 408 and 503 for what never came back."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"REGISTER: {status} {reason}")
        self.status = status


class CallFailed(LabError):
    """A call was not set up or a request in it was refused. ``status``: as in RegistrationFailed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason


class ProcessFailed(LabError):
    """A process of the demo did not start or ended too early."""
