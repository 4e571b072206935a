"""Which transaction a message belongs to (RFC 3261 17.1.3, 17.2.3), and the stamps of 18.2.1 and RFC 3581."""

from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Side
from pcscf.sip.headers import MAGIC_COOKIE, Via, cseq_of, tag_of
from pcscf.sip.message import Message, Request
from pcscf.transaction.machine import Key


def branch_of(message: Message) -> str:
    """Return the branch of the top Via. Raises SipRefusal where there is no Via or it does not parse."""
    top = message.first("via")
    if top is None:
        raise SipRefusal("no Via")
    at = top.find(";branch=")
    branch = top[at + 8 :].partition(";")[0] if at >= 0 else ""
    # As nearly everybody writes it: nothing else has to be parsed.
    plain = branch != "" and branch.split() == [branch] and '"' not in branch
    return branch if plain else Via.parse(top).branch


def server_key(request: Request, via: Via, flow: Flow) -> Key:
    """Return the key that a request has in common with its retransmissions, and an INVITE with its ACK.

    The method is the last element. An untrusted peer matches only what its own address began: it could
    otherwise cancel a call whose branch it has seen.
    """
    method = "INVITE" if request.method == "ACK" else request.method
    peer = flow.remote[0] if flow.listener.side is Side.ACCESS else ""
    branch = via.params.get("branch", "")
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        return branch, via.sent_by, peer, method
    return *_old_key(request, via), peer, method


def _old_key(request: Request, via: Via) -> Key:
    """RFC 2543 clients: everything that a retransmission repeats (17.2.3).

    The To tag of an ACK is ours, so for INVITE, ACK and CANCEL it does not count.
    Raises SipRefusal where CSeq is bad.
    """
    free = request.method in {"INVITE", "ACK", "CANCEL"}
    return (
        request.uri,
        "" if free else tag_of(request.get("to")),
        tag_of(request.get("from")),
        request.get("call-id"),
        cseq_of(request)[0],
        str(via),
    )


def stamp(request: Request, via: Via, flow: Flow) -> None:
    """Write the source into the top Via: ``received`` (18.2.1), and ``rport`` if asked for (RFC 3581 4)."""
    host, port = flow.remote
    params = via.params
    if "rport" in params:
        params["rport"] = str(port)
    elif via.host == host and "received" not in params:
        return
    params["received"] = host
    request.replace_first("Via", str(via))
