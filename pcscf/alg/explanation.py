"""What would be done with an offer: the same decisions and the same SDP as in a call, without any gateway."""

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from iq.fingerprint import PREFERRED_HASH, Fingerprint
from iq.procedures import Action, ActionReply, Endpoint, Reply, Reserve, Reserved, Stream
from pcscf.alg.media_security import Decision
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.session import MediaSession
from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.sdp.model import Media, Sdp

#: Addresses for documentation (RFC 5737, RFC 3849), and the first ports of the gateway on each side.
ADDRESSES = {Side.ACCESS: ("198.51.100.20", "2001:db8:a::20"), Side.CORE: ("203.0.113.20", "2001:db8:c::20")}
FIRST_PORTS = {Side.ACCESS: 20000, Side.CORE: 40000}
CERTIFICATE = Fingerprint(PREFERRED_HASH, b"EXAMPLE/CERTIFICATE/OF/A/GATEWAY")


@dataclass(frozen=True, slots=True)
class Explanation:
    """lines: each m-line of the offer with its decision. sdp: for the other side, with example addresses and,
    where it gets keys of ours, example keys; None where ``refusal`` says why there is none."""

    lines: list[tuple[Media, Decision]]
    sdp: bytes | None = None
    refusal: SipRefusal | None = None
    forged: int = 0


def explain(
    sdp: bytes, sender: Side, policy: MediaPolicy, access: AccessProfile, *, emergency: bool = False
) -> Explanation:
    """Explain a first offer. Raises SdpRejected where ``sdp`` cannot be read at all."""
    offer = Sdp.parse(sdp)
    session = MediaSession(policy, access, examples(), emergency=emergency)
    try:
        plan = session.plan_offer(sdp, sender)
    except SipRefusal as refusal:
        lines = list(zip(offer.media, session.decisions, strict=True))
        return Explanation(lines, refusal=refusal, forged=session.forged)
    reply = _reply(plan.action, sender) if plan.action is not None else None
    out = session.complete(plan, reply)
    return Explanation(list(zip(offer.media, session.decisions, strict=True)), out, forged=session.forged)


def examples() -> Callable[[int], bytes]:
    """Return a source of "random" octets whose keys read as EXAMPLE in base64, each another one."""
    numbers = count(1)

    def take(octets: int) -> bytes:
        number = next(numbers)
        if octets < 16:
            return number.to_bytes(octets, "big")
        text = (f"EXAMPLE/{number:03}/KEY/" * 5)[: -(-octets * 4 // 3)]
        return b64decode(text + "=" * (-len(text) % 4))[:octets]

    return take


def _reply(action: Action, offerer: Side) -> ActionReply:
    """Return what a gateway might answer to the first Reserves of a session: the offerer's and the other."""
    replies: list[Reply] = []
    reserves = [procedure for procedure in action.procedures if isinstance(procedure, Reserve)]
    remotes = [stream.remote for reserve in reserves for stream in reserve.streams]
    v6 = any(remote is not None and ":" in remote.address for remote in remotes)
    for side, reserve in zip((offerer, offerer.other), reserves, strict=True):
        streams = [
            Stream(
                stream.id,
                local=Endpoint(ADDRESSES[side][v6], FIRST_PORTS[side] + 2 * at),
                local_fingerprint=CERTIFICATE if stream.choose_fingerprint is not None else None,
            )
            for at, stream in enumerate(reserve.streams)
        ]
        replies.append(Reserved(f"example/{side}", streams))
    return ActionReply(1, replies)
