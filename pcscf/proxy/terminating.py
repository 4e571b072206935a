"""Requests to a UE and its responses (TS 24.229 5.2.6.4): the header fields that the P-CSCF answers for."""

from dataclasses import dataclass

from pcscf.proxy.charging import Charging
from pcscf.proxy.identity import asserted_for_response
from pcscf.proxy.trust import strip_for_ue, strip_untrusted
from pcscf.registration.bindings import Binding
from pcscf.registration.identities import identities_in
from pcscf.sip.message import Request, Response


@dataclass(slots=True)
class SavedHeaders:
    """What a request said that its responses need: kept with the transaction.

    charging: P-Charging-Vector; called_party: URI of P-Called-Party-ID. initial: it was outside of a dialog:
    who answers is not known yet.
    """

    binding: Binding
    charging: str | None
    called_party: str | None
    initial: bool = True


def terminate(request: Request, binding: Binding) -> tuple[Request, SavedHeaders]:
    """Return an initial request of the core as it goes to the UE of ``binding``, and what its responses need.

    Via, Max-Forwards, Route and Record-Route are not done here.
    """
    called = identities_in(request, "p-called-party-id") if "p-called-party-id" in request else []
    saved = SavedHeaders(binding, request.get("p-charging-vector"), called[0] if called else None)
    edited = request.copy()
    strip_for_ue(edited)
    return edited, saved


def terminate_within(request: Request, binding: Binding) -> SavedHeaders | None:
    """Edit a request of the core inside a dialog as it goes to the UE, in place; return what responses need.

    None where that is nothing. A vector that has come is taken out and kept for the responses; none is made
    here in either direction: its icid is that of the dialog, which began with one (RFC 7315 4.6).
    """
    charging = request.get("p-charging-vector")
    strip_for_ue(request)
    return None if charging is None else SavedHeaders(binding, charging, None, initial=False)


def answer_from_ue(response: Response, saved: SavedHeaders, charging: Charging, now: float) -> Response:
    """Return a response of the UE to a request that was edited here, as it goes to the core.

    1xx and 2xx to an initial one say who answers: the identity that was called, while it is registered.
    now: monotonic seconds.
    """
    edited = response.copy()
    strip_untrusted(edited)
    if saved.initial and 100 < edited.status < 300:
        identity = asserted_for_response(saved.called_party, saved.binding, now)
        if identity is not None:
            edited.fields.append(("p-asserted-identity", f"P-Asserted-Identity: <{identity}>"))
    if saved.charging is not None and (vector := charging.answer(saved.charging)):
        edited.fields.append(("p-charging-vector", f"P-Charging-Vector: {vector}"))
    return edited
