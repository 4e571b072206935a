"""An S-CSCF that is subscribed to, and what it notifies of (RFC 3680)."""

from pcscf.sip.message import Request
from tests.support.ladder import ROUTE, End, Leg, callee_leg
from tests.support.stage import CORE, SCSCF, Stage

ALICE = "sip:alice@home.example"
KIND = "application/reginfo+xml"


def scscf_of(stage: Stage) -> End:
    """The S-CSCF, which is reached by its own Contact as well."""
    return End(
        stage, stage.flow(CORE, SCSCF), "sip:carol@other.example", "sip:scscf@203.0.113.50:5060", ROUTE
    )


def reginfo(
    version: int,
    state: str = "active",
    contacts: str = "",
    *,
    aor: str = ALICE,
    full: bool = True,
) -> bytes:
    return (
        f'<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{version}" '
        f'state="{"full" if full else "partial"}">'
        f'<registration aor="{aor}" id="a" state="{state}">{contacts}</registration></reginfo>'
    ).encode()


def contact(uri: str, state: str = "terminated", event: str = "deactivated", more: str = "") -> str:
    return f'<contact id="c" state="{state}" event="{event}" {more}><uri>{uri}</uri></contact>'


def accept(core: End, *extra: str, expires: int | None = None) -> tuple[Request, Leg]:
    """The core takes a SUBSCRIBE; return it, and the core's end of the dialog."""
    asked = core.request("SUBSCRIBE")
    core.answer(asked, 200, b"", f"Expires: {asked.get('expires') if expires is None else expires}", *extra)
    return asked, callee_leg(core, asked)


def notify(leg: Leg, body: bytes = b"", state: str = "active", status: int = 200, *extra: str) -> None:
    """The S-CSCF notifies, and gets ``status``; ``extra`` instead of Event."""
    lines = extra or ("Event: reg",)
    leg.send("NOTIFY", body, f"Subscription-State: {state}", *lines, kind=KIND)
    leg.end.response(status)


def count(stage: Stage, event: str) -> int:
    return stage.counters.reg_event[event]


def notify_only(leg: Leg, body: bytes) -> None:
    """The S-CSCF notifies; what comes of it is still to be read."""
    leg.send("NOTIFY", body, "Subscription-State: active", "Event: reg", kind=KIND)
