"""Messages that we write ourselves: responses, CANCEL, ACK, requests in a dialog (RFC 3261 8, 9, 12, 17)."""

from collections.abc import Iterable, Sequence

from pcscf.sip.headers import NameAddr, cseq_of, tag_of
from pcscf.sip.message import Request, Response

#: Reason phrases (IANA registry).
PHRASES = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
    199: "Early Dialog Terminated", 200: "OK", 202: "Accepted", 204: "No Notification",
    300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy",
    380: "Alternative Service", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
    407: "Proxy Authentication Required", 408: "Request Timeout", 410: "Gone",
    412: "Conditional Request Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 417: "Unknown Resource-Priority",
    420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small",
    423: "Interval Too Brief", 424: "Bad Location Information", 428: "Use Identity Header",
    429: "Provide Referrer Identity", 430: "Flow Failed", 433: "Anonymity Disallowed",
    436: "Bad Identity-Info", 437: "Unsupported Certificate", 438: "Invalid Identity Header",
    439: "First Hop Lacks Outbound Support", 440: "Max-Breadth Exceeded", 469: "Bad Info Package",
    470: "Consent Needed", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
    482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event",
    491: "Request Pending", 493: "Undecipherable", 494: "Security Agreement Required",
    500: "Server Internal Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
    504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large",
    555: "Push Notification Service Not Supported", 580: "Precondition Failure", 600: "Busy Everywhere",
    603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
}  # fmt: skip

_COPIED = frozenset({"via", "from", "to", "call-id", "cseq"})
_ROUTED = frozenset({"from", "to", "call-id", "route"})


def response_to(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Response:
    """Return a response with the Via fields, From, To, Call-ID and CSeq of ``request`` (RFC 3261 8.2.6.2).

    to_tag: added to To unless To has a tag already. headers: further (name, value). A body needs its
    Content-Type among ``headers``; Content-Length is added.
    """
    fields = [field for field in request.fields if field[0] in _COPIED]
    response = Response(status, PHRASES.get(status, "") if reason is None else reason, fields, body)
    if status == 100 and (stamp := request.get("timestamp")) is not None:
        fields.append(("timestamp", f"Timestamp: {stamp}"))
    if to_tag is not None and (to := request.get("to")) is not None and tag_of(to) is None:
        response.set("To", f"{to};tag={to_tag}")
        fields = response.fields
    for name, value in headers:
        fields.append((name.lower(), f"{name}: {value}"))
    fields.append(("content-length", f"Content-Length: {len(body)}"))
    return response


def cancel_for(invite: Request, headers: Iterable[tuple[str, str]] = ()) -> Request:
    """Return the CANCEL for an INVITE as it was sent (RFC 3261 9.1); ``headers``: Reason and the like."""
    number, _ = cseq_of(invite)
    return _hop_request("CANCEL", invite, [f for f in invite.fields if f[0] in _ROUTED], number, headers)


def ack_for(invite: Request, response: Response) -> Request:
    """Return the ACK for a 3xx to 6xx ``response`` to an INVITE as it was sent (RFC 3261 17.1.1.3)."""
    number, _ = cseq_of(invite)
    fields = [f for f in invite.fields if f[0] in _ROUTED and f[0] != "to"]
    fields.append(("to", f"To: {response.get('to') or invite.get('to')}"))
    return _hop_request("ACK", invite, fields, number, ())


def _hop_request(
    method: str,
    invite: Request,
    fields: list[tuple[str, str]],
    number: int,
    headers: Iterable[tuple[str, str]],
) -> Request:
    """Both go to the next hop of the INVITE alone: its top Via, so that they match, and nothing above it."""
    fields.insert(0, ("via", f"Via: {invite.first('via')}"))
    fields.append(("cseq", f"CSeq: {number} {method}"))
    fields.append(("max-forwards", "Max-Forwards: 70"))
    fields += [(name.lower(), f"{name}: {value}") for name, value in headers]
    fields.append(("content-length", "Content-Length: 0"))
    return Request(method, invite.uri, fields)


def request_in_dialog(
    method: str,
    *,
    target: str,
    local: str,
    remote: str,
    call_id: str,
    cseq: int,
    route: Sequence[str] = (),
    via: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Request:
    """Return a request inside a dialog (RFC 3261 12.2.1.1).

    target: remote target URI; local, remote: values of From and To with their tags; route: the route set as
    name-addr values, in the order of Route; a first hop without ``lr`` is treated as a strict router.
    """
    routes, uri = list(route), target
    if routes and "lr" not in _uri_params(routes[0]):
        uri = NameAddr.parse(routes[0]).uri
        routes = [*routes[1:], f"<{target}>"]
    lines = [("Via", via)] if via is not None else []
    lines += [("Route", value) for value in routes]
    lines += [("Max-Forwards", "70"), ("From", local), ("To", remote), ("Call-ID", call_id)]
    lines += [("CSeq", f"{cseq} {method}"), *headers]
    if content_type is not None:
        lines.append(("Content-Type", content_type))
    lines.append(("Content-Length", str(len(body))))
    return Request(method, uri, [(name.lower(), f"{name}: {value}") for name, value in lines], body)


def _uri_params(value: str) -> set[str]:
    parts = NameAddr.parse(value).uri.split(";")[1:]
    return {part.partition("=")[0].strip(" \t").lower() for part in parts}
