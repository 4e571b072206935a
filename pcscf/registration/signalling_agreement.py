"""Which security of signalling UE and network agree on (RFC 3329, TS 33.203 annexes H and O).

``tls`` is served, where it is in use already. ipsec-3gpp is understood and not served: nobody makes security
associations here. Without ``Require: sec-agree`` a UE that offers nothing else goes on without.
"""

from pcscf.errors import SipRefusal
from pcscf.flow import Listener
from pcscf.registration.security_agreement import (
    TLS,
    SecurityOffer,
    agreement_required,
    signalling_mechanisms,
    signalling_verified,
)


def check_signalling(
    offer: SecurityOffer, listener: Listener, media: tuple[str, ...], *, tls_elsewhere: bool
) -> None:
    """Check a REGISTER. Raises SipRefusal: 494, or 420 where no listener serves any mechanism.

    media: values of Security-Server that belong to the media plane. tls_elsewhere: another listener serves
    ``tls``, so that the UE may come back there.
    """
    served = signalling_mechanisms(listener)
    offered = served or (TLS if tls_elsewhere else ())
    if offer.repeated:
        if signalling_verified(offer.repeated, listener):
            return
        reason = "Security-Verify differs from Security-Server"
    elif offer.sec_agree and offer.signalling and offer.signalling.isdisjoint(served):
        reason = "none of the signalling mechanisms is served here"
    else:
        return
    if offered:
        raise agreement_required(reason, offered + media)
    if offer.sec_agree:
        raise SipRefusal(reason, status=420, headers=(("Unsupported", "sec-agree"),))


def check_demanded(
    offer: SecurityOffer, listener: Listener, media: tuple[str, ...], demanded: tuple[str, ...]
) -> None:
    """Refuse a REGISTER that does not start an agreement that the network demands (RFC 3329 2.3.2).

    demanded: option tags, mediasec and sec-agree. media: as above, empty where this listener has nothing to
    agree on. Raises SipRefusal: 494 with Security-Server where the UE knows the tag, else 421 with Require.
    """
    missing = [tag for tag in demanded if not _agrees(offer, listener, media, tag)]
    if not missing:
        return
    unknown = [tag for tag in missing if tag not in offer.supported]
    if unknown:
        raise SipRefusal(
            "a security agreement is demanded",
            status=421,
            phrase="Extension Required",
            headers=(("Require", ", ".join(unknown)),),
        )
    signalling = TLS if "sec-agree" in missing else ()
    raise agreement_required(
        "a security agreement is demanded", signalling + (media if "mediasec" in missing else ())
    )


def _agrees(offer: SecurityOffer, listener: Listener, media: tuple[str, ...], tag: str) -> bool:
    if tag == "mediasec":  # UEs of a listener that assumes mechanisms need not announce them
        return not media or bool(listener.assume or offer.media or offer.verify)
    names = offer.signalling | {entry.name for entry in offer.repeated}
    return not names.isdisjoint(signalling_mechanisms(listener))
