"""The Contact values of a REGISTER and what its 200 grants them (RFC 3261 10.2, 10.3; RFC 5626)."""

import re
from dataclasses import dataclass

from pcscf.errors import SipRefusal
from pcscf.registration.identities import MAX_URI
from pcscf.sip.headers import NameAddr
from pcscf.sip.message import Message, Request, Response
from pcscf.sip.uri import same_uri

#: Most Contacts of one REGISTER; seconds where nothing readable is said (RFC 3261 10.2.1.1), and the most.
MAX_REGISTERED = 8
DEFAULT_EXPIRES = 3600
MAX_EXPIRES = 2**32 - 1

#: A number of RFC 5626 from 1 to 2^31 - 1; another one counts as absent (6: the registrar ignores it).
_REG_ID = re.compile("[0-9]{1,10}")

_SOS = re.compile(r";sos(?=[;=?]|$)", re.IGNORECASE)


@dataclass(slots=True)
class Contact:
    """One Contact of a REGISTER. expires: seconds that the UE asks for; instance, reg_id: RFC 5626."""

    uri: str
    expires: int
    instance: str | None
    reg_id: str | None

    @property
    def key(self) -> str:
        """What stays the same of it between registrations."""
        if self.instance and self.reg_id:
            return f"{self.instance};{self.reg_id}{';sos' if self.emergency else ''}"
        return self.uri

    @property
    def emergency(self) -> bool:
        """Whether it asks for an emergency registration."""
        return is_emergency_contact(self.uri)


def is_emergency_contact(uri: str) -> bool:
    """Tell whether a Contact is of an emergency registration, which has its own (TS 24.229 5.1.6.2, 7.2.13).

    Beside such a one the same URI without ``sos`` is another contact.
    """
    return _SOS.search(uri, uri.rfind("@") + 1) is not None


def seconds(text: str | None) -> int | None:
    """Return delta-seconds, at most MAX_EXPIRES; None where ``text`` is none."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return int(text) if len(text) <= 10 and int(text) <= MAX_EXPIRES else MAX_EXPIRES


def _expires(message: Message, default: int) -> int:
    found = seconds(message.get("expires"))
    return default if found is None else found


def _contact(value: str, expires: int) -> Contact:
    parsed = NameAddr.parse(value)
    if len(parsed.uri) > MAX_URI:
        raise SipRefusal("Contact too long")
    own = seconds(parsed.params.get("expires"))
    instance, reg_id = parsed.params.get("+sip.instance"), parsed.params.get("reg-id") or ""
    numbered = _REG_ID.fullmatch(reg_id) is not None and 0 < int(reg_id) < 2**31
    return Contact(
        parsed.uri, expires if own is None else own, instance or None, str(int(reg_id)) if numbered else None
    )


def requested(request: Request) -> tuple[list[Contact], bool]:
    """Return the Contacts of a REGISTER, and whether it says ``*``, which removes them all.

    Raises SipRefusal 400: unreadable, too many, or ``*`` beside anything but ``Expires: 0`` (10.3 step 6).
    """
    values = request.values("contact")
    if len(values) > MAX_REGISTERED:
        raise SipRefusal("too many Contacts")
    if "*" in values:
        if len(values) > 1 or seconds(request.get("expires")) != 0:
            raise SipRefusal("Contact * removes everything and nothing else")
        return [], True
    expires = _expires(request, DEFAULT_EXPIRES)
    return [_contact(value, expires) for value in values], False


def granted(contact: Contact, response: Response) -> int:
    """Return the seconds that a 2xx grants ``contact``; 0: it is not registered any more.

    The least of its own values there; where it has none, Expires; where that is missing, what was asked
    for. Contacts of other UEs and values that cannot be read do not count.
    """
    if contact.expires == 0:
        return 0
    fallback = _expires(response, contact.expires)
    own = []
    for value in response.values("contact"):
        try:
            listed = _contact(value, fallback)
            if _is_it(contact, listed):
                own.append(listed.expires)
        except SipRefusal:
            continue
    return min(own, default=fallback)


def _is_it(contact: Contact, listed: Contact) -> bool:
    if is_emergency_contact(contact.uri) != is_emergency_contact(listed.uri):
        return False
    if contact.reg_id and listed.reg_id and contact.instance and listed.instance:
        return contact.key == listed.key
    return contact.uri == listed.uri or same_uri(contact.uri, listed.uri)
