"""HTTP digest with MD5 and qop=auth as SIP uses it (RFC 3261 22, RFC 2617): both ends, no IO."""

import hmac
import re
from dataclasses import dataclass
from hashlib import md5

_PARAMETER = re.compile(r'([A-Za-z0-9-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def parse(value: str) -> dict[str, str]:
    """Return the parameters of a Digest challenge or credentials, names in lower case; else {}."""
    scheme, _, rest = value.strip().partition(" ")
    if scheme.lower() != "digest":
        return {}
    return {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _PARAMETER.finditer(rest)}


def response(
    user: str,
    realm: str,
    password: str,
    method: str,
    uri: str,
    nonce: str,
    *,
    qop: str | None = None,
    nc: str = "",
    cnonce: str = "",
) -> str:
    """Return the response of RFC 2617 3.2.2 as 32 hex digits."""
    secret = _md5(f"{user}:{realm}:{password}")
    request = _md5(f"{method}:{uri}")
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return _md5(f"{secret}:{middle}:{request}")


@dataclass(slots=True)
class Credentials:
    """A user's side: answers challenges of one realm, counting the uses of a nonce."""

    user: str
    password: str
    challenge: dict[str, str]
    uses: int = 0

    def authorization(self, method: str, uri: str, cnonce: str) -> str:
        """Return the value of Authorization for one request."""
        self.uses += 1
        realm, nonce = self.challenge.get("realm", ""), self.challenge.get("nonce", "")
        parts = {"username": self.user, "realm": realm, "nonce": nonce, "uri": uri}
        text = ", ".join(f'{k}="{v}"' for k, v in parts.items())
        nc = f"{self.uses:08x}"
        with_qop = "auth" in [q.strip() for q in self.challenge.get("qop", "").split(",")]
        qop = "auth" if with_qop else None
        answer = response(self.user, realm, self.password, method, uri, nonce, qop=qop, nc=nc, cnonce=cnonce)
        text = f'Digest {text}, response="{answer}", algorithm=MD5'
        if qop:
            text += f', qop=auth, nc={nc}, cnonce="{cnonce}"'
        if opaque := self.challenge.get("opaque"):
            text += f', opaque="{opaque}"'
        return text


def verify(given: dict[str, str], password: str, method: str) -> bool:
    """Check a response that was sent with qop=auth against the password."""
    expected = response(
        given.get("username", ""),
        given.get("realm", ""),
        password,
        method,
        given.get("uri", ""),
        given.get("nonce", ""),
        qop=given.get("qop"),
        nc=given.get("nc", ""),
        cnonce=given.get("cnonce", ""),
    )
    return hmac.compare_digest(expected.encode(), given.get("response", "").encode())


def _md5(text: str) -> str:
    return md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
