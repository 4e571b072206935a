"""A NOTIFY of the reg event package, checked before anything is done (RFC 6665 4.1.3, RFC 3680 5)."""

from dataclasses import dataclass

from pcscf.errors import SipRefusal
from pcscf.proxy.subscription import Subscription
from pcscf.registration.contacts import seconds
from pcscf.registration.reginfo import MEDIA_TYPE, RegInfo, parse_reginfo
from pcscf.sip.headers import cseq_of, parse_params, tag_of
from pcscf.sip.message import Request

_STATES = frozenset({"active", "pending", "terminated"})
#: Reasons behind which a new subscription has no point (RFC 6665 4.1.3).
_FOR_GOOD = frozenset({"rejected", "noresource", "invariant"})


@dataclass(slots=True)
class Notified:
    """info: None where the NOTIFY has no body. ended: no more will come; for_good: nor to a new SUBSCRIBE.

    expires, retry_after: seconds, None where not said.
    """

    info: RegInfo | None
    ended: bool
    for_good: bool
    expires: int | None
    retry_after: int | None


def check_notify(subscription: Subscription, request: Request) -> Notified:
    """Return what a NOTIFY says; its CSeq is noted.

    Raises SipRefusal: 481 for another dialog, 489 another event, 500 out of order, 400, 413, 415.
    """
    sender = tag_of(request.get("from")) or ""
    ours = (request.get("call-id"), tag_of(request.get("to"))) == (subscription.call_id, subscription.tag)
    if not ours or not sender or (subscription.remote_tag and sender != subscription.remote_tag):
        raise SipRefusal("no such subscription", status=481)
    event = (request.get("event") or "").partition(";")[0].strip(" \t").lower()
    if event != "reg":
        raise SipRefusal("another event package", status=489, headers=(("Allow-Events", "reg"),))
    number, _ = cseq_of(request)
    if number <= subscription.remote_cseq:
        raise SipRefusal("NOTIFY out of order", status=500)
    state, _, rest = (request.get("subscription-state") or "").partition(";")
    state = state.strip(" \t").lower()
    if state not in _STATES:
        raise SipRefusal("no Subscription-State")
    params = parse_params(rest)
    info = _body(request)
    subscription.remote_cseq = number
    return Notified(
        info,
        state == "terminated",
        params.get("reason", "").lower() in _FOR_GOOD,
        seconds(params.get("expires")),
        seconds(params.get("retry-after")),
    )


def _body(request: Request) -> RegInfo | None:
    if not request.body:
        return None
    kind = (request.get("content-type") or "").partition(";")[0].strip(" \t").lower()
    if kind != MEDIA_TYPE or "content-encoding" in request:
        raise SipRefusal("another body", status=415, headers=(("Accept", MEDIA_TYPE),))
    return parse_reginfo(request.body)
