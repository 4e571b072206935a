"""What the P-CSCF does to credentials and challenges of REGISTER (TS 24.229 5.2.2, 7.2A.2)."""

from dataclasses import dataclass

from pcscf.errors import SipRefusal
from pcscf.registration.params import is_token, open_quote, split_parameter, split_unquoted
from pcscf.registration.security_agreement import TLS_TRANSPORTS
from pcscf.sip.message import Request, Response

#: Keys of IMS AKA for the P-CSCF alone; a UE derives its own from the nonce.
_AKA_KEYS = frozenset({"ik", "ck"})
_INTEGRITY = frozenset({"integrity-protected"})


@dataclass(slots=True)
class Credentials:
    """What an Authorization says: username is the IMPI; answered: it answers a challenge."""

    username: str
    algorithm: str
    answered: bool


def _split(value: str) -> tuple[str, list[str]]:
    scheme, _, rest = value.replace("\t", " ").partition(" ")
    return scheme, [part for part in split_unquoted(rest, ",") if part]


def _without(value: str, names: frozenset[str]) -> str:
    """Return ``value`` without the parameters ``names``; byte for byte the same where it has none of them."""
    scheme, parts = _split(value)
    kept = [part for part in parts if split_parameter(part)[0] not in names and not open_quote(part)]
    return value if len(kept) == len(parts) else f"{scheme} {','.join(kept)}"


def credentials(request: Request) -> Credentials | None:
    """Read the first Authorization, None for none. Raises SipRefusal 400 where it cannot be read."""
    for value in request.all("authorization"):
        scheme, parts = _split(value)
        if not is_token(scheme) or any(map(open_quote, parts)):
            raise SipRefusal("Authorization cannot be read")
        found = dict(map(split_parameter, reversed(parts)))  # the first of two counts
        username, algorithm, response = (
            (found.get(name) or "").strip('"') for name in ("username", "algorithm", "response")
        )
        return Credentials(username, algorithm.lower(), bool(response))
    return None


def integrity_protected(found: Credentials, transport: str, *, registered: bool) -> str | None:
    """Return the value of integrity-protected, None for no parameter: the one place of this choice.

    registered: this private identity has a binding on this very flow. There is no IPsec here, so that
    ``yes`` never occurs and AKAv1 gets none (24.229: ``no`` or absent). A REGISTER that answers no
    challenge gets none either.
    """
    if not found.answered:
        return None
    tls = transport in TLS_TRANSPORTS
    if found.algorithm.startswith("akav"):
        return "tls-connected" if tls and found.algorithm.startswith("akav2") else None
    return f"{'tls' if tls else 'ip-assoc'}-{'yes' if registered else 'pending'}"


def mark_integrity(request: Request, state: str | None) -> None:
    """Replace every integrity-protected that the UE wrote by ``state`` (None: no parameter).

    Raises SipRefusal 400 for an Authorization in which one could hide.
    """
    _edit(request, "authorization", _INTEGRITY, "" if state is None else f',integrity-protected="{state}"')


def remove_aka_keys(response: Response) -> None:
    """Take ``ik`` and ``ck`` out of the challenges: they are not for the UE nor for who listens on Gm."""
    _edit(response, "www-authenticate", _AKA_KEYS, "")


def _edit(message: Request | Response, key: str, names: frozenset[str], added: str) -> None:
    for i, (k, raw) in enumerate(message.fields):
        if k != key:
            continue
        name, _, value = raw.partition(":")
        value = " ".join(value.split("\r\n")).strip()
        if isinstance(message, Request):
            scheme, parts = _split(value)
            if not is_token(scheme) or any(map(open_quote, parts)):
                raise SipRefusal("Authorization cannot be read")
        edited = _without(value, names) + added
        if edited != value:
            message.fields[i] = (k, f"{name}: {edited}")
