"""What the operator allows and what one UE and its gateway can do: the inputs of every decision."""

from dataclasses import dataclass

from iq.suites import MANDATORY_MECHANISM, MANDATORY_SUITE


@dataclass(frozen=True, slots=True)
class MediaPolicy:
    """``media_security`` of the configuration.

    offer_suites: in offers to UEs, one line each. accept_suites: in our order of preference.
    early_media: what flows before the answer where the network does not say, in the words of P-Early-Media.
    prefer: the mechanism for a UE that can do both SDES and DTLS-SRTP. sha1_fingerprint: SHA-1 counts where a
    UE names no better hash. bfcp_tls_role: who is TLS server, "answerer-server" or by "setup".
    msrp: is the gateway to be aware of it (TS 23.334 5.19): "auto" (unless both ends have RFC 6714), "aware"
    (always), "agnostic" (never).
    node: names this P-CSCF in Warning headers. retry_after: seconds, where the gateway refuses.
    """

    offer_suites: tuple[str, ...] = (MANDATORY_SUITE,)
    accept_suites: tuple[str, ...] = (
        MANDATORY_SUITE,
        "AEAD_AES_128_GCM",
        "AEAD_AES_256_GCM",
        "AES_256_CM_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
    )
    answer_indicator: str = "applied"
    implicit: bool = False
    lenient: bool = True
    best_effort: bool = False
    capability_negotiation: bool = True
    end_to_end: bool = True
    downgrade: bool = False
    unknown_media: str = "relay"
    early_media: str = "sendrecv"
    prefer: str = "sdes-srtp"
    sha1_fingerprint: bool = False
    bfcp_tls_role: str = "answerer-server"
    msrp: str = "auto"
    node: str = "pcscf"
    retry_after: int = 5


@dataclass(slots=True)
class AccessProfile:
    """One UE as the IMS-ALG sees it.

    announced: mechanisms of its registration (or assumed for its listener). network: those that this network
    announces on that listener: ``sdes-srtp`` is among them only where Gm is confidential (33.328 6.2.1.2).
    mechanisms: both; e2ae needs both (33.328 5.4.1). suites: what the gateway's engine can do; terminates:
    mechanisms that the gateway can end at the edge; aware: protocols of media that it can be aware of.
    source: address that the UE's SIP comes from; it changes with its flow. heartbeat, inactivity: seconds
    (TS 23.334 8.1), None off.
    implicit: a trunk whose protected media without a=3ge2ae counts as a request, whatever the policy says.
    """

    mechanisms: frozenset[str]
    announced: frozenset[str]
    network: frozenset[str]
    access_realm: str = "access"
    core_realm: str = "core"
    source: str | None = None
    suites: frozenset[str] = frozenset({MANDATORY_SUITE})
    heartbeat: int = 3600
    inactivity: int | None = None
    webrtc: bool = False
    implicit: bool = False
    terminates: frozenset[str] = frozenset({MANDATORY_MECHANISM})
    aware: frozenset[str] = frozenset()
