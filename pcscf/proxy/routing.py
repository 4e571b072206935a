"""Via, Max-Forwards, Route and Record-Route of a forwarded request (RFC 3261 16.4 to 16.6, RFC 5658)."""

from zlib import crc32

from pcscf.errors import SipRefusal
from pcscf.flow import Listener
from pcscf.sip.headers import MAGIC_COOKIE, NameAddr, Via
from pcscf.sip.message import Request, value_of
from pcscf.sip.uri import SipUri

__all__ = ["MAGIC_COOKIE", "OwnAddresses"]

DEFAULT_MAX_FORWARDS = 70
#: Scheme, transport -> what our URI says of the transport, where that is not its name.
_IN_URI = {("sip", "udp"): "", ("sip", "wss"): "ws", ("sips", "wss"): "ws", ("sips", "tls"): ""}
_SCHEMES = ("sip", "sips")
_OPENINGS = frozenset({"<sip", "<sips"})
#: The option tags that a proxy's extensions may demand and that this one has (RFC 3261 16.3 step 5).
PROXY_OPTIONS = frozenset({"mediasec", "sec-agree", "path", "outbound"})
#: Requests that make dialogs other than calls: their route must lead back as well.
DIALOG_METHODS = frozenset({"INVITE", "SUBSCRIBE", "REFER"})
#: What stays the same, besides the Request-URI, when a request comes back by mistake.
_ROUTING = frozenset({"route", "proxy-require", "call-id", "cseq", "from", "to"})


class OwnAddresses:
    """The host:port pairs that mean this proxy in a Route or a Request-URI."""

    __slots__ = ("_pairs", "_written")

    def __init__(self, listeners: list[Listener]) -> None:
        self._pairs = {(listener.host.lower(), listener.port) for listener in listeners}
        #: What stands behind the user part in our entries, as ``own_uri`` writes them.
        self._written = {
            own_uri(listener, "", scheme).partition("@")[2] for listener in listeners for scheme in _SCHEMES
        }

    def is_sent_by(self, via: Via) -> bool:
        return (via.host.lower(), via.port or 5060) in self._pairs

    def has(self, uri: SipUri) -> bool:
        """Tell whether ``uri`` is one of ours; a missing port is the scheme's default."""
        port = uri.port or (5061 if uri.scheme == "sips" else 5060)
        return (uri.host.lower(), port) in self._pairs

    def token(self, route: str) -> str | None:
        """Return the user part of a Route value that is ours, None for another's. Raises SipRefusal."""
        front, _, rest = route.partition("@")
        scheme, _, user = front.partition(":")
        if rest in self._written and scheme in _OPENINGS and (not user or _is_token(user)):
            return user  # as we write it: nothing has to be parsed
        uri = SipUri.parse(NameAddr.parse(route).uri)
        return (uri.user or "") if self.has(uri) else None


def _is_token(user: str) -> bool:
    return user.isascii() and user.replace("-", "").isalnum()


def strip_own_routes(request: Request, own: OwnAddresses) -> str | None:
    """Remove our URIs from the top of Route and return the user part of the first, None where none was there.

    Those of one Record-Route only: behind it may stand another one of ours, of the other half of a call
    between two UEs of this proxy. Also undoes a strict router's swap (RFC 3261 16.4). Raises SipRefusal on a
    Route that cannot be read.
    """
    token: str | None = None
    routes = request.values("route")
    if routes and request.uri.startswith(("sip:d-", "sips:d-")):
        target = SipUri.parse(request.uri)
        if own.has(target):
            token, request.uri = target.user or "", NameAddr.parse(routes[-1]).uri
            routes.pop()
            request.replace_values("Route", routes)
    stripped = 0
    for value in routes:
        user = own.token(value)
        if user is None or token not in {None, user}:
            break
        stripped += 1
        token = user
    if stripped and stripped == len(routes):
        request.remove("route")
        return token
    for _ in range(stripped):
        request.pop_value("route")
    return token


def next_hop(request: Request) -> str:
    """Return the URI that the request goes to next: its first Route, else its Request-URI (16.6 step 7)."""
    route = request.first("route")
    return request.uri if route is None else NameAddr.parse(route).uri


def route_onward(request: Request) -> str:
    """Return the next hop; a strict router gets what it expects (16.6 step 6). Raises SipRefusal."""
    uri = next_hop(request)
    if uri is not request.uri and ";lr" not in uri.lower():
        request.pop_value("route")
        request.append("Route", f"<{request.uri}>")
        request.uri = uri
    return uri


def decrement_max_forwards(request: Request) -> None:
    """Count the hop. Raises SipRefusal 483 at 0 and 400 where it is no number (RFC 3261 16.3 step 3)."""
    value = request.get("max-forwards")
    if value is None:
        request.append("Max-Forwards", str(DEFAULT_MAX_FORWARDS))
        return
    if not value.isascii() or not value.isdigit() or len(value) > 3 or int(value) > 255:
        raise SipRefusal("Max-Forwards is no number from 0 to 255")
    if value.strip("0") == "":
        raise SipRefusal("Max-Forwards is 0", status=483)
    request.set("Max-Forwards", str(int(value) - 1))


def check_proxy_require(request: Request) -> None:
    """Raise SipRefusal 420 for extensions that this proxy does not have (RFC 3261 16.3 step 5)."""
    unknown = [tag for tag in request.values("proxy-require") if tag.lower() not in PROXY_OPTIONS]
    if unknown:
        raise SipRefusal(
            "Proxy-Require names an unknown extension",
            status=420,
            headers=(("Unsupported", ", ".join(unknown)),),
        )


def loop_hash(request: Request) -> str:
    """Hash what decides the routing of a request; the same again here is a loop (RFC 3261 16.3 step 4)."""
    parts = [request.uri, *(value_of(raw) for key, raw in request.fields if key in _ROUTING)]
    return f"{crc32(chr(0).join(parts).encode('utf-8', 'surrogateescape')):08x}"


def check_loop(request: Request, own: OwnAddresses) -> str:
    """Return the loop hash of ``request``. Raises SipRefusal 482 where one of our Vias carries the same.

    A Via of ours with another hash is a spiral: fine.
    """
    digest = loop_hash(request)
    for value in request.values("via"):
        if f".{digest}" in value:
            via = Via.parse(value)
            if via.branch.endswith(f".{digest}") and own.is_sent_by(via):
                raise SipRefusal("the request came back unchanged", status=482)
    return digest


def push_via(request: Request, listener: Listener, branch: str) -> None:
    """Put our Via on top (RFC 3261 16.6 step 8)."""
    request.prepend("Via", f"SIP/2.0/{listener.transport.upper()} {listener.hostport};branch={branch}")


def own_uri(listener: Listener, token: str, scheme: str = "sip") -> str:
    """Return our URI as it stands in Record-Route: the transport is named where it is not the scheme's own.

    In URIs WSS is ``ws`` too (RFC 7118 5.2); a sips URI says TLS by itself (RFC 5630 3.1.4).
    """
    name = _IN_URI.get((scheme, listener.transport), listener.transport)
    return f"<{scheme}:{token}@{listener.hostport}{';transport=' if name else ''}{name};lr>"


def record_route(request: Request, token: str, received: Listener, sending: Listener) -> None:
    """Record-route both of our sides: the receiving one below, the sending one on top (RFC 5658 4).

    Under a sips Request-URI the side that encrypts says sips (RFC 3261 16.6 step 4); the core side, which is
    protected below SIP where it is (TS 33.210), cannot.
    """
    sips = request.uri[:5].lower() == "sips:"

    def line(listener: Listener) -> str:
        return f"Record-Route: {own_uri(listener, token, 'sips' if sips and listener.encrypts else 'sip')}"

    fields = request.fields
    at = next((i for i, f in enumerate(fields) if f[0] == "record-route"), None)
    if at is None:
        at = next((i for i, f in enumerate(fields) if f[0] != "via"), len(fields))
    fields[at:at] = [
        ("record-route", line(sending)),
        ("record-route", line(received)),
    ]


def estimated_size(request: Request) -> int:
    """Return about how many octets the request has on the wire (RFC 3261 18.1.1 needs no exact count)."""
    return (
        sum(len(raw) + 2 for _, raw in request.fields)
        + len(request.uri)
        + len(request.method)
        + 12
        + len(request.body)
    )
