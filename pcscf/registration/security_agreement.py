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
TLS = ("tls",)


@dataclass(slots=True)
class SecurityEntry:
    """One sec-mechanism, in lower case; q and mediasec are not among the parameters."""

    name: str
    media: bool
    parameters: frozenset[tuple[str, str | None]]


@dataclass(slots=True)
class SecurityOffer:
    """What a REGISTER says. signalling and media: names of its Security-Client (S and M).

    verify: the media entries of its Security-Verify, None where it has none; repeated: the other ones.
    required, sec_agree: it carries mediasec, sec-agree in Require or Proxy-Require; supported: these and the
    option tags of Supported.
    """

    signalling: frozenset[str]
    media: frozenset[str]
    verify: list[SecurityEntry] | None
    repeated: list[SecurityEntry]
    required: bool
    sec_agree: bool
    supported: frozenset[str]


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


def _demands(message: Message, tag: str) -> bool:
    return any(has_option_tag(message, name, tag) for name in ("Require", "Proxy-Require"))


def parse_offer(request: Request) -> SecurityOffer:
    """Read what a REGISTER says of security mechanisms. Raises SipRefusal 400."""
    client = parse_entries(request, "security-client")
    verify = parse_entries(request, "security-verify")
    tags = {tag for tag in AGREEMENT_TAGS if _demands(request, tag)}
    return SecurityOffer(
        signalling=frozenset(entry.name for entry in client if not entry.media),
        media=frozenset(entry.name for entry in client if entry.media),
        verify=[entry for entry in verify if entry.media] or None,
        repeated=[entry for entry in verify if not entry.media],
        required="mediasec" in tags,
        sec_agree="sec-agree" in tags,
        supported=frozenset(tags.union(value.lower() for value in request.values("supported"))),
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


def media_list(network: tuple[str, ...]) -> tuple[str, ...]:
    """Return the media mechanisms as values of Security-Server, one header field each.

    The same static list goes out in 401, 200 and 494, so that Security-Verify is checked without state.
    """
    return tuple(f"{name};mediasec" for name in network)


def verified(entries: list[SecurityEntry], network: tuple[str, ...]) -> bool:
    """Tell whether Security-Verify repeats the announced list: same mechanisms, order, parameters (2.3.1)."""
    return len(entries) == len(network) and all(
        entry.name == name and not entry.parameters for entry, name in zip(entries, network, strict=True)
    )


def signalling_mechanisms(listener: Listener) -> tuple[str, ...]:
    """Return the mechanisms of signalling that are served on ``listener``: ``tls`` where it is in use."""
    return TLS if listener.transport in TLS_TRANSPORTS else ()


def signalling_verified(entries: list[SecurityEntry], listener: Listener) -> bool:
    """Tell whether the signalling entries of Security-Verify are what ``listener`` serves."""
    return verified(entries, signalling_mechanisms(listener))


def agreement_required(reason: str, server: tuple[str, ...]) -> SipRefusal:
    """Return the refusal 494 with ``server``, the unmodified Security-Server list (RFC 3329 2.3.1)."""
    return SipRefusal(
        reason,
        status=494,
        phrase="Security Agreement Required",
        headers=tuple(("Security-Server", value) for value in server),
    )


def check_register(
    offer: SecurityOffer,
    network: tuple[str, ...],
    server: tuple[str, ...],
    *,
    announced_before: bool,
    strict: bool,
) -> None:
    """Check the media entries of a REGISTER against what the network announces. Raises SipRefusal 494.

    server: values of Security-Server. announced_before: the UE has had them on this flow, so that it has
    something to repeat.
    A network that announces nothing on this listener has nothing to agree on and lets everything pass.
    """
    if not network:
        return
    if offer.verify is not None:
        if not verified(offer.verify, network):
            raise agreement_required("Security-Verify differs from Security-Server", server)
        return
    if offer.required and not offer.media:
        raise agreement_required("mediasec is required without a media mechanism", server)
    if strict and announced_before and (offer.media or offer.required):
        raise agreement_required("Security-Verify is missing", server)


def check_request(
    request: Request, listener: Listener, network: tuple[str, ...], *, negotiated: bool, strict: bool
) -> None:
    """Check an initial request other than REGISTER. Raises SipRefusal 494 or 400.

    negotiated: the registration of the UE announced media mechanisms.
    """
    media, signalling = media_list(network), signalling_mechanisms(listener)
    if negotiated and media:  # most repeat to the letter what we announced, and need no parsing
        values = tuple(request.values("security-verify"))
        if values in {media, signalling + media}:
            return
    entries = parse_entries(request, "security-verify")
    about_media = [entry for entry in entries if entry.media]
    about_signalling = [entry for entry in entries if not entry.media]
    server = (signalling if about_signalling else ()) + media
    if about_signalling and server and not signalling_verified(about_signalling, listener):
        raise agreement_required("Security-Verify differs from Security-Server", server)
    if not network:
        return
    if about_media:
        if not negotiated:
            raise agreement_required("Security-Verify without a media registration", server)
        if not verified(about_media, network):
            raise agreement_required("Security-Verify differs from Security-Server", server)
    elif strict and _demands(request, "mediasec"):
        raise agreement_required("Security-Verify is missing", server)


def strip_agreement_tags(message: Message) -> None:
    """Take ``mediasec`` and ``sec-agree`` out of Require and Proxy-Require; an emptied field goes."""
    for key, _ in message.fields:
        if key == "require" or key == "proxy-require":
            remove_option_tags(message, "Require", AGREEMENT_TAGS)
            remove_option_tags(message, "Proxy-Require", AGREEMENT_TAGS)
            return
