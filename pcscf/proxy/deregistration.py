"""Registrations that the network ends or shortens (TS 24.229 5.2.5)."""

from collections.abc import Iterable

from pcscf.errors import SipRefusal
from pcscf.proxy.effects import Report
from pcscf.proxy.endings import Endings
from pcscf.proxy.table import CallTable
from pcscf.proxy.turn import Turn
from pcscf.registration.bindings import Binding, Bindings
from pcscf.registration.reginfo import ContactState, RegInfo, RegistrationState

#: Why a contact ended, as the log says it (RFC 3680 4.7.2); anything else is "other".
_EVENTS = frozenset({"expired", "deactivated", "probation", "unregistered", "rejected"})


class Deregistration:
    """Carries out what reginfo says about contacts of this node."""

    def __init__(self, bindings: Bindings, calls: CallTable, endings: Endings, turn: Turn) -> None:
        self._bindings = bindings
        self._calls = calls
        self._endings = endings
        self._turn = turn

    def take(self, info: RegInfo, watched: Iterable[Binding]) -> list[Binding]:
        """Bring ``watched`` to what ``info`` says; return those that are registered no more.

        What it says nothing about stays: other contacts of the user are at other nodes.
        """
        gone: list[Binding] = []
        for registration in info.registrations:
            for binding in watched:
                if binding.live and (identity := binding.identity(registration.aor)) is not None:
                    self._judge(binding, identity, registration)
                    if not binding.live:
                        gone.append(binding)
        return gone

    def _judge(self, binding: Binding, identity: str, registration: RegistrationState) -> None:
        contact = next((c for c in registration.contacts if binding.is_contact(c.uri, None, None)), None)
        if registration.state == "terminated" or (contact is not None and contact.state == "terminated"):
            self._lose(binding, identity, _event(contact, registration))
        elif contact is not None and contact.event == "shortened" and contact.expires is not None:
            self._bindings.shorten(binding, self._turn.now + contact.expires)

    def _lose(self, binding: Binding, identity: str, event: str) -> None:
        """One identity of a contact is not registered any more; with its own or the last one it ends."""
        own = binding.identity(binding.aor) or binding.default_identity
        left = [one for one in binding.associated if one != identity]
        self._bindings.remove(binding)
        if identity != own and left:
            binding.associated = left
            self._bindings.put(binding)
            return
        turn = self._turn
        turn.counters.registrations["deregistered"] += 1
        turn.add(Report("deregistered by the network", {"served": binding.aor, "reason": event}))
        for call in self._calls.of(binding.aor):
            if call.binding is binding and not call.emergency:
                self._endings.release(call, SipRefusal("deregistered by the network", status=480))


def _event(contact: ContactState | None, registration: RegistrationState) -> str:
    event = contact.event if contact is not None else next((c.event for c in registration.contacts), "")
    return event if event in _EVENTS else "other"
