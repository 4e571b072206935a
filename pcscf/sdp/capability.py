"""SDP capability negotiation (RFC 5939), as far as phones use it to offer SRTP inside an RTP/AVP line."""

from dataclasses import dataclass, field
from itertools import islice, product

from pcscf.sdp.indicator import NAME, REQUESTED, indicated
from pcscf.sdp.model import Media, Section

#: Attributes of the framework (RFC 5939, RFC 6871). acap can carry keys.
NAMES: frozenset[str] = frozenset({
    "csup", "creq", "tcap", "acap", "pcfg", "acfg", "lcfg", "mcap", "mfcap", "mscap", "rmcap", "omcap",
    "bcap", "ccap", "icap", "sescap",
})  # fmt: skip
#: Most potential configurations looked at in one m-line.
MAX_CONFIGURATIONS = 16
#: The option tag that a=creq may ask for: the framework itself.
BASE = "cap-v0"


@dataclass(slots=True)
class Potential:
    """A potential configuration: what the m-line may be turned into.

    proto: its transport protocol. crypto: values of its a=crypto lines, the m-line's own among them. actual:
    value of its a=acfg. requested: it asks for e2ae itself. lines: the other attributes that it adds.
    """

    proto: str
    crypto: list[str]
    actual: str
    requested: bool = False
    lines: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Potential(proto={self.proto!r}, actual={self.actual!r})"


def offered(media: Media) -> bool:
    """Return whether the m-line offers another configuration at all."""
    return "pcfg" in media


def indicates(line: str) -> bool:
    """Return whether an a=acap line would add the e2ae indication, which another party may not."""
    _, _, value = line.partition(":")
    _, _, attribute = value.strip().partition(" ")
    return attribute.partition(":")[0].strip().lower() == NAME


def stands_in(section: Section) -> bool:
    """Return whether the e2ae indication stands in a section, be it as a capability."""
    return NAME in section or ("acap" in section and any(indicates(f":{v}") for v in section.values("acap")))


def potentials(session: Section, media: Media) -> list[Potential]:
    """Return the configurations that change the transport, preferred first.

    Alternatives (``|``) are one configuration each. A configuration that deletes attributes, needs an
    extension (``+``) or names what is not there is not usable here; nor is any where a=creq asks for more
    than the framework (RFC 5939 3.3.2, 3.5.1).
    """
    if not (_supported(session) and _supported(media)):
        return []
    transports = _transports(session) | _transports(media)
    attributes = _attributes(media)
    found: list[tuple[int, Potential]] = []
    for value in media.values("pcfg")[:MAX_CONFIGURATIONS]:
        number, *items = value.split() or [""]
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            continue
        keys = dict(item.partition("=")[::2] for item in items)
        if "t" not in keys or any(name.startswith("+") for name in keys):
            continue
        for t, a in _alternatives(keys["t"], keys.get("a")):
            potential = _potential(number, t, a, transports, attributes, media)
            if potential is not None:
                found.append((int(number), potential))
    found.sort(key=lambda pair: pair[0])
    return [potential for _, potential in found[:MAX_CONFIGURATIONS]]


def _supported(section: Section) -> bool:
    tags = (tag.strip() for value in section.values("creq") for tag in value.split(","))
    return all(tag == BASE for tag in tags)


def _alternatives(t: str, a: str | None) -> list[tuple[str, str | None]]:
    pairs = product(t.split("|"), [None] if a is None else a.split("|"))
    return list(islice(pairs, MAX_CONFIGURATIONS))


def _potential(
    number: str, t: str, a: str | None, transports: dict[str, str], attributes: dict[str, str], media: Media
) -> Potential | None:
    numbers = [] if a is None else [n.strip("[]") for n in a.split(",")]
    if t not in transports or not all(n in attributes for n in numbers):
        return None
    actual = f"{number} t={t}" if a is None else f"{number} t={t} a={','.join(numbers)}"
    potential = Potential(transports[t], media.values("crypto")[:], actual)
    indications: list[str] = []
    for n in numbers:
        name, _, value = attributes[n].partition(":")
        match name.strip().lower():
            case "crypto":
                potential.crypto.append(value)
            case "3ge2ae":
                indications.append(value)
            case _:
                potential.lines.append(f"a={attributes[n]}")
    potential.requested = indicated(indications) == REQUESTED
    return potential


def _transports(section: Section) -> dict[str, str]:
    """Number -> protocol of every tcap line: ``1 RTP/SAVP RTP/SAVPF`` numbers them 1 and 2."""
    found: dict[str, str] = {}
    for value in section.values("tcap"):
        first, *protos = value.split() or [""]
        if first.isascii() and first.isdigit() and len(first) <= 9:
            found |= {str(int(first) + i): proto for i, proto in enumerate(protos)}
    return found


def _attributes(section: Section) -> dict[str, str]:
    """Number -> attribute of every acap line. Those of the session level hold none that an m-line takes."""
    parts = (value.strip().partition(" ") for value in section.values("acap"))
    return {number: attribute.strip() for number, _, attribute in parts}
