"""A UE's registration with digest and mediasec (RFC 3261 10, TS 24.229 5.1.1, RFC 3329). No IO."""

import secrets
from dataclasses import dataclass, field

from lab import digest
from pcscf.sip.headers import NameAddr
from pcscf.sip.message import Request, Response, key_of

#: The option tag that deployed clients send beside media plane entries.
OPTION_TAG = "mediasec"


@dataclass(slots=True)
class Registration:
    """aor: public identity (sip:user@domain); mechanisms: announced with mediasec, none for a plain UE.

    security_server: the network's list, mirrored in Security-Verify; from the last 401, 494 or 200.
    """

    aor: str
    password: str = field(repr=False)
    contact: str
    mechanisms: tuple[str, ...] = ()
    instance: str = ""
    private: str = ""
    security_server: tuple[str, ...] = ()
    service_route: list[str] = field(default_factory=list)
    associated: list[str] = field(default_factory=list)
    expires: int = 0
    problems: list[str] = field(default_factory=list)
    _credentials: digest.Credentials | None = field(default=None, repr=False)
    _call_id: str = field(default_factory=lambda: secrets.token_hex(8))
    _tag: str = field(default_factory=lambda: secrets.token_hex(4))
    _cseq: int = 0
    _refused: bool = False

    @property
    def domain(self) -> str:
        return self.aor.partition("@")[2]

    @property
    def registered(self) -> bool:
        return self.expires > 0

    def request(self, expires: int, via: str) -> Request:
        """Return the next REGISTER of this registration."""
        self._cseq += 1
        uri = f"sip:{self.domain}"
        lines = [
            ("Via", via),
            ("Max-Forwards", "70"),
            ("From", f"<{self.aor}>;tag={self._tag}"),
            ("To", f"<{self.aor}>"),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", f"<{self.contact}>{self.instance};expires={expires}"),
            ("Expires", str(expires)),
            ("Supported", "path"),
        ]
        # After 494 the list alone is mirrored; else both lists go out (the mediasec draft, 6.1).
        if self.mechanisms and not self._refused:
            lines += [("Security-Client", f"{name};mediasec") for name in self.mechanisms]
        lines += self.verify()
        lines.append(("Authorization", self._authorization(uri)))
        lines.append(("Content-Length", "0"))
        return Request("REGISTER", uri, [(key_of(name), f"{name}: {value}") for name, value in lines])

    def verify(self) -> list[tuple[str, str]]:
        """Return Security-Verify and the option tags as requests carry them; nothing for a plain UE."""
        if not self.mechanisms:
            return []
        lines = [("Security-Verify", value) for value in self.security_server]
        return [*lines, ("Require", OPTION_TAG), ("Proxy-Require", OPTION_TAG)]

    def absorb(self, response: Response) -> bool:
        """Take what a final response says; True where the REGISTER has to be sent again."""
        media = [value for value in response.values("security-server") if _is_media(value)]
        if response.status in (401, 494, 200) and media:
            self.security_server = tuple(media)
        again = False
        if response.status == 401:
            again = self._challenged(response)
        elif response.status == 494:
            again, self._refused = not self._refused and bool(media), True
        elif response.status == 200:
            self._refused = False
            self._registered(response)
            if self.mechanisms and self.expires and not media:
                self.problems.append("no Security-Server in the 200 to REGISTER")
        return again

    def _challenged(self, response: Response) -> bool:
        challenge = digest.parse(response.get("www-authenticate") or "")
        stale = challenge.get("stale", "").lower() == "true"
        failed = self._credentials is not None and self._credentials.uses == 1 and not stale
        if not challenge.get("nonce") or failed:
            return False
        self._refused = False
        user = self.private or self.aor.partition(":")[2]
        self._credentials = digest.Credentials(user, self.password, challenge)
        return True

    def _authorization(self, uri: str) -> str:
        if self._credentials is None:
            user = self.private or self.aor.partition(":")[2]
            return f'Digest username="{user}", realm="{self.domain}", uri="{uri}", nonce="", response=""'
        return self._credentials.authorization("REGISTER", uri, secrets.token_hex(8))

    def _registered(self, response: Response) -> None:
        self.service_route = response.values("service-route")
        self.associated = [NameAddr.parse(v).uri for v in response.values("p-associated-uri")]
        self.expires = 0
        for value in response.values("contact"):
            contact = NameAddr.parse(value)
            if contact.uri == self.contact:
                given = contact.params.get("expires") or response.get("expires") or ""
                self.expires = int(given) if given.isdigit() else 0


def _is_media(value: str) -> bool:
    return any(part.strip().lower() == "mediasec" for part in value.split(";")[1:])
