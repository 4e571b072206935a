"""Whatever a NOTIFY of the reg event says, it has one answer, and the subscription goes on or ends."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from pcscf.errors import SipRefusal
from pcscf.registration.reginfo import MAX_ENTRIES, parse_reginfo
from tests.support.ladder import callee_leg, core_of, ue_of
from tests.support.stage import Stage

SPACE = "urn:ietf:params:xml:ns:reginfo"
PIECES = st.sampled_from([
    f'<reginfo xmlns="{SPACE}" version="0" state="full">', f'<reginfo xmlns="{SPACE}" version="7">',
    '<registration aor="sip:alice@home.example" state="terminated">', '<registration aor="" state="active">',
    '<registration aor="tel:+1" state="init"/>', '<contact state="terminated" event="rejected">',
    '<contact state="active" event="shortened" expires="0">', "<uri>", "sip:alice@192.0.2.10:49152", "sip:",
    "</uri>", "</contact>", "</registration>", "</reginfo>", "<!DOCTYPE a [", "<!ENTITY b 'c'>", "]>", "&b;",
    "&amp;", "<![CDATA[", "]]>", "<!--", "-->", "<?xml version='1.0' encoding='x'?>", "\0", "\u0660",
])  # fmt: skip
DOCUMENTS = st.lists(PIECES | st.text(max_size=4), max_size=14).map("".join).map(
    lambda text: text.encode("utf-8", "surrogatepass")
) | st.binary(max_size=64)
STATES = st.lists(
    st.sampled_from(
        [
            "active",
            "terminated",
            "pending",
            ";",
            "expires=",
            "0",
            "9" * 12,
            "reason=",
            "deactivated",
            '"',
            " ",
        ]
    ),
    max_size=6,
).map("".join)


@settings(deadline=None)
@given(DOCUMENTS)
def test_documents(document: bytes) -> None:
    with suppress(SipRefusal):
        found = parse_reginfo(document)
        assert sum(1 + len(one.contacts) for one in found.registrations) <= MAX_ENTRIES


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(STATES, DOCUMENTS), min_size=1, max_size=4))
def test_notifications(said: list[tuple[str, bytes]]) -> None:
    stage = Stage(reg_event=True)
    ue, core = ue_of(stage), core_of(stage)
    asked = core.request("SUBSCRIBE")
    core.answer(asked, 200, b"", "Expires: 600")
    leg = callee_leg(core, asked)
    for state, document in said:
        leg.send(
            "NOTIFY", document, f"Subscription-State: {state}", "Event: reg", kind="application/reginfo+xml"
        )
        assert core.starts()[0] in {"200", "400", "413", "481"}
    stage.close(ue.flow)
    stage.check_forgotten()
