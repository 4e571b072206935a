"""``media_security``: which media is protected on the access side, and how (TS 33.328, TS 24.229)."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hosting.config import Finding, Section
from iq.suites import MANDATORY_SUITE, SUITES

#: Mechanism names of TS 24.229 7.2A.7 in the order in which the network lists them.
MECHANISMS = ("sdes-srtp", "dtls-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls")

Mechanism = Literal["sdes-srtp", "dtls-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls"]


def _suite(name: str) -> str:
    if name not in SUITES:
        raise ValueError(f"unknown suite; known here: {', '.join(SUITES)}")
    return name


SuiteName = Annotated[str, AfterValidator(_suite)]


class MediaSecurity(Section):
    mechanisms: tuple[Mechanism, ...] = ("sdes-srtp", "msrp-tls", "bfcp-tls", "udptl-dtls")
    """Announced to UEs in Security-Server, in this order, as far as some gateway can."""
    offer_suites: tuple[SuiteName, ...] = (MANDATORY_SUITE,)
    """In offers to UEs, one crypto line each, in this order."""
    accept_suites: tuple[SuiteName, ...] = (
        "AES_CM_128_HMAC_SHA1_80",
        "AEAD_AES_128_GCM",
        "AEAD_AES_256_GCM",
        "AES_256_CM_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
    )
    """In offers from UEs: the first crypto line that we can use, in this order of preference."""
    prefer: Literal["sdes-srtp", "dtls-srtp"] = "sdes-srtp"
    """Where a UE can do both."""
    answer_indicator: Literal["applied", "none"] = "applied"
    """What a=3ge2ae says in answers to UEs that wrote ``requested``."""
    implicit: bool = False
    """Protected media without a=3ge2ae, from a UE that announced the mechanism, counts as a request."""
    lenient: bool = True
    """A request by a UE that did not announce the mechanism is accepted."""
    strict_verify: bool = False
    """A missing Security-Verify is refused with 494."""
    require: tuple[Literal["mediasec", "sec-agree"], ...] = ()
    """Option tags of the agreements that a UE has to start: else 421, or 494 where it knows them."""
    best_effort: bool = False
    """RTP/AVP with a=crypto counts as a request."""
    capability_negotiation: bool = True
    """RFC 5939: SRTP as a potential configuration is taken where e2ae is asked for, else passed on."""
    end_to_end: bool = True
    """Offers protected from end to end pass."""
    downgrade: bool = False
    """A UE may offer a protected stream as plain in a re-offer; false: 488, and it goes on protected."""
    unknown_media: Literal["relay", "reject"] = "relay"
    sha1_fingerprint: bool = False
    """Accept a=fingerprint with SHA-1, where a UE names no better hash."""
    bfcp_tls_role: Literal["answerer-server", "setup"] = "answerer-server"
    """TLS server of BFCP: who answers (RFC 4583), or by a=setup (RFC 8856)."""
    msrp: Literal["auto", "aware", "agnostic"] = "auto"
    """Where the gateway leads the paths of each message over itself (TS 23.334 5.19): auto: unless both ends
    say a=msrp-cema; aware: always; agnostic: never. Only if the gateway can, and TLS ends there if any."""
    media_inactivity: Annotated[int, Field(ge=0, le=86_400)] = 30
    """Seconds without media after which the gateway reports it; 0: never."""
    early_media: Literal["sendrecv", "sendonly", "recvonly", "inactive"] = "sendrecv"
    """What flows before the answer where the core does not say: words of P-Early-Media (RFC 5009)."""
    authentication_failures: Literal["log", "release"] = "log"
    """What becomes of a call whose gateway reports packets that fail authentication."""

    def problems(self) -> Iterator[Finding]:
        for key in ("offer_suites", "accept_suites"):
            if not getattr(self, key):
                yield (key,), f"is empty; {MANDATORY_SUITE} is mandatory (TS 33.328)"
        for key in ("mechanisms", "offer_suites", "accept_suites", "require"):
            named = getattr(self, key)
            for index, item in enumerate(named):
                if item in named[:index]:
                    yield (key, index), f"{item} stands twice"

    def warnings(self) -> Iterator[Finding]:
        for key in ("offer_suites", "accept_suites"):
            if MANDATORY_SUITE not in getattr(self, key):
                yield (key,), f"lacks {MANDATORY_SUITE}, which every UE has to support (TS 33.328)"
