"""Which media security UE and network announce (RFC 3329 with ``mediasec``, TS 24.229 7.2A.7).

Entries with ``mediasec`` are about the media plane, all others about signalling; the two never mix.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pcscf.errors import SipRefusal
from pcscf.flow import Listener
from pcscf.registration.params import is_token, open_quote, split_parameter, split_unquoted
from pcscf.sip.headers import has_option_tag, remove_option_tags
from pcscf.sip.message import Message, Request

#: Octets that all fields of one name may have together, and entries of them that count.
MAX_TEXT = 4096
MAX_ENTRIES = 20

#: Option tags that end at this proxy (RFC 3329 2.3.1; mediasec likewise: the S-CSCF would answer 420).
AGREEMENT_TAGS = frozenset({"mediasec", "sec-agree"})
#: Transports on which the mechanism ``tls`` of signalling is in use (33.203 Annex O).
TLS_TRANSPORTS = frozenset({"tls", "wss"})


@dataclass(slots=True)
class SecurityEntry:
    """One sec-mechanism, in lower case; q and mediasec are not among the parameters."""

    name: str
    media: bool
    parameters: frozenset[tuple[str, str | None]]


@dataclass(slots=True)
class SecurityOffer:
    """What a REGISTER says. signalling and media: names of its Security-Client (S and M).

    verify: the media entries of its Security-Verify, None where it has none. required: it carries
    ``Require`` or ``Proxy-Require: mediasec``.
    """

    signalling: frozenset[str]
    media: frozenset[str]
    verify: list[SecurityEntry] | None
    required: bool


def _entry(text: str) -> SecurityEntry | None:
    """Parse one sec-mechanism; None for one that counts as absent: no name, a parameter twice, open quote."""
    name, *rest = split_unquoted(text, ";")
    if not is_token(name) or open_quote(text):
        return None
    parameters: dict[str, str | None] = {}
    for part in filter(None, rest):
        key, value = split_parameter(part)
        if not is_token(key) or key in parameters:
            return None
        parameters[key] = value.strip('"').lower() if value is not None else None
    media = "mediasec" in parameters  # a flag: a value on it changes nothing
    parameters.pop("mediasec", None)
    parameters.pop("q", None)
    return SecurityEntry(name.lower(), media, frozenset(parameters.items()))


def parse_entries(message: Message, key: str) -> list[SecurityEntry]:
    """Return the distinct entries of every field ``key``, in order.

    Bad entries, repeated ones (a client repeats one for each re-registration) and those above MAX_ENTRIES
    are left out. Raises SipRefusal 400 where the fields are larger than MAX_TEXT.
    """
    values = message.all(key)
    if sum(map(len, values)) > MAX_TEXT:
        raise SipRefusal(f"{key} is larger than {MAX_TEXT} octets")
    entries: list[SecurityEntry] = []
    for value in values:
        for text in split_unquoted(value, ","):
            entry = _entry(text)
            if entry is not None and entry not in entries and len(entries) < MAX_ENTRIES:
                entries.append(entry)
    return entries


def _demands_mediasec(message: Message) -> bool:
    return any(has_option_tag(message, name, "mediasec") for name in ("Require", "Proxy-Require"))


def parse_verify(message: Message) -> list[SecurityEntry] | None:
    """Return the media entries of Security-Verify, None where there are none. Raises SipRefusal 400."""
    if "security-verify" not in message:
        return None
    return [entry for entry in parse_entries(message, "security-verify") if entry.media] or None


def parse_offer(request: Request) -> SecurityOffer:
    """Read what a REGISTER says of security mechanisms. Raises SipRefusal 400."""
    client = parse_entries(request, "security-client")
    return SecurityOffer(
        signalling=frozenset(entry.name for entry in client if not entry.media),
        media=frozenset(entry.name for entry in client if entry.media),
        verify=parse_verify(request),
        required=_demands_mediasec(request),
    )


def network_mechanisms(listener: Listener, configured: Iterable[str]) -> tuple[str, ...]:
    """Return the media mechanisms that the network announces on ``listener``, in the configured order.

    Where Gm can be read on the way no SDES key may travel on it: sdes-srtp is left out (33.328 6.2.1.2).
    Fingerprints need integrity only, so the others stay.
    """
    names = dict.fromkeys(name.lower() for name in configured)
    if not listener.confidential:
        names.pop("sdes-srtp", None)
    return tuple(names)


def security_server(
    listener: Listener, network: tuple[str, ...], *, media: bool, signalling: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Return the values of Security-Server for a UE, one header field each.

    The same static list goes out in 401, 200 and 494, so that Security-Verify is checked without state.
    media False (the UE announced none): nothing of it.
    """
    tls = ("tls",) if "tls" in signalling and listener.transport in TLS_TRANSPORTS else ()
    return tls + tuple(f"{name};mediasec" for name in network) if media else tls


def verified(entries: list[SecurityEntry], network: tuple[str, ...]) -> bool:
    """Tell whether Security-Verify repeats the announced list: same mechanisms, order, parameters (2.3.1)."""
    return len(entries) == len(network) and all(
        entry.name == name and not entry.parameters for entry, name in zip(entries, network, strict=True)
    )


def _repeats(request: Request, network: tuple[str, ...]) -> bool:
    """Tell whether Security-Verify is, to the letter, what we announced: most are, and need no parsing."""
    return request.values("security-verify") == [f"{name};mediasec" for name in network]


def agreement_required(reason: str, network: tuple[str, ...]) -> SipRefusal:
    """Return the refusal 494 with the unmodified Security-Server list (RFC 3329 2.3.1)."""
    return SipRefusal(
        reason,
        status=494,
        phrase="Security Agreement Required",
        headers=tuple(("Security-Server", f"{name};mediasec") for name in network),
    )


def check_register(
    offer: SecurityOffer, network: tuple[str, ...], *, announced_before: bool, strict: bool
) -> None:
    """Check a REGISTER against what the network announces. Raises SipRefusal 494.

    announced_before: the UE has had our Security-Server on this flow, so that it has something to repeat.
    A network that announces nothing on this listener has nothing to agree on and lets everything pass.
    """
    if not network:
        return
    if offer.verify is not None:
        if not verified(offer.verify, network):
            raise agreement_required("Security-Verify differs from Security-Server", network)
        return
    if offer.required and not offer.media:
        raise agreement_required("mediasec is required without a media mechanism", network)
    if strict and announced_before and (offer.media or offer.required):
        raise agreement_required("Security-Verify is missing", network)


def check_request(request: Request, network: tuple[str, ...], *, negotiated: bool, strict: bool) -> None:
    """Check an initial request other than REGISTER. Raises SipRefusal 494 or 400.

    negotiated: the registration of the UE announced media mechanisms.
    """
    if not network:
        return
    if negotiated and _repeats(request, network):
        return
    verify = parse_verify(request)
    if verify is not None:
        if not negotiated:
            raise agreement_required("Security-Verify without a media registration", network)
        if not verified(verify, network):
            raise agreement_required("Security-Verify differs from Security-Server", network)
    elif strict and _demands_mediasec(request):
        raise agreement_required("Security-Verify is missing", network)


def strip_agreement_tags(message: Message) -> None:
    """Take ``mediasec`` and ``sec-agree`` out of Require and Proxy-Require; an emptied field goes."""
    for key, _ in message.fields:
        if key == "require" or key == "proxy-require":
            remove_option_tags(message, "Require", AGREEMENT_TAGS)
            remove_option_tags(message, "Proxy-Require", AGREEMENT_TAGS)
            return
