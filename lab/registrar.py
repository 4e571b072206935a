"""The core's registrar: digest, Path, Service-Route, P-Associated-URI (TS 24.229 5.4.1). No IO."""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab import digest
from pcscf.errors import SipRefusal
from pcscf.sip.build import response_to
from pcscf.sip.headers import NameAddr, has_option_tag
from pcscf.sip.message import Request, Response
from pcscf.sip.uri import SipUri

#: Nonces remembered, contacts of one identity, longest registration in seconds.
MAX_NONCES = 10_000
MAX_CONTACTS = 10
MAX_EXPIRES = 600_000


@dataclass(slots=True)
class CoreBinding:
    """One contact of a public identity: its URI, the Path towards it, when it ends (monotonic seconds)."""

    contact: str
    path: list[str]
    expires_at: float


@dataclass(slots=True)
class Registrar:
    """users: user part -> password. behind_edge: REGISTER has to come through a P-CSCF (Path present)."""

    domain: str
    users: Mapping[str, str] = field(repr=False)
    service_route: str
    behind_edge: bool = True
    max_expires: int = 3600
    violations: list[str] = field(default_factory=list)
    _bindings: dict[str, dict[str, CoreBinding]] = field(default_factory=dict)
    _nonces: OrderedDict[str, int] = field(default_factory=OrderedDict, repr=False)

    def register(self, request: Request, now: float) -> Response:
        """Return the response to a REGISTER; a binding is made, refreshed or removed with its 200."""
        try:
            user = self._user(request)
            self._check_path(request)
            if not self._authorized(request, user):
                return self._challenge(request)
            return self._update(request, user, now)
        except SipRefusal as refusal:
            phrase = refusal.phrase or None
            return response_to(request, refusal.status, phrase, to_tag=secrets.token_hex(4))

    def binding(self, user: str, now: float) -> CoreBinding | None:
        """Return the newest binding of a user that has not expired."""
        bindings = self._bindings.get(user, {})
        for contact in [c for c, b in bindings.items() if b.expires_at <= now]:
            del bindings[contact]
        return next(reversed(bindings.values()), None)

    def __len__(self) -> int:
        return sum(len(bindings) for bindings in self._bindings.values())

    def _user(self, request: Request) -> str:
        uri = SipUri.parse(NameAddr.parse(request.get("to") or "").uri)
        if uri.host != self.domain or uri.user is None or uri.user not in self.users:
            raise SipRefusal("unknown identity", status=404, phrase="Not Found")
        return uri.user

    def _check_path(self, request: Request) -> None:
        if not self.behind_edge:
            return
        if not request.values("path"):
            self.violations.append("REGISTER without Path")
            raise SipRefusal("no Path", status=403, phrase="Forbidden")
        if not has_option_tag(request, "Require", "path"):
            self.violations.append("REGISTER with Path but without Require: path (TS 24.229 5.2.2.1)")
        for name in ("P-Visited-Network-ID", "P-Charging-Vector"):
            if name.lower() not in request:
                self.violations.append(f"REGISTER without {name} (TS 24.229 5.2.2.1)")

    def _authorized(self, request: Request, user: str) -> bool:
        given = digest.parse(request.get("authorization") or "")
        nonce, nc = given.get("nonce", ""), given.get("nc", "")
        if nonce not in self._nonces or given.get("realm") != self.domain or given.get("qop") != "auth":
            return False
        if given.get("username") not in (user, f"{user}@{self.domain}"):
            raise SipRefusal("another identity", status=403, phrase="Forbidden")
        if not digest.verify(given, self.users[user], request.method):
            raise SipRefusal("wrong password", status=403, phrase="Forbidden")
        try:
            number = int(nc, 16)
        except ValueError:
            return False
        if number <= self._nonces[nonce]:
            return False
        self._nonces[nonce] = number
        return True

    def _challenge(self, request: Request) -> Response:
        nonce = secrets.token_hex(16)
        known = digest.parse(request.get("authorization") or "").get("nonce")
        self._nonces[nonce] = 0
        while len(self._nonces) > MAX_NONCES:
            self._nonces.popitem(last=False)
        value = f'Digest realm="{self.domain}", nonce="{nonce}", algorithm=MD5, qop="auth"'
        value += ", stale=true" if known else ""
        return response_to(request, 401, to_tag=secrets.token_hex(4), headers=[("WWW-Authenticate", value)])

    def _update(self, request: Request, user: str, now: float) -> Response:
        bindings = self._bindings.setdefault(user, {})
        path = request.values("path")
        for value in request.values("contact"):
            contact = NameAddr.parse(value)
            if contact.uri == "*":
                bindings.clear()
                continue
            given = contact.params.get("expires") or request.get("expires") or str(self.max_expires)
            expires = min(int(given), self.max_expires, MAX_EXPIRES) if given.isdigit() else self.max_expires
            bindings.pop(contact.uri, None)
            if expires:
                bindings[contact.uri] = CoreBinding(contact.uri, path, now + expires)
            while len(bindings) > MAX_CONTACTS:
                del bindings[next(iter(bindings))]
        contacts = [
            ("Contact", f"<{b.contact}>;expires={round(b.expires_at - now)}") for b in bindings.values()
        ]
        headers = [
            *contacts,
            *(("Path", value) for value in path),
            ("Service-Route", self.service_route),
            ("P-Associated-URI", f"<sip:{user}@{self.domain}>"),
        ]
        return response_to(request, 200, to_tag=secrets.token_hex(4), headers=headers)
