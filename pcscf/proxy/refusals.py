"""Refusals that the P-CSCF words itself (TS 24.229 5.2.6; RFC 5626 5.3)."""

from pcscf.errors import SipRefusal

#: Body of the 504 after which a UE registers anew (TS 24.229 5.2.6.3.2A, 7.6; TS 23.380).
RESTORATION = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<ims-3gpp version="1"><alternative-service><type>restoration</type>'
    b"<reason>S-CSCF not reachable</reason><action>initial-registration</action></alternative-service>"
    b"</ims-3gpp>\n"
)


def not_reachable(path: str | None) -> SipRefusal:
    """Return the refusal of a UE's request that did not reach its S-CSCF.

    path: our URI as it stands in the Path of its binding (name-addr); None inside a dialog: a plain 504.
    """
    if path is None:
        return SipRefusal("no answer from the core", status=504)
    return SipRefusal(
        "no answer from the S-CSCF",
        status=504,
        headers=(("P-Asserted-Identity", path), ("Content-Type", "application/3gpp-ims+xml")),
        body=RESTORATION,
    )


def flow_failed() -> SipRefusal:
    """Return the refusal of a request to a UE whose flow is gone (RFC 5626 5.3)."""
    return SipRefusal("the flow to the UE is gone", status=430, phrase="Flow Failed")
