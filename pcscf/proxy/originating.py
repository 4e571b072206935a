"""Requests that a UE sends (TS 24.229 5.2.6.3): the header fields that the P-CSCF answers for."""

from collections.abc import Callable
from dataclasses import dataclass

from pcscf.errors import SipRefusal
from pcscf.flow import Listener
from pcscf.proxy.charging import Charging
from pcscf.proxy.identity import asserted_for_request
from pcscf.proxy.trust import UNTRUSTED, strip_claims, without_core_parameters
from pcscf.registration.bindings import Binding
from pcscf.registration.security_agreement import check_request, network_mechanisms, strip_agreement_tags
from pcscf.sip.headers import tag_of
from pcscf.sip.message import Request

_REPLACED = UNTRUSTED | {"route"}
#: Requests that nothing may stand in the way of, or that cannot be refused.
_NEVER_REFUSED = frozenset({"ACK", "CANCEL", "BYE", "PRACK"})


@dataclass(frozen=True, slots=True)
class HeaderSettings:
    """mechanisms: media security as configured. strict_verify: a missing Security-Verify is 494."""

    charging: Charging
    mechanisms: tuple[str, ...] = ()
    strict_verify: bool = False


def originate(
    request: Request,
    binding: Binding,
    settings: HeaderSettings,
    random: Callable[[int], bytes],
    now: float,
) -> Request:
    """Return an initial request of the UE of ``binding`` as it goes to the core.

    Route becomes the Service-Route of the registration, whatever the UE put there (5.2.6.3.3); one
    P-Asserted-Identity, a new P-Charging-Vector. Via, Max-Forwards and Record-Route are not done here.
    random: returns that many random octets. now: monotonic seconds.
    Raises SipRefusal 403 where the registration has run out.
    """
    if not binding.live or binding.expires_at <= now:
        raise SipRefusal("the registration has run out", status=403, phrase="Forbidden")
    identity = asserted_for_request(request, binding)
    return enter(request, binding.service_route, identity, settings, random)


def enter(
    request: Request,
    route: list[str],
    identity: str | None,
    settings: HeaderSettings,
    random: Callable[[int], bytes],
) -> Request:
    """Return a request as it enters the network by ``route``; identity: to assert, None for none."""
    fields = [f for f in request.fields if f[0] not in _REPLACED]
    if route:
        at = next((i for i, f in enumerate(fields) if f[0] not in {"via", "max-forwards"}), len(fields))
        fields.insert(at, ("route", f"Route: {', '.join(route)}"))
    if identity is not None:
        fields.append(("p-asserted-identity", f"P-Asserted-Identity: <{identity}>"))
    fields.append(("p-charging-vector", f"P-Charging-Vector: {settings.charging.new(random)}"))
    uri = without_core_parameters(request.uri)
    edited = Request(request.method, uri, fields, request.body, request.version)
    strip_claims(edited)
    strip_agreement_tags(edited)
    return edited


def check_security_verify(
    request: Request, binding: Binding, listener: Listener, settings: HeaderSettings
) -> None:
    """Check the Security-Verify of a request that is no REGISTER. Raises SipRefusal 494.

    Only where a dialog or transaction begins: a running session keeps what it has.
    """
    if "security-verify" not in request and not settings.strict_verify:
        return
    if request.method in _NEVER_REFUSED or tag_of(request.get("to") or ""):
        return
    check_request(
        request,
        listener,
        network_mechanisms(listener, settings.mechanisms),
        negotiated=bool(binding.negotiated),
        strict=settings.strict_verify,
    )
