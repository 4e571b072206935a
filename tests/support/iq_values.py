"""The procedures of one ordinary call, and everything else that crosses Iq, as values."""

from iq.fingerprint import Fingerprint
from iq.procedures import (
    ALL_CONTEXTS,
    Action,
    ActionReply,
    Audited,
    AuditRoot,
    AuditTerminations,
    AuthenticationFailures,
    BearerChange,
    BearerReleased,
    Change,
    Configure,
    Done,
    Endpoint,
    Heartbeat,
    Latch,
    MediaInactivity,
    Mode,
    OutOfService,
    Reason,
    Register,
    Registered,
    Release,
    Reserve,
    Reserved,
    SecurityCause,
    SecurityChange,
    ServiceChangeMethod,
    Setup,
    Stream,
)
from iq.suites import Crypto, Key

SUITE = "AES_CM_128_HMAC_SHA1_80"


def crypto(first: int = 0, tag: int = 1) -> Crypto:
    return Crypto(SUITE, Key(bytes(range(first, first + 30))), tag)


def reserve() -> Action:
    """An offer: protected access termination with its keys, plain core termination."""
    access = Stream(1, "audio", "RTP/SAVP", "96 97", Mode.SEND_RECEIVE)
    access.remote, access.remote_crypto = Endpoint("192.0.2.20", 5004), crypto(1)
    access.local_crypto = crypto(100)
    core = Stream(1, "audio", "RTP/AVP", "96 97", Mode.SEND_RECEIVE)
    return Action(
        None,
        [
            Reserve("access", [access], 300, Latch.LATCH, "192.0.2.0/24", 30, 46),
            Reserve("core", [core], 300, inactivity=30, dscp=46),
        ],
    )


def reserved() -> ActionReply:
    access = Stream(1, "audio", "RTP/SAVP", "96 97", local=Endpoint("198.51.100.7", 20000))
    core = Stream(1, "audio", "RTP/AVP", "96 97", local=Endpoint("192.0.2.7", 30000))
    return ActionReply(812, [Reserved("ip/0/access/4097", [access]), Reserved("ip/0/core/4098", [core])])


def configure() -> Action:
    core = Stream(1, "audio", "RTP/AVP", "96", Mode.SEND_RECEIVE, remote=Endpoint("192.0.2.40", 30000, 30005))
    return Action(812, [Configure("ip/0/core/4098", [core])])


def configured() -> ActionReply:
    return ActionReply(812, [Reserved("ip/0/core/4098")])


def release() -> Action:
    return Action(812, [Release()])


def released() -> ActionReply:
    return ActionReply(812, [Done("*")])


def call() -> list[tuple[Action, ActionReply]]:
    """The three transactions of a call."""
    return [(reserve(), reserved()), (configure(), configured()), (release(), released())]


def management() -> list[tuple[Action, ActionReply]]:
    """Registration, audits, notifications."""
    root = ActionReply(0, [Done("ROOT")])
    register = Register(
        ServiceChangeMethod.RESTART,
        Reason.COLD_BOOT,
        epoch="0123456789abcdef",
        suites=(SUITE, "AEAD_AES_128_GCM"),
        mechanisms=("msrp-tls", "sdes-srtp"),
        aware=("msrp",),
    )
    terminations = Audited({812: ["ip/0/access/4097", "ip/0/core/4098"], 813: ["ip/0/access/4101"]})
    pairs: list[tuple[Action, ActionReply]] = [
        (Action(0, [register]), ActionReply(0, [Registered(2, "threegimsagw/1")])),
        (Action(0, [AuditRoot()]), root),
        (Action(ALL_CONTEXTS, [AuditTerminations()]), ActionReply(ALL_CONTEXTS, [terminations])),
        (Action(ALL_CONTEXTS, [AuditTerminations("ip/*7")]), ActionReply(ALL_CONTEXTS, [Audited({})])),
        (Action(ALL_CONTEXTS, [Release()]), ActionReply(ALL_CONTEXTS, [Done("*")])),
        (Action(812, [Release("ip/0/core/4098")]), ActionReply(812, [Done("ip/0/core/4098")])),
    ]
    observed = (
        Heartbeat("ip/0/access/4097"),
        MediaInactivity("ip/0/access/4097"),
        BearerReleased("ip/0/access/4097", "FP", "DTLS } failed"),
        OutOfService("ip/0/access/4097", Reason.MALFUNCTIONING),
        OutOfService("ip/0/access/4097", Reason.OUT_OF_SERVICE),
        BearerChange("ip/0/access/4097", 2, Change.FAILED, "no connection within 30 s"),
        BearerChange("ip/0/access/4097", 1, Change.RELEASED),
        AuthenticationFailures("ip/0/access/4097", 3, 128),
    )
    pairs += [(Action(812, [seen]), ActionReply(812, [Done("ip/0/access/4097")])) for seen in observed]
    return pairs


def connections() -> list[tuple[Action, ActionReply]]:
    """TCP media: roles at Reserve, the answer's with the paths of MSRP, and the command to connect."""
    access = Stream(1, "message", "TCP/MSRP", "*", Mode.SEND_RECEIVE, setup=Setup.PASSIVE)
    core = Stream(1, "message", "TCP/MSRP", "*", Mode.SEND_RECEIVE)
    answered = Stream(1, "message", "TCP/MSRP", "*", remote=Endpoint("192.0.2.40", 2855), setup=Setup.ACTIVE)
    answered.local_path, answered.remote_path = "msrp://192.0.2.7:30000/ue;tcp", "msrp://far.example/f;tcp"
    connect = Stream(1, "message", "TCP/MSRP", "*", setup=Setup.ACTIVE, establish=True)
    floor = Stream(2, "application", "TCP/TLS/BFCP", "*", remote=Endpoint("192.0.2.40", 9), establish=True)
    return [
        (
            Action(None, [Reserve("access", [access], 300, Latch.LATCH), Reserve("core", [core], 300)]),
            ActionReply(5, [Reserved("ip/0/access/1"), Reserved("ip/0/core/2")]),
        ),
        (
            Action(5, [Configure("ip/0/core/2", [answered])]),
            ActionReply(5, [Reserved("ip/0/core/2")]),
        ),
        (
            Action(5, [Configure("ip/0/core/2", [connect, floor], Latch.RELATCH)]),
            ActionReply(5, [Reserved("ip/0/core/2")]),
        ),
    ]


def secured() -> list[tuple[Action, ActionReply]]:
    """TLS and DTLS that end at the gateway: as server of a UE that connects, as client, and a DTLS server."""
    sha256, sha512 = Fingerprint("sha-256", bytes(range(32))), Fingerprint("sha-512", bytes(range(64)))
    mine = Fingerprint("sha-256", bytes(range(100, 132)))
    peer = Endpoint("192.0.2.20", 9)
    server = Stream(1, "message", "TCP/TLS/MSRP", "*", Mode.SEND_RECEIVE, remote=peer, setup=Setup.PASSIVE)
    server.choose_fingerprint, server.remote_fingerprints = "sha-256", (sha256, sha512)
    core = Stream(1, "message", "TCP/MSRP", "*", Mode.SEND_RECEIVE, setup=Setup.ACTIVE)
    chosen = Stream(1, "message", "TCP/TLS/MSRP", "*", local=Endpoint("198.51.100.7", 20000))
    chosen.local_fingerprint = mine
    plain = Stream(1, "message", "TCP/MSRP", "*", local=Endpoint("192.0.2.7", 30000))
    client = Stream(1, "application", "TCP/TLS/BFCP", "*", remote=peer, setup=Setup.PASSIVE, start_tls=True)
    client.remote_fingerprints = (sha256,)
    fax = Stream(2, "image", "UDP/TLS/UDPTL", "t38", setup=Setup.PASSIVE, tls_id="abcdefghij0123456789")
    fax.remote_fingerprints = (sha256,)
    return [
        (
            Action(None, [Reserve("access", [server], 300, Latch.LATCH), Reserve("core", [core], 300)]),
            ActionReply(5, [Reserved("ip/0/access/1", [chosen]), Reserved("ip/0/core/2", [plain])]),
        ),
        (
            Action(5, [Configure("ip/0/access/1", [client, fax])]),
            ActionReply(5, [Reserved("ip/0/access/1")]),
        ),
        (
            Action(5, [SecurityChange("ip/0/access/1", 1, Change.FAILED, SecurityCause.FINGERPRINT)]),
            ActionReply(5, [Done("ip/0/access/1")]),
        ),
        (
            Action(5, [SecurityChange("ip/0/access/1", 2, Change.RELEASED, SecurityCause.CLOSED)]),
            ActionReply(5, [Done("ip/0/access/1")]),
        ),
    ]


def rare() -> list[tuple[Action, ActionReply]]:
    """What is legal and does not occur in an ordinary call."""
    held = Stream(1, "audio", "RTP/SAVP", "96", Mode.INACTIVE)
    video = Stream(2, "video", "RTP/SAVPF", "97", rtcp_mux=True)
    video.remote, video.remote_crypto = Endpoint("2001:db8::1", 5004), crypto(3, tag=2)
    video.remote_crypto.mki = (1, 4)
    refused = Stream(3, "audio", "RTP/AVP", "0", remote=Endpoint("", 0))
    modify = Configure("ip/0/access/4097", [held, video, refused], Latch.RELATCH)
    six = Reserve("access.6", [Stream(1, transport="RTP/SAVP", formats="0", remote_crypto=crypto())], 60)
    six.source = "2001:db8::/32"
    return [
        (
            Action(812, [modify], emergency=True, priority=15),
            ActionReply(812, [Reserved("ip/0/access/4097")]),
        ),
        (Action(None, [six], priority=3), ActionReply(5, [Reserved("ip/0/access_6/1")])),
        (
            Action(812, [Configure("ip/0/access/4097", [held, video], Latch.RELATCH, "192.0.2.11")]),
            ActionReply(812, [Reserved("ip/0/access/4097")]),
        ),
        (
            Action(812, [Configure("ip/0/access/4097", []), Release("ip/0/core/4098")]),
            ActionReply(812, [Reserved("ip/0/access/4097"), Done("ip/0/core/4098")]),
        ),
    ]
