"""SDP capability negotiation (RFC 5939), as far as phones use it to offer SRTP inside an RTP/AVP line."""

from dataclasses import dataclass

from pcscf.sdp.model import Media, Section

#: Attributes of the framework (RFC 5939, RFC 6871). acap can carry keys.
NAMES: frozenset[str] = frozenset({
    "csup", "creq", "tcap", "acap", "pcfg", "acfg", "lcfg", "mcap", "mfcap", "mscap", "rmcap", "omcap",
    "bcap", "ccap", "icap", "sescap",
})  # fmt: skip
#: Most potential configurations looked at in one m-line.
MAX_CONFIGURATIONS = 16


@dataclass(slots=True)
class Potential:
    """A potential configuration: what the m-line may be turned into.

    proto: its transport protocol. crypto: values of its a=crypto lines. actual: value of its a=acfg.
    """

    proto: str
    crypto: list[str]
    actual: str

    def __repr__(self) -> str:
        return f"Potential(proto={self.proto!r}, actual={self.actual!r})"


def offered(media: Media) -> bool:
    """Return whether the m-line offers another configuration at all."""
    return "pcfg" in media


def potentials(session: Section, media: Media) -> list[Potential]:
    """Return the configurations that change the transport and add crypto lines, preferred first.

    Only the plain form ``t=`` + ``a=`` is read; anything else in a configuration makes it unusable here.
    """
    transports = _transports(session) | _transports(media)
    attributes = _attributes(session) | _attributes(media)
    found: list[tuple[int, Potential]] = []
    for value in media.values("pcfg")[:MAX_CONFIGURATIONS]:
        number, *items = value.split() or [""]
        if not number.isascii() or not number.isdigit() or len(number) > 9:
            continue
        keys = dict(item.partition("=")[::2] for item in items)
        if len(items) == 2 and keys.keys() == {"t", "a"}:
            potential = _potential(number, keys["t"], keys["a"], transports, attributes)
            if potential is not None:
                found.append((int(number), potential))
    found.sort(key=lambda pair: pair[0])
    return [potential for _, potential in found]


def _potential(
    number: str, t: str, a: str, transports: dict[str, str], attributes: dict[str, str]
) -> Potential | None:
    transport = t.split("|", maxsplit=1)[0]
    chosen = a.split("|", maxsplit=1)[0]
    numbers = [n.strip("[]") for n in chosen.split(",")]
    if transport not in transports or not all(n in attributes for n in numbers):
        return None
    lines = [attributes[n].partition(":") for n in numbers]
    crypto = [value for name, _, value in lines if name.strip().lower() == "crypto"]
    return Potential(transports[transport], crypto, f"{number} t={transport} a={','.join(numbers)}")


def _transports(section: Section) -> dict[str, str]:
    """Number -> protocol of every tcap line: ``1 RTP/SAVP RTP/SAVPF`` numbers them 1 and 2."""
    found: dict[str, str] = {}
    for value in section.values("tcap"):
        first, *protos = value.split() or [""]
        if first.isascii() and first.isdigit() and len(first) <= 9:
            found |= {str(int(first) + i): proto for i, proto in enumerate(protos)}
    return found


def _attributes(section: Section) -> dict[str, str]:
    """Number -> attribute of every acap line."""
    parts = (value.strip().partition(" ") for value in section.values("acap"))
    return {number: attribute.strip() for number, _, attribute in parts}
