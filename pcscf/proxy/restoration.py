"""Requests that reach nobody, and the state of a UE whose S-CSCF is not reached (TS 24.229 5.2.6.3.2A)."""

from pcscf.errors import SipRefusal
from pcscf.flow import Side
from pcscf.proxy.branch import Branch
from pcscf.proxy.refusals import flow_failed, not_reachable
from pcscf.registration.bindings import Binding


def undelivered(branch: Branch, reason: str) -> SipRefusal:
    """Return the answer to a request that reached nobody; reason: "timeout", "transport" or "resolve".

    Where its S-CSCF is the one that was not reached, the UE has to register anew from now on.
    """
    if branch.to is Side.ACCESS:
        return flow_failed() if reason == "transport" else SipRefusal("the UE does not answer", status=408)
    if branch.registration is not None:
        return SipRefusal("no answer from the core", status=504)
    if branch.undelivered is not None:
        return branch.undelivered
    if branch.served is None or branch.heard:
        return not_reachable(None)
    # Silence after another request than INVITE may be that of the far end (RFC 4320 4.2).
    if reason != "timeout" or branch.method == "INVITE":
        branch.served.restoring = True
    return not_reachable(branch.served.path)


def check_reachable(binding: Binding) -> None:
    """Raises SipRefusal 504 where the S-CSCF of a UE was not reached before."""
    if binding.restoring:
        raise not_reachable(binding.path, "the S-CSCF was not reached before")
