"""What makes a received message unusable whatever it asks for (RFC 3261 8.1.1, 16.3; RFC 4475)."""

from pcscf.errors import BadMessage, SipRefusal
from pcscf.sip.headers import MAGIC_COOKIE, Via, check_address, cseq_of, is_number
from pcscf.sip.message import (
    MALFORMED,
    TOO_LARGE,
    TOO_MANY,
    Message,
    Request,
    Response,
    split_values,
    value_of,
)
from pcscf.sip.uri import SipUri, scheme_of

#: Largest body that is read (octets); above it 513.
MAX_BODY = 262_144
MAX_FORWARDS = 255
#: Octets of one header field, and values of the fields that hops add to, together; above: 400.
MAX_LINE = 8192
MAX_HOPS = 200
_HOPS = frozenset({"via", "route", "record-route", "path", "history-info"})
#: Schemes of a Request-URI that can be routed on; others get 416. urn: emergency services (RFC 5031).
SCHEMES = frozenset({"sip", "sips", "tel", "urn"})

#: Fields that may be there once only.
SINGLE = frozenset({
    "from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type", "expires",
    "session-expires", "rack", "rseq", "event", "mime-version", "refer-to", "replaces",
})  # fmt: skip
#: What no message may have: reason and status.
_UNUSABLE = {
    MALFORMED: ("malformed header line", 400),
    TOO_MANY: ("too many header lines", 400),
    TOO_LARGE: ("header fields too large", 513),
}
MANDATORY = ("from", "to", "call-id", "cseq")


def validate(request: Request) -> None:
    """Raise SipRefusal (400, 416, 505, 513) for a request that no step may work on."""
    if request.version != "SIP/2.0" and request.version.upper() != "SIP/2.0":
        raise SipRefusal("version", status=505, phrase="Version Not Supported")
    seen = check_fields(request)
    _check_uri(request.uri)
    if cseq_of(request)[1] != request.method:
        raise SipRefusal("CSeq method differs from the request's")
    check_address(value_of(seen["from"]))
    check_address(value_of(seen["to"]))
    raw = seen.get("max-forwards")
    if raw is not None and not is_number(value_of(raw), 0, MAX_FORWARDS):
        raise SipRefusal("bad Max-Forwards")
    _check_contacts(request)


def validate_response(response: Response) -> None:
    """Raise BadMessage for a response that cannot be used: drop it."""
    try:
        check_fields(response)
        cseq_of(response)
    except SipRefusal as refusal:
        raise BadMessage(refusal.reason) from None


def check_fields(message: Message) -> dict[str, str]:
    """Return the raw line of each field that may be there once. Raises SipRefusal.

    Checks presence and number of fields, Call-ID, the length of the body, and Via values that share a line:
    the top one alone is ours to judge, but where one does not end, the next does not begin.
    """
    seen: dict[str, str] = {}
    hops = 0
    for key, raw in message.fields:
        if len(raw) > MAX_LINE:
            raise SipRefusal("header field too long")
        if key in SINGLE:
            if key in seen:
                raise SipRefusal(f"more than one {key}")
            seen[key] = raw
        elif key in _HOPS:
            hops += _hops(key, raw)
        elif key in _UNUSABLE:
            reason, status = _UNUSABLE[key]
            raise SipRefusal(reason, status=status)
    if hops > MAX_HOPS:
        raise SipRefusal("too many hops")
    _check_once(message, seen)
    return seen


def _check_once(message: Message, seen: dict[str, str]) -> None:
    for key in MANDATORY:
        if key not in seen:
            raise SipRefusal(f"no {key}")
    if not _is_visible(value_of(seen["call-id"])):
        raise SipRefusal("bad Call-ID")
    line, size = seen.get("content-length"), len(message.body)
    if line is not None and not is_number(value_of(line), size, size):
        raise SipRefusal("Content-Length does not fit the body")
    if size > MAX_BODY:
        raise SipRefusal("body too large", status=513, phrase="Message Too Large")


def _is_visible(text: str) -> bool:
    """Tell whether ``text`` is something, all of it printable ASCII without blanks."""
    return text != "" and text.isascii() and text.isprintable() and " " not in text


def _hops(key: str, raw: str) -> int:
    """Return how many values the line has, at most. Raises SipRefusal where one of several Vias is bad."""
    commas = raw.count(",")
    if commas and key == "via":
        for value in split_values(value_of(raw)):
            Via.parse(value)
    return commas + 1


def _check_uri(text: str) -> None:
    scheme = text[:4].lower()
    if scheme == "sip:" or scheme == "sips" or scheme == "tel:":
        if SipUri.parse(text).headers:
            raise SipRefusal("header fields in the Request-URI")  # RFC 3261 19.1.1: not allowed there
    elif not (scheme := scheme_of(text)):
        raise SipRefusal("bad Request-URI")
    elif scheme not in SCHEMES:
        raise SipRefusal("unsupported URI scheme", status=416, phrase="Unsupported URI Scheme")


def _check_contacts(request: Request) -> None:
    """Contacts must parse; an INVITE has exactly one, but for a client of RFC 2543."""
    contacts = request.values("contact")
    for contact in contacts:
        check_address(contact)
    if request.method == "INVITE" and len(contacts) != 1:
        old = not contacts and MAGIC_COOKIE not in (request.first("via") or "")
        if not old:
            raise SipRefusal("INVITE without exactly one Contact")
