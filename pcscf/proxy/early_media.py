"""What the core says about early media, and is believed (P-Early-Media, RFC 5009, TS 24.229 5.2.7)."""

from pcscf.alg.early_media import authorized
from pcscf.flow import Side
from pcscf.proxy.branch import Call
from pcscf.sip.message import Message, Request

_KEY = "p-early-media"


def ask_for_authorization(request: Request) -> None:
    """Say in an INVITE to the core that the header field is understood on its way; else few would send it."""
    if _KEY not in request:
        request.append("P-Early-Media", "supported")


def note_authorization(call: Call, message: Message, sender: Side, fork: str) -> bool:
    """Take what a message to the caller, in the dialog ``fork``, authorizes; return whether that is new.

    A UE authorizes nothing: its directions are taken out before (RFC 5009 8.2 and 8.3).
    """
    if _KEY not in message or sender is call.caller or sender is Side.ACCESS or fork not in call.forks:
        return False
    flows = authorized(message.values(_KEY))
    return flows is not None and call.media.authorize(fork, flows)
