"""What does not cross the border of the trust domain: the P-CSCF is inside, the UE is not (TS 24.229 4.4)."""

import re
from collections.abc import Callable

from pcscf.admin.counters import Counters
from pcscf.flow import Side
from pcscf.registration.security_agreement import strip_agreement_tags
from pcscf.sip.message import Message, Response

#: Ends at this proxy, whoever sent it (RFC 3329 2.3.1).
AGREEMENT = frozenset({"security-client", "security-server", "security-verify"})
#: Charging and profile data of the core alone (24.229 4.4, RFC 7315, RFC 5502, RFC 8606).
_CORE_ALONE = frozenset({
    "p-charging-vector", "p-charging-function-addresses", "p-profile-key", "p-served-user", "p-user-database",
    "p-visited-network-id", "relayed-charge", "restoration-info", "response-source", "service-interact-info",
})  # fmt: skip
#: What only the network may say: a UE that says it is not believed. P-Preferred-Identity is a wish that the
#: originating procedures read before; History-Info, Diversion and Reason stay (a PBX diverts calls).
UNTRUSTED = AGREEMENT | _CORE_ALONE | {
    "p-asserted-identity", "p-preferred-identity", "p-asserted-service", "p-called-party-id",
    "p-associated-uri", "p-private-network-indication", "feature-caps", "additional-identity",
    "attestation-info", "origination-id", "priority-verstat",
}  # fmt: skip
#: What a UE does not get; P-Access-Network-Info and Cellular-Network-Info tell where the other user is.
NOT_FOR_UE = AGREEMENT | _CORE_ALONE | {
    "p-access-network-info", "cellular-network-info", "p-private-network-indication", "attestation-info",
    "origination-id", "priority-verstat",
}  # fmt: skip
#: The same for responses (RFC 6432: Reason in responses stays in the trust domain).
_NOT_FOR_UE_RESPONSES = NOT_FOR_UE | {"reason"}
#: What counts as forged where it comes from that side; what a UE repeats or wishes for does not.
FORBIDDEN = {
    Side.ACCESS: UNTRUSTED - {"security-client", "security-verify", "p-preferred-identity"},
    Side.CORE: AGREEMENT,
}

#: Calling party's category, originating line information, kind of operator: parameters of a URI in the core.
_CORE_PARAMETERS = re.compile(r";(?:cpc|oli|iotl)=[^;>,?\s]*", re.IGNORECASE)


def police(message: Message, side: Side, counters: Counters) -> None:
    """Count what ``side`` has no right to say; that it goes, the header procedures see to."""
    forbidden = FORBIDDEN[side]
    for key, _ in message.fields:
        if key in forbidden:
            counters.policed[side.value, key] += 1


def strip_untrusted(message: Message) -> None:
    """Remove what a UE must not say from a request or response of the access side, in place."""
    message.fields = [f for f in message.fields if f[0] not in UNTRUSTED]
    strip_claims(message)
    strip_agreement_tags(message)


def strip_for_ue(message: Message) -> None:
    """Remove what stays in the trust domain from a request or response to a UE, in place.

    P-Asserted-Identity goes where its owner asked for privacy (RFC 3325 7).
    """
    dropped = _NOT_FOR_UE_RESPONSES if isinstance(message, Response) else NOT_FOR_UE
    message.fields = [f for f in message.fields if f[0] not in dropped]
    if "p-asserted-identity" in message:
        if wants_privacy(message):
            message.remove("p-asserted-identity")
        else:
            strip_core_parameters(message)
    strip_agreement_tags(message)


def wants_privacy(message: Message) -> bool:
    """Tell whether Privacy asks that the asserted identity stays inside (RFC 3325 9.3: ``id``)."""
    wishes = ";".join(message.values("privacy"))
    return any(wish.strip().lower() == "id" for wish in wishes.split(";"))


def strip_core_parameters(message: Message) -> None:
    """Take cpc, oli and iotl out of P-Asserted-Identity."""
    for i, (key, raw) in enumerate(message.fields):
        if key == "p-asserted-identity" and ";" in raw:
            message.fields[i] = (key, _CORE_PARAMETERS.sub("", raw))


def without_core_parameters(uri: str) -> str:
    """Return a Request-URI of a UE without what the network alone says in one (24.229 4.4.12, 4.4.15)."""
    return _CORE_PARAMETERS.sub("", uri) if ";" in uri else uri


def strip_claims(message: Message) -> None:
    """Remove the values with which a UE speaks for the network, from header fields that it may use, in place.

    P-Access-Network-Info that claims to be network-provided (RFC 7315 4.4), P-Early-Media that allows or
    forbids media (RFC 5009 8: it may say that it supports it), Priority of a call back from emergency
    services (24.229 4.4.14).
    """
    found = {f[0] for f in message.fields if f[0] in _CLAIMS}
    for key in found:
        name, honest = _CLAIMS[key]
        values = message.values(key)
        kept = [value for value in values if honest(value.lower())]
        if len(kept) < len(values):
            message.replace_values(name, kept)


#: Header fields of which some values are the network's: name, and whether a value (lower case) may stay.
_CLAIMS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "p-access-network-info": ("P-Access-Network-Info", lambda value: "network-provided" not in value),
    "cellular-network-info": ("Cellular-Network-Info", lambda value: "network-provided" not in value),
    "p-early-media": ("P-Early-Media", lambda value: value == "supported"),
    "priority": ("Priority", lambda value: value != "psap-callback"),
}
