"""Terminations whose media broke down with the packet engine (TS 23.334 8, Termination Out-of-Service)."""

from agw.control.contexts import Contexts
from agw.engine.api import PortId
from iq.errors import IqError
from iq.procedures import OutOfService, Reason

Report = tuple[int, OutOfService]


class Outages:
    """failures: ports over which the engine broke down, those that were closed by then included."""

    def __init__(self, contexts: Contexts) -> None:
        self.failures = 0
        self._contexts = contexts

    def failed(self, port: PortId) -> list[Report]:
        """What to report, with its context: both terminations of the port's stream, each of them once."""
        self.failures += 1
        holder = self._contexts.holders.get(port)
        if holder is None:
            return []
        stream = next(end.id for end in holder.ends.values() if end.port == port)
        reports = []
        for termination in holder.context.terminations:
            if stream in termination.ends and not termination.out_of_service:
                termination.out_of_service = True
                report = OutOfService(termination.name, Reason.MALFUNCTIONING)
                reports.append((termination.context.id, report))
        return reports

    def answered(self, context: int, report: OutOfService, error: IqError | None, now: float) -> bool:
        """The controller's answer to a report. True: it will not release the context; it was released here.

        error: also where there is no controller, or none that answers.
        """
        termination = self._contexts.terminations.get(report.termination)
        if error is None or termination is None or termination.context.id != context:
            return False
        self._contexts.release(termination.context, "engine-failed", now)
        self._contexts.settle()
        return True
