"""Path and the flow token in it (RFC 3327, RFC 5626 5.2)."""

import hmac

from pcscf.flow import Flow, Listener

#: Octets of the identifier and of the tag that proves it to be ours.
_ID, _TAG = 10, 6
PREFIX = "ft-"


def flow_token(secret: bytes, aor: str, contact: str, flow: Flow) -> str:
    """Return the user part of Path for a contact on a flow: opaque, the same again for the same three.

    secret: random octets of this process. The flow's key never comes back once the flow has ended, so
    that neither does the token.
    """
    identity = "\0".join((aor, contact, repr(flow.key)))
    digest = hmac.digest(secret, b"id" + identity.encode("utf-8", "surrogateescape"), "sha256")[:_ID]
    return PREFIX + (digest + _tag(secret, digest)).hex()


def is_ours(secret: bytes, token: str) -> bool:
    """Tell whether this process made ``token``: one that is not registered any more lost its flow (430)."""
    try:
        octets = bytes.fromhex(token.removeprefix(PREFIX))
    except ValueError:
        return False
    if not token.startswith(PREFIX) or len(octets) != _ID + _TAG:
        return False
    return hmac.compare_digest(octets[_ID:], _tag(secret, octets[:_ID]))


def _tag(secret: bytes, identifier: bytes) -> bytes:
    return hmac.digest(secret, b"tag" + identifier, "sha256")[:_TAG]


def path_value(core: Listener, token: str, *, outbound: bool) -> str:
    """Return the Path value that leads back to us on the core side; ``ob`` where RFC 5626 is in use."""
    transport = "" if core.transport == "udp" else f";transport={core.transport}"
    return f"<sip:{token}@{core.hostport}{transport};lr{';ob' if outbound else ''}>"
