"""Offer and answer of media that certificates protect, or nothing (RFC 4145, RFC 8122, TS 24.229 7.5).

One m-line in one dialog: a plain and a secure protocol, a=setup, a=fingerprint; its kind says what else.
"""

from dataclasses import dataclass, field

from lab import sdp
from lab.descriptions import Descriptions, Protection
from lab.errors import BadDescription
from lab.identity import Identity
from lab.sockets import Address

#: What an answer may say to each a=setup of an offer, the better one first (RFC 4145 4.1).
_ANSWERS = {"actpass": ("active", "passive"), "active": ("passive",), "passive": ("active",)}
#: The port of who connects (RFC 4145 4.1).
DISCARD = 9


@dataclass(frozen=True, slots=True)
class Form:
    """The m-line of one kind of media. Over TCP there is a=setup without protection, too."""

    media: str
    plain: str
    secure: str
    formats: tuple[str, ...]

    @property
    def stream(self) -> bool:
        return self.plain.startswith("TCP")


@dataclass(slots=True)
class Peering:
    """What offer and answer have come to. line: the peer's; active: this end connects, or says hello first.

    fingerprints: of the peer as written, none where the media is plain; answerer: this end answered.
    """

    remote: Address
    line: sdp.MediaLine
    active: bool
    answerer: bool
    fingerprints: tuple[str, ...] = ()


@dataclass(slots=True)
class Certified(Descriptions):
    """The descriptions of one such m-line in one dialog; ``identity`` is None where nothing is protected."""

    form: Form = field(kw_only=True)
    identity: Identity | None = field(init=False, default=None)
    peering: Peering | None = field(init=False, default=None)
    _offer: sdp.Description | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.terms.protection is not Protection.NONE:
            self.identity = Identity()

    def offer(self, attributes: tuple[str, ...], direction: str = "sendrecv") -> bytes:
        """Return an offer; ``attributes``: what the kind has to say, as in sdp.MediaLine."""
        line = self._line(self.terms.setup, attributes, direction, new=self.peering is None)
        if self.terms.protection is Protection.E2AE:
            line.indicators = ("requested",)
        return self.write([line])

    def take_answer(self, body: bytes) -> Peering:
        """Judge the answer to the last offer. Raises BadDescription where no media can flow."""
        found = sdp.parse(body)
        line = found.first(self.form.media)
        if line is None:
            raise BadDescription("the answer refuses the stream")
        if len(found.media) != 1:
            self.object_to(f"the answer has {len(found.media)} m-lines, the offer one")
        if line.proto.upper() != self._proto.upper():
            raise BadDescription(f"the answer says {line.proto[:40]}")
        if self.identity is not None:
            self.judge_answered(line)
        # RFC 4975 8 and RFC 4145 4 agree on who connects where the answer says nothing: the offerer.
        setup = line.value("setup") or "passive"
        if self._has_setup and setup not in _ANSWERS[self.terms.setup]:
            raise BadDescription(f"a=setup:{setup[:20]} answers {self.terms.setup}")
        return self._agree(found, line, active=setup == "passive", answerer=False)

    def take_offer(self, body: bytes) -> Peering:
        """Judge an offer; ``answer`` follows. Raises BadDescription: 488."""
        found = sdp.parse(body)
        line = found.first(self.form.media)
        if line is None:
            raise BadDescription(f"the offer has no {self.form.media} stream")
        if line.proto.upper() != self._proto.upper():
            raise BadDescription(f"the offer says {line.proto[:40]}, this end wants {self._proto}")
        if self.identity is not None:
            self.judge_offered(line)
        setup = line.value("setup") or "active"
        if (roles := _ANSWERS.get(setup)) is None:
            raise BadDescription(f"the offer says a=setup:{setup[:20]}")
        wanted = self.terms.setup
        if self.peering is not None:
            wanted = "active" if self.peering.active else "passive"
        self._offer = found
        active = (wanted if wanted in roles else roles[0]) == "active"
        return self._agree(found, line, active=active, answerer=True)

    def answer(self, attributes: tuple[str, ...]) -> bytes:
        """Return the answer to the offer that was taken."""
        assert self._offer is not None
        assert self.peering is not None
        chosen, role = self.peering.line, "active" if self.peering.active else "passive"
        new = chosen.value("connection") != "existing"
        own = self._line(role, attributes, sdp.MIRROR[chosen.direction], new=new)
        return self.write([own if line is chosen else sdp.rejected(line) for line in self._offer.media])

    @property
    def _has_setup(self) -> bool:
        return self.identity is not None or self.form.stream

    @property
    def _proto(self) -> str:
        return self.form.plain if self.identity is None else self.form.secure

    def _line(self, setup: str, attributes: tuple[str, ...], direction: str, *, new: bool) -> sdp.MediaLine:
        own = list(attributes)
        if self._has_setup:
            own.append(f"setup:{setup}")
        if self.form.stream:
            own.append(f"connection:{'new' if new else 'existing'}")
        if self.identity is not None:
            own.append(f"fingerprint:{self.identity.fingerprint}")
        port = DISCARD if self.form.stream and setup == "active" else self.local[1]
        return sdp.MediaLine(
            self.form.media, self._proto, port, formats=self.form.formats, direction=direction,
            attributes=tuple(own),
        )  # fmt: skip

    def _agree(self, found: sdp.Description, line: sdp.MediaLine, *, active: bool, answerer: bool) -> Peering:
        fingerprints: tuple[str, ...] = ()
        if self.identity is None:
            self.judge_plain(found, line)
        else:
            fingerprints = tuple(line.values("fingerprint"))
            if not fingerprints:
                raise BadDescription("no a=fingerprint")
        self.peering = Peering(line.rtp, line, active, answerer, fingerprints)
        return self.peering
