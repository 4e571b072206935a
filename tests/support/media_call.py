"""Calls of a UE and a far end that write their own SIP and SDP, through real pcscf and agw: for media that is
theirs, too. Both are UDP sockets; the core's answers REGISTER as an S-CSCF does."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pcscf.config.media_security import MECHANISMS
from pcscf.sdp.model import Media, Sdp
from pcscf.sip.build import response_to
from pcscf.sip.headers import NameAddr, cseq_of, tag_of
from pcscf.sip.message import Message, Request, Response
from tests.support.edge import Network, aor, network
from tests.support.ladder import sdp
from tests.support.node import LOOPBACK, Peer
from tests.support.programs import until

M = TypeVar("M", bound=Message)
Answer = bytes | Callable[[list[Media]], bytes]
"""A description, or what makes it from the m-lines that were offered."""


@dataclass
class Dialog:
    """One end's view of it."""

    call_id: str
    local: str
    remote: str
    target: str
    routes: list[str]
    cseq: int = 1


@dataclass
class Party:
    """One end. at: the edge's port for it. version: of its ``o=``."""

    user: str
    at: int
    peer: Peer = field(default_factory=Peer)
    version: int = 0
    dialog: Dialog | None = None
    _numbers: int = 0
    _done: set[str] = field(default_factory=set)

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{LOOPBACK}:{self.peer.port}"

    def describe(self, *media: str) -> bytes:
        """A description with these m-sections, one version above the one before."""
        self.version += 1
        return sdp("\n".join(media), LOOPBACK, number=self.peer.port, version=self.version)

    def ask(self, method: str, uri: str, *lines: str, body: bytes = b"") -> None:
        self._numbers += 1
        branch = f"z9hG4bK{self.user}{self.peer.port}x{self._numbers}"
        head = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {LOOPBACK}:{self.peer.port};branch={branch};rport",
            "Max-Forwards: 70",
            *lines,
            *([f"Contact: <{self.contact}>"] if method in ("REGISTER", "INVITE") else []),
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.peer.send("\r\n".join([*head, "", ""]).encode() + body, self.at)

    def within(self, method: str, body: bytes = b"") -> None:
        """A request in the dialog."""
        assert self.dialog is not None
        one = self.dialog
        one.cseq += method != "ACK"
        self.ask(
            method,
            one.target,
            *(f"Route: {route}" for route in one.routes),
            f"From: {one.local}",
            f"To: {one.remote}",
            f"Call-ID: {one.call_id}",
            f"CSeq: {one.cseq} {method}",
            body=body,
        )

    def acknowledge_refusal(self) -> None:
        """The ACK of a final response that is none of success is in the transaction of the INVITE."""
        self._numbers -= 1
        self.within("ACK")

    async def expect(self, kind: type[M], start: str) -> M:
        """The next message that is neither provisional nor a copy; it has this method or status."""
        while True:
            message = await self.peer.read()
            name = f"{message.values('via')[0]} {message.get('cseq')} {type(message).__name__}"
            if name in self._done or (isinstance(message, Response) and message.status < 200):
                continue
            self._done.add(name)
            assert isinstance(message, kind), message.encode().decode()
            line = message.start_line().removeprefix("SIP/2.0 ")
            assert line.startswith(start), message.encode().decode()
            return message

    def respond(self, request: Request, status: int, *headers: tuple[str, str], body: bytes = b"") -> None:
        fields = list(headers)
        if body:
            fields += [("Contact", f"<{self.contact}>"), ("Content-Type", "application/sdp")]
            fields += [("Record-Route", value) for value in request.values("record-route")]
        self.peer.send(response_to(request, status, to_tag=self.user, headers=fields, body=body), self.at)


@dataclass
class Agreed:
    """The m-lines that the callee and the caller were told of."""

    callee: list[Media]
    caller: list[Media]


@dataclass
class Calling:
    """A UE that has registered, the core, and one call between them at a time."""

    net: Network
    ue: Party
    core: Party
    path: str = ""

    def __post_init__(self) -> None:
        self.before = self.sockets()

    async def register(self, mechanisms: tuple[str, ...]) -> None:
        self.ue.ask(
            "REGISTER", "sip:ims.example", f"From: <{aor('ue')}>;tag=r", f"To: <{aor('ue')}>",
            f"Call-ID: r@{LOOPBACK}", "CSeq: 1 REGISTER", "Expires: 600",
            *(f"Security-Client: {name};mediasec" for name in mechanisms),
        )  # fmt: skip
        came = await self.core.expect(Request, "REGISTER")
        self.path = came.values("path")[0]
        route = ("Service-Route", f"<sip:{LOOPBACK}:{self.core.peer.port};lr>")
        contact = ("Contact", f"<{self.ue.contact}>;expires=600")
        self.core.respond(came, 200, contact, route, ("P-Associated-URI", f"<{aor('ue')}>"))
        await self.ue.expect(Response, "200")
        self.before = min(self.before, self.sockets())  # the look at its health may still have had one

    def ends(self, of_ue: bool) -> tuple[Party, Party]:
        """Who begins, and the other one."""
        return (self.ue, self.core) if of_ue else (self.core, self.ue)

    async def call(self, offer: bytes, answer: Answer, *, of_ue: bool = True) -> Agreed:
        caller, callee = self.ends(of_ue)
        local, remote = f"<{aor(caller.user)}>;tag={caller.user}", f"<{aor(callee.user)}>"
        caller.dialog = Dialog(f"c@{caller.peer.port}", local, remote, "", [])
        lines = [f"From: {local}", f"To: {remote}", f"Call-ID: {caller.dialog.call_id}", "CSeq: 1 INVITE"]
        if of_ue:
            caller.ask("INVITE", aor(callee.user), *lines, body=offer)
        else:
            caller.ask("INVITE", callee.contact, f"Route: {self.path}", *lines, body=offer)
        came, ok = await self._agree(caller, callee, answer)
        one = caller.dialog
        one.remote, one.target = ok.get("to") or "", NameAddr.parse(ok.values("contact")[0]).uri
        one.routes = ok.values("record-route")[::-1]
        to = came.get("to") or ""
        callee.dialog = Dialog(
            came.get("call-id") or "",
            to if tag_of(to) else f"{to};tag={callee.user}",
            came.get("from") or "",
            NameAddr.parse(came.values("contact")[0]).uri,
            came.values("record-route"),
        )
        return await self._acknowledged(caller, callee, came, ok)

    async def reoffer(self, offer: bytes, answer: Answer, *, of_ue: bool = True) -> Agreed:
        """A re-INVITE of the UE or of the core."""
        caller, callee = self.ends(of_ue)
        caller.within("INVITE", offer)
        return await self._acknowledged(caller, callee, *await self._agree(caller, callee, answer))

    async def refused(self, offer: bytes, status: int, *, of_ue: bool = True) -> None:
        """A re-INVITE that the other end answers so."""
        caller, callee = self.ends(of_ue)
        caller.within("INVITE", offer)
        callee.respond(await callee.expect(Request, "INVITE"), status)
        await callee.expect(Request, "ACK")
        await caller.expect(Response, str(status))
        caller.acknowledge_refusal()

    async def hang_up(self, *, of_ue: bool = True) -> None:
        """BYE; then nothing is left of the call, nor of its media."""
        caller, callee = self.ends(of_ue)
        caller.within("BYE")
        callee.respond(await callee.expect(Request, "BYE"), 200)
        await caller.expect(Response, "200")
        await self.nothing_left()

    async def hung_up(self) -> list[str | None]:
        """The edge ends it: the Reason that each end hears."""
        reasons = []
        for party in (self.ue, self.core):
            bye = await party.expect(Request, "BYE")
            reasons.append(bye.get("reason"))
            party.respond(bye, 200)
        await self.nothing_left()
        return reasons

    async def counted(self, name: str, value: float, **labels: str) -> None:
        """Wait until the gateway has counted so much, and no more."""

        async def look() -> float:
            return await self.net.metric("agw", name, **labels)

        assert await until(look, lambda seen: seen >= value) == value

    async def nothing_left(self) -> None:
        """No call, context or port, no connection of media, and no socket of them."""
        await self.net.nothing_left()
        assert await self.net.metric("agw", "agw_tcp_connections") == 0

        async def look() -> int:
            return self.sockets()

        await until(look, lambda seen: seen <= self.before)

    def sockets(self) -> int:
        """Open files of the gateway."""
        return len(list(Path(f"/proc/{self.net.edge.agw.pid}/fd").iterdir()))

    async def _agree(self, caller: Party, callee: Party, answer: Answer) -> tuple[Request, Response]:
        came = await callee.expect(Request, "INVITE")
        body = answer if isinstance(answer, bytes) else answer(Sdp.parse(came.body).media)
        callee.respond(came, 200, body=body)
        return came, await caller.expect(Response, "200")

    async def _acknowledged(self, caller: Party, callee: Party, came: Request, ok: Response) -> Agreed:
        assert cseq_of(ok)[1] == "INVITE"
        caller.within("ACK")
        await callee.expect(Request, "ACK")
        return Agreed(Sdp.parse(came.body).media, Sdp.parse(ok.body).media)


@contextlib.asynccontextmanager
async def calling(
    *mechanisms: str, edit_agw: Callable[[dict[str, Any]], None] | None = None, **policy: object
) -> AsyncIterator[Calling]:
    """An edge that announces everything, and a UE that has registered with these, or with everything.

    policy: further keys of ``media_security``.
    """
    core = Party("far", 0)

    def edit(settings: dict[str, Any]) -> None:
        settings["media_security"] = {"mechanisms": list(MECHANISMS), **policy}

    async with network(
        next_hop=f"sip:{LOOPBACK}:{core.peer.port}", edit_pcscf=edit, edit_agw=edit_agw
    ) as net:
        core.at = net.edge.core.port
        ue = Party("ue", net.edge.access.port)
        with contextlib.closing(ue.peer.socket), contextlib.closing(core.peer.socket):
            made = Calling(net, ue, core)
            await made.register(mechanisms or MECHANISMS)
            yield made


def where(media: Media) -> tuple[str, int]:
    return media.address.host, media.port
