"""Gm over TLS, WS and WSS against a live edge: whole calls, openssl as a client, new certificates."""

import asyncio
import contextlib
import dataclasses
import os
import signal
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from lab.address import Target, hostport
from lab.dialog import Dialog
from lab.errors import CallFailed
from lab.registration import Registration
from lab.sockets import free_port
from lab.ue import UserAgent
from pcscf.flow import Flow
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response, parse
from tests.support.certificates import Files, issue
from tests.support.edge import PASSWORD, Network, accept, aor, network
from tests.support.loopback import BOTH_VERSIONS
from tests.support.programs import Program, need, until
from tests.support.tunnel import Secure, tunnel

pytestmark = pytest.mark.interop

OPTIONS = (
    "OPTIONS sip:{host} SIP/2.0\r\nVia: SIP/2.0/{transport} x.invalid;branch=z9hG4bK{number}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:a@ims.example>;tag=1\r\nTo: <sip:{host}>\r\n"
    "Call-ID: {number}@x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Access:
    """What the configuration gets: a listener of one transport, with or without certificates."""

    def __init__(self, directory: Path, transport: str, host: str = "127.0.0.1") -> None:
        self.files: Files | None = None
        if transport in ("tls", "wss"):
            self.files = issue(directory, "edge")
        trust = self.files.ca if self.files is not None else None
        self.secure = Secure(transport, host, free_port(host), trust)

    def add(self, settings: dict[str, Any]) -> None:
        point = {
            "transport": self.secure.transport,
            "address": self.secure.host,
            "port": self.secure.port,
            "confidential": True,  # WS: nobody reads loopback
        }
        if self.files is not None:
            point |= {"certificate": str(self.files.certificate), "private_key": str(self.files.private_key)}
        settings["access"]["listen"].append(point)


@contextlib.asynccontextmanager
async def reached_by(access: Access) -> AsyncIterator[Network]:
    def on_both_versions(settings: dict[str, Any]) -> None:
        if ":" in access.secure.host:
            settings["realms"]["access"]["address6"] = access.secure.host

    async with network(edit_pcscf=access.add, edit_agw=on_both_versions) as net:
        yield net


def ask(secure: Secure, number: int) -> str:
    host = hostport(secure.host, secure.port)
    return OPTIONS.format(host=host, transport=secure.transport.upper(), number=number)


class Phone(UserAgent):
    """Behind a tunnel: whatever its route set names is at the other end of it. ``hops``: what it named.

    Over WebSocket it has no address that it knows of, as in a browser (RFC 7118 5.1).
    """

    def __init__(self, near: Target, transport: str) -> None:
        super().__init__(aor("alice"), PASSWORD, near, answer=accept, echo=True, address=near.host)
        self.hops: set[str] = set()
        self._known_as = transport

    async def start(self) -> None:
        await super().start()
        if self._known_as != "tls":
            self.contact = self.registration.contact = "sip:alice@df7jal23ls0d.invalid;transport=ws"

    def via(self) -> str:
        branch = super().via().partition(";branch=")[2]
        return f"SIP/2.0/{self._known_as.upper()} df7jal23ls0d.invalid;branch={branch}"

    def _hop(self, dialog: Dialog) -> Flow:
        self.hops.add(dialog.next_hop)
        return self.stack.flow(self.proxy)


@pytest.mark.parametrize("host", BOTH_VERSIONS)
@pytest.mark.parametrize("transport", ["tls", "ws", "wss"])
async def test_protected_calls_both_ways(tmp_path: Path, transport: str, host: str) -> None:
    """Alice is behind the transport, Bob behind UDP; each calls the other, and either hangs up."""
    access = Access(tmp_path, transport, host)
    async with reached_by(access) as net:
        bob = await net.echo("bob")
        async with tunnel(access.secure) as near, Phone(near, transport) as alice:
            registration = await alice.register()
            assert "sdes-srtp" in str(registration.security_server)
            for caller, callee in ((alice, bob), (bob, alice)):
                caller.echo, callee.echo = False, True
                await net.good_call(caller, callee.user)
            call = await bob.call(alice.aor, timeout=10)
            (taken,) = alice.calls.values()
            await taken.hangup()
            await call.ended.wait()
            await net.nothing_left()
        own = f"@{hostport(host, access.secure.port)};transport={'tls' if transport == 'tls' else 'ws'};lr"
        assert alice.hops
        assert all(hop.endswith(own) for hop in alice.hops)

        async def look() -> float:
            return await net.metric("pcscf", "pcscf_connections")

        await until(look, lambda seen: seen == 0)
        assert await net.metric("pcscf", "pcscf_registrations_total", outcome="flow_lost") == 1


async def test_a_websocket_client_registers_and_is_called(tmp_path: Path) -> None:
    """A client of another make than the edge's own WebSocket code; it has no address that it knows of."""
    access = Access(tmp_path, "wss")
    near = access.secure
    contact = "sip:alice@df7jal23ls0d.invalid;transport=ws"
    registration = Registration(aor("alice"), PASSWORD, contact, ("sdes-srtp",))
    via = "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK{}"
    async with (
        reached_by(access) as net,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"wss://{near.host}:{near.port}/", protocols=["sip"], ssl=near.context) as socket,
        asyncio.timeout(20),
    ):
        assert socket.protocol == "sip"
        for number in range(2):
            await socket.send_str(registration.request(600, via.format(number)).encode().decode())
            answer = parse((await socket.receive_str()).encode())
            assert isinstance(answer, Response)
            assert registration.absorb(answer) is (number == 0)
        assert answer.status == 200
        assert registration.expires == 600
        assert registration.security_server
        assert not registration.problems
        bob = await net.ue("bob")
        placed = bob.place(aor("alice"))
        invite = parse((await socket.receive_str()).encode())
        assert isinstance(invite, Request)
        assert (invite.method, invite.uri) == ("INVITE", contact)
        assert b"RTP/SAVP" in invite.body
        await socket.send_str(response_to(invite, 486, to_tag="a").encode().decode())
        with pytest.raises(CallFailed, match="486"):
            await placed.answered(10)
        await net.nothing_left()


async def test_openssl_is_served(tmp_path: Path) -> None:
    """A client of another make, with a name that the certificate does not have."""
    need("openssl")
    access = Access(tmp_path, "tls")
    secure = access.secure
    (tmp_path / "options").write_bytes(ask(secure, 1).encode())
    async with reached_by(access):
        for version in ("-tls1_2", "-tls1_3"):
            command = (
                f"exec openssl s_client -connect 127.0.0.1:{secure.port} -servername phones.example "
                f"-CAfile {secure.trust} -verify_return_error -ign_eof {version} < options"
            )
            async with Program("sh", "-c", command, directory=tmp_path) as client:
                await client.line(r"Verify return code: 0 \(ok\)")
                await client.line("SIP/2.0 200 OK")


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
async def test_openssl_with_old_versions_is_refused(tmp_path: Path, version: str) -> None:
    need("openssl")
    access = Access(tmp_path, "tls")
    async with reached_by(access) as net:
        target = f"127.0.0.1:{access.secure.port}"
        weak = ("-cipher", "ALL:@SECLEVEL=0", version)
        async with Program("openssl", "s_client", "-connect", target, *weak, directory=tmp_path) as client:
            assert await client.ended(10) != 0
            assert "alert protocol version" in client.text
        assert await net.metric("pcscf", "pcscf_transport_events_total", event="tls_handshakes_failed") == 1


@pytest.mark.parametrize("transport", ["tls", "wss"])
async def test_new_certificates_at_sighup(tmp_path: Path, transport: str) -> None:
    """Connections that are up stay; a wrong file keeps what is in use, and the log says so."""
    access = Access(tmp_path, transport)
    assert access.files is not None
    secure, files = access.secure, access.files
    async with network(edit_pcscf=access.add, clean=False) as net, asking(secure) as first:
        await first(1)
        seen = len(net.edge.pcscf.events)
        files.private_key.write_text("no key")
        os.kill(net.edge.pcscf.pid, signal.SIGHUP)
        refused = await net.edge.pcscf.wait_for(
            lambda event: "refused" in str(event.get("event")), 10, since=seen
        )
        assert "TLS files cannot be used" in refused["error"]
        async with asking(secure) as second:
            await second(2)
        fresh = tmp_path / "fresh"
        fresh.mkdir()
        issued = issue(fresh, "fresh")
        files.certificate.write_bytes(issued.certificate.read_bytes())
        files.private_key.write_bytes(issued.private_key.read_bytes())
        os.kill(net.edge.pcscf.pid, signal.SIGHUP)
        await net.edge.pcscf.wait_for(
            lambda event: event.get("event") == "certificates read again", 10, since=seen
        )
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(secure.host, secure.port, ssl=secure.context)
        async with asking(dataclasses.replace(secure, trust=issued.ca)) as third:
            await third(3)
        await first(4)
        assert "Traceback" not in "".join(net.edge.pcscf.lines)


Ask = Callable[[int], Awaitable[None]]


@contextlib.asynccontextmanager
async def asking(secure: Secure) -> AsyncIterator[Ask]:
    """Connect, and yield what sends OPTIONS number n and waits for its 200."""
    async with tunnel(secure) as near:
        reader, writer = await asyncio.open_connection(near.host, near.port)

        async def ask_it(number: int) -> None:
            writer.write(ask(secure, number).encode())
            async with asyncio.timeout(10):
                answer = parse(await reader.readuntil(b"\r\n\r\n"))
            assert answer.start_line() == "SIP/2.0 200 OK"
            assert answer.get("call-id") == f"{number}@x"

        try:
            yield ask_it
        finally:
            writer.transport.abort()
