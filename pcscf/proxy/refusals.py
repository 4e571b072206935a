"""Refusals that the P-CSCF words itself (TS 24.229 5.2.6; RFC 5626 5.3)."""

from pcscf.errors import SipRefusal

#: Body of the 504 after which a UE registers anew (TS 24.229 5.2.6.3.2A, 7.6; TS 23.380).
RESTORATION = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n'
    b'<ims-3gpp version="1"><alternative-service><type>restoration</type>'
    b"<reason>S-CSCF not reachable</reason><action>initial-registration</action></alternative-service>"
    b"</ims-3gpp>\r\n"
)


#: Body of the 380 after which a UE calls for help another way (TS 24.229 5.2.10.5, 7.6).
EMERGENCY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n'
    b'<ims-3gpp version="1"><alternative-service><type>emergency</type>'
    b"<reason>Emergency calls are not served here</reason><action>emergency-registration</action>"
    b"</alternative-service></ims-3gpp>\r\n"
)
#: Without a Content-Disposition its disposition is 3gpp-alternative-service (TS 24.229 7.6).
_XML = ("Content-Type", "application/3gpp-ims+xml")


def not_reachable(path: str | None, reason: str = "no answer from the S-CSCF") -> SipRefusal:
    """Return the refusal of a UE's request that did not reach its S-CSCF.

    path: our URI as it stands in the Path of its binding (name-addr); None inside a dialog: a plain 504.
    A UE believes the body where P-Asserted-Identity is that URI.
    """
    if path is None:
        return SipRefusal("no answer from the core", status=504)
    return SipRefusal(reason, status=504, headers=(("P-Asserted-Identity", path), _XML), body=RESTORATION)


def alternative_service(path: str | None, service: str) -> SipRefusal:
    """Return the refusal of an emergency call (380). path: as above, None without a registration.

    service: URN of the emergency service, which tells a UE that did not know that it called one.
    """
    asserted = (("P-Asserted-Identity", path),) if path else ()
    return SipRefusal(
        "emergency calls are not served here",
        status=380,
        headers=(*asserted, ("Contact", f"<{service}>"), _XML),
        body=EMERGENCY,
    )


def flow_failed() -> SipRefusal:
    """Return the refusal of a request to a UE whose flow is gone (RFC 5626 5.3)."""
    return SipRefusal("the flow to the UE is gone", status=430, phrase="Flow Failed")
