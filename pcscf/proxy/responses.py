"""Responses on their way back, and requests that get none (RFC 3261 16.7)."""

from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.proxy.branch import Branch
from pcscf.proxy.calls import Calls
from pcscf.proxy.charging import Charging
from pcscf.proxy.registrations import Registrations
from pcscf.proxy.terminating import answer_from_ue
from pcscf.proxy.trust import police, strip_for_ue, strip_untrusted
from pcscf.proxy.turn import Turn
from pcscf.registration.outbound import answer_keep
from pcscf.sip.message import Response


class Responses:
    """Responses from either side."""

    def __init__(self, charging: Charging, registrations: Registrations, calls: Calls, turn: Turn) -> None:
        self._charging = charging
        self._registrations = registrations
        self._calls = calls
        self._turn = turn

    def take(self, branch: Branch, response: Response) -> None:
        """Edit a response (never 100) and pass it on. Raises SipRefusal: it cannot be read."""
        server = branch.server
        if server is None:
            if branch.outcome is not None and response.status >= 200:
                branch.outcome(response)
            return
        response.pop_value("via")
        if branch.to is Side.ACCESS:
            police(response, Side.ACCESS, self._turn.counters)
        if branch.registration is not None:
            response = self._registrations.from_core(branch, branch.registration, response)
            self._turn.respond(server, response)
            return
        if branch.to is Side.CORE:
            strip_for_ue(response)
            if branch.method == "INVITE" and branch.served is not None and response.status < 300:
                answer_keep(response, server.flow.listener)
        elif branch.saved is not None:
            response = answer_from_ue(response, branch.saved, self._charging, self._turn.now)
        else:
            strip_untrusted(response)
        if branch.call is not None:
            self._calls.response(branch.call, branch, response)
        else:
            branch.answered = branch.answered or response.status >= 200
            self._turn.respond(server, response)

    def fail(self, branch: Branch, refusal: SipRefusal) -> None:
        """No response will come that could be passed on: answer ``refusal``."""
        if branch.outcome is not None:
            branch.outcome(None)
        if branch.server is None or branch.answered:
            return
        if branch.call is not None:
            self._calls.endings.give_up(branch.call, branch, refusal)
        else:
            branch.answered = True
            self._turn.refuse(branch.server, refusal)
