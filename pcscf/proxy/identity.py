"""Network asserted identities at the edge (RFC 3325, TS 24.229 5.2.6.3.3 and 5.2.6.4.4)."""

from pcscf.registration.bindings import Binding
from pcscf.registration.identities import identities_in
from pcscf.sip.message import Request


def asserted_for_request(request: Request, binding: Binding) -> str:
    """Return the one identity to assert for a request of the UE of ``binding``, as registered.

    The P-Preferred-Identity that is registered, else the default public identity. Display names are the
    UE's own words and are not asserted.
    """
    if "p-preferred-identity" in request:
        for uri in identities_in(request, "p-preferred-identity"):
            if found := binding.identity(uri):
                return found
    return binding.default_identity


def asserted_for_response(called_party: str | None, binding: Binding, now: float) -> str | None:
    """Return the identity to assert for a response of the UE of ``binding``, None for none.

    called_party: URI of the request's P-Called-Party-ID. It counts while it is registered; without one
    the default public identity answers.
    """
    if not binding.live or binding.expires_at <= now:
        return None
    return binding.default_identity if called_party is None else binding.identity(called_party)
