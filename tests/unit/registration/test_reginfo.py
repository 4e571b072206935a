"""application/reginfo+xml: what is read of it, and hostile documents (RFC 3680 5)."""

import pytest

from pcscf.errors import SipRefusal
from pcscf.registration.reginfo import (
    MAX_DEPTH,
    MAX_DOCUMENT,
    MAX_ENTRIES,
    ContactState,
    RegInfo,
    RegistrationState,
    parse_reginfo,
)

OPEN = '<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{}" state="full">'
#: As an S-CSCF writes it: prefixes of extensions, GRUUs, a display name (RFC 3680 6, TS 24.229 5.4.2.1.2).
WHOLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo"
         version="3" state="partial">
  <registration aor="sip:alice@home.example" id="a7" state="active">
    <contact id="76" state="active" event="shortened" expires="600" q="0.8">
      <uri>sip:alice@192.0.2.10:5060;transport=tls</uri>
      <display-name>uri</display-name>
      <gr:pub-gruu uri="sip:other@home.example"/>
      <gr:uri>sip:not-this-one@home.example</gr:uri>
    </contact>
    <contact id="77" state="terminated" event="expired"><uri> sip:a&amp;b@192.0.2.11 </uri></contact>
  </registration>
  <registration aor="tel:+4922812345" id="a8" state="terminated"/>
</reginfo>"""


def document(inner: str, version: str = "0") -> bytes:
    return (OPEN.format(version) + inner + "</reginfo>").encode()


def test_a_whole_document() -> None:
    contacts = [
        ContactState("active", "shortened", 600, "sip:alice@192.0.2.10:5060;transport=tls"),
        ContactState("terminated", "expired", None, "sip:a&b@192.0.2.11"),
    ]
    assert parse_reginfo(WHOLE) == RegInfo(
        3,
        full=False,
        registrations=[
            RegistrationState("sip:alice@home.example", "active", contacts),
            RegistrationState("tel:+4922812345", "terminated"),
        ],
    )


def test_prefixed_elements_are_the_same() -> None:
    text = document("<registration aor='sip:a@b' state='init'/>").decode()
    prefixed = text.replace("<reg", "<r:reg").replace("</reg", "</r:reg").replace("xmlns=", "xmlns:r=")
    assert parse_reginfo(prefixed.encode()) == parse_reginfo(text.encode())


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10 if i else "ha"}">' for i in range(12))


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(f"<!DOCTYPE x [{LAUGHS}]>{OPEN.format(1)}&l11;</reginfo>".encode(), id="billion laughs"),
        pytest.param(
            f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{OPEN.format(1)}&e;</reginfo>'.encode(),
            id="external entity",
        ),
        pytest.param(
            f'<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd">{OPEN.format(1)}</reginfo>'.encode(), id="dtd"
        ),
        pytest.param(b"<!DOCTYPE reginfo><reginfo/>", id="doctype alone"),
        pytest.param(document("&undefined;"), id="undefined entity"),
        pytest.param(WHOLE.replace(b"alice", b"\xff\xfe"), id="no utf-8"),
        pytest.param(b"\0" * 64, id="nul"),
        pytest.param(WHOLE[:-12], id="cut off"),
        pytest.param(WHOLE + WHOLE, id="two roots"),
        pytest.param(b"", id="empty"),
        pytest.param(b"v=0\r\n", id="sdp"),
        pytest.param(b"<reginfo version='1'/>", id="no namespace"),
        pytest.param(b"<html/>", id="html"),
        pytest.param(document("", "-1"), id="negative version"),
        pytest.param(document("", ""), id="no version"),
        pytest.param(document("", "99999999999"), id="huge version"),
        pytest.param(document("", "\u0661"), id="other digits"),
        pytest.param(document("<x>" * (MAX_DEPTH + 1) + "</x>" * (MAX_DEPTH + 1)), id="deep"),
        pytest.param(document("<registration/>" * (MAX_ENTRIES + 1)), id="many"),
        pytest.param(b"<" * 60_000, id="brackets"),
    ],
)
def test_hostile(hostile: bytes) -> None:
    with pytest.raises(SipRefusal) as caught:
        parse_reginfo(hostile)
    assert caught.value.status == 400


def test_the_declared_encoding_does_not_count() -> None:
    assert parse_reginfo(WHOLE.replace(b"UTF-8", b"idna")) == parse_reginfo(WHOLE)
    assert parse_reginfo(WHOLE.decode().encode("utf-16")) == parse_reginfo(WHOLE), "a byte order mark does"


def test_too_large() -> None:
    with pytest.raises(SipRefusal) as caught:
        parse_reginfo(document(" " * MAX_DOCUMENT))
    assert caught.value.status == 413


def test_what_is_missing_is_empty() -> None:
    assert parse_reginfo(
        document("<registration><contact expires='soon'/></registration>")
    ).registrations == [RegistrationState("", "", [ContactState("", "", None)])]
