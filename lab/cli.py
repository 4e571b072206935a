"""``imslab``: the demo, and the lab's parts alone for a user's own tests.

Passwords and keys come from files or the environment: command lines can be read by everybody (ps).
"""

import asyncio
import json
import os
import signal
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from hosting.daemon import StartError
from hosting.tls import connecting_context
from lab import keyfile, session
from lab.address import Target, parse_target
from lab.core import CoreNetwork
from lab.descriptions import Protection, Terms
from lab.errors import LabError
from lab.kind import Kind
from lab.kinds import KINDS
from lab.media import MediaEnd
from lab.report import console, statistics_table, witness_table
from lab.srtp import DEFAULT_SUITE, PROFILES
from lab.ue import UserAgent
from pcscf.transport.identity import Peer

EXIT_FAILED = 1
PASSWORD_VARIABLE = "IMSLAB_PASSWORD"
DEFAULT_PASSWORD = "imslab"

main = typer.Typer(name="imslab", no_args_is_help=True, add_completion=False, help=__doc__)


class _Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class _Setup(StrEnum):
    ACTPASS = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"


_KINDS = ", ".join(KINDS)
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@main.command()
def demo(
    media: Annotated[str, typer.Option(help=f"{_KINDS}, or all, one after the other.")] = "audio",
    seconds: Annotated[float, typer.Option(help="Media of each call, in seconds.", min=0.2)] = 2.0,
    keep: Annotated[bool, typer.Option(help="Keep configurations and logs, and say where.")] = False,
    as_json: _Json = False,
) -> None:
    """Start core, pcscf, agw and two UEs on loopback, make protected calls, prove what each leg carried.

    Exit status 0 only if everything was verified.
    """
    from lab.demo import main as show  # noqa: PLC0415 -- the other commands do without it

    kinds = list(KINDS.values()) if media == "all" else [_kind(media)]
    _run(show(kinds=kinds, seconds=seconds, keep=keep, as_json=as_json))


@main.command()
def core(
    listen: Annotated[str, typer.Option(help="HOST:PORT for UDP and TCP.")] = "127.0.0.1:6060",
    domain: Annotated[str, typer.Option(help="Home domain.")] = "ims.example",
    users: Annotated[
        Path | None, typer.Option(help="File with USER:PASSWORD lines; default: alice and bob.")
    ] = None,
    static: Annotated[
        list[str] | None,
        typer.Option(help="USER=SIP-URI of a far end that does not register (SIPp). May be repeated."),
    ] = None,
    direct: Annotated[bool, typer.Option(help="Serve UEs without a P-CSCF; nothing is judged.")] = False,
    e2e: Annotated[bool, typer.Option("--e2e", help="End-to-end SDES may pass.")] = False,
    relay: Annotated[bool, typer.Option(help="Stand in the media path as its witness.")] = True,
) -> None:
    """A registrar and proxy, I-CSCF and S-CSCF in one, until Ctrl-C; names everything that must not reach it.

    Exit status 1 if something did.
    """

    async def serve() -> int:
        address, port = keyfile.parse_address(listen)
        network = CoreNetwork(
            domain,
            _users(users),
            address=address,
            port=port,
            static=dict(_pair(item, "=") for item in static or ()),
            behind_edge=not direct,
            end_to_end=e2e,
            relay=relay,
        )
        stop = _stop_asked()
        async with network:
            out = console()
            out.print(f"core of {domain} on {network.uri} (udp, tcp); Ctrl-C ends it")
            await stop.wait()
            out.print(witness_table(network.witness.history()))
            for text in network.violations:
                out.print(f"violation: {text}", style="red")
            return EXIT_FAILED if network.violations else 0

    _run(serve())


@main.command()
def ue(
    identity: Annotated[str, typer.Argument(help="Public identity, sip:alice@ims.example.")],
    proxy: Annotated[
        str, typer.Option(help="P-CSCF: [udp:|tcp:|tls:]HOST[:PORT]; port 5060, for tls 5061.")
    ] = "127.0.0.1",
    transport: Annotated[
        _Transport | None, typer.Option(help="To the P-CSCF; default: what --proxy says, else udp.")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(help="PEM file that vouches for the P-CSCF's certificate; default: this system's CAs."),
    ] = None,
    server_name: Annotated[
        str | None, typer.Option(help="Name in that certificate; default: the host of --proxy.")
    ] = None,
    call: Annotated[str | None, typer.Option(help="Call this SIP URI.")] = None,
    answer: Annotated[int, typer.Option(help="Take so many calls.", min=0)] = 0,
    media: Annotated[str, typer.Option(help=f"{_KINDS}.")] = "audio",
    protection: Annotated[
        Protection, typer.Option(help="Up to the access edge, up to the far end, or none.")
    ] = Protection.E2AE,
    suite: Annotated[
        list[str] | None, typer.Option(help="Of SRTP, in order of preference. May be repeated.")
    ] = None,
    setup: Annotated[
        _Setup, typer.Option(help="Own a=setup, where media has one: who connects, or begins DTLS.")
    ] = _Setup.ACTPASS,
    loss: Annotated[
        int, typer.Option(help="Percent of the datagrams of a fax that are not sent.", min=0, max=99)
    ] = 0,
    cema: Annotated[
        bool, typer.Option(help="MSRP by RFC 6714, or with whole URIs compared, as RFC 4975 alone has it.")
    ] = True,
    feedback: Annotated[
        bool, typer.Option(help="Offer UDP/TLS/RTP/SAVPF instead of SAVP; taken is either.")
    ] = False,
    duration: Annotated[float, typer.Option(help="Seconds of media.", min=0.02)] = 2.0,
    echo: Annotated[bool, typer.Option(help="Send back what comes instead of speech.")] = False,
    address: Annotated[str, typer.Option(help="Own address.")] = "127.0.0.1",
    as_json: _Json = False,
) -> None:
    """A UE with mediasec: registers, calls or answers, checks the media bit for bit.

    The password is in IMSLAB_PASSWORD (default "imslab"). Exit status 0 only if all media was verified.
    """
    kind = _kind(media)
    if echo and not kind.echoes:
        raise typer.BadParameter(f"nothing of {media} can be sent back", param_hint="--echo")
    terms = Terms(protection, _suites(suite), setup=setup, loss=loss, cema=cema, feedback=feedback)
    out = console(stderr=as_json)

    async def run() -> int:
        password = os.environ.get(PASSWORD_VARIABLE, DEFAULT_PASSWORD)
        target = parse_target(proxy, transport)
        agent = UserAgent(
            identity, password, target,
            trust=_trust(target, ca, server_name), kind=kind, terms=terms, echo=echo, address=address,
        )  # fmt: skip
        reports = []
        async with agent:
            registration = await agent.register()
            agent.keep_registered()
            listed = ", ".join(registration.security_server) or "none"
            out.print(f"registered for {registration.expires} s; Security-Server: {listed}")
            if call is not None:
                reports.append(await session.place(agent, call, duration, out.print))
            reports += [await session.take(agent, duration, out.print) for _ in range(answer)]
            await agent.deregister()
        problems = [*registration.problems, *(text for report in reports for text in report.problems)]
        out.print(statistics_table((report.far, report.statistics) for report in reports))
        for text in problems:
            out.print(f"problem: {text}", style="red")
        if as_json:
            calls = [report.as_dict() for report in reports]
            print(json.dumps({"verified": not problems, "problems": problems, "calls": calls}))
        return EXIT_FAILED if problems else 0

    _run(run())


@main.command()
def media(
    local: Annotated[str, typer.Option(help="HOST:PORT for RTP, even; RTCP is on the next.")],
    remote: Annotated[
        str | None, typer.Option(help="HOST:PORT of the peer, if the key file has none.")
    ] = None,
    keys: Annotated[
        Path | None, typer.Option(help='File with "send a=crypto:..." and "receive a=crypto:..." lines.')
    ] = None,
    plain: Annotated[bool, typer.Option(help="No SRTP.")] = False,
    count: Annotated[int, typer.Option(help="Packets to send, and to get back bit-exact.", min=1)] = 50,
    echo: Annotated[
        bool, typer.Option(help="Send back what comes, until COUNT came or the wait is over.")
    ] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for keys, and for packets.", min=0)] = 5.0,
    as_json: _Json = False,
) -> None:
    """An SRTP end to put beside SIPp: sends COUNT packets of known speech and checks what comes back.

    Keys are in the file of --keys or, with the same lines, in IMSLAB_KEYS. Exit status 0 only if COUNT
    packets came back bit-exact.
    """

    async def run() -> int:
        found = keyfile.parse(os.environ.get(keyfile.VARIABLE, ""))
        if keys is not None:
            found = await keyfile.read(keys, wait)
        peer = keyfile.parse_address(remote) if remote is not None else found.remote
        if peer is None:
            raise LabError("no remote address: --remote or a remote line")
        if found.complete is plain:
            raise LabError("keys and --plain exclude each other" if plain else "no keys: --keys, or --plain")
        end = MediaEnd(*keyfile.parse_address(local), echo=echo)
        out = console(stderr=as_json)
        out.print(f"RTP on {end.local[0]}:{end.local[1]}, {found.send.suite if found.send else 'plain'}")
        try:
            end.connect(peer, found.send, found.receive)
            if echo:
                await end.arrived(count, timeout=wait)
                statistics = end.statistics()
            else:
                statistics = await end.exchange(count, grace=wait)
        finally:
            end.close()
        problems = statistics.problems(count)
        out.print(statistics_table([(local, statistics)]))
        for text in problems:
            out.print(f"problem: {text}", style="red")
        if as_json:
            print(json.dumps({"verified": not problems, "problems": problems, "media": statistics.as_dict()}))
        return EXIT_FAILED if problems else 0

    _run(run())


def _run(work: Coroutine[Any, Any, int]) -> None:
    try:
        status = asyncio.run(work)
    except (LabError, OSError) as error:
        typer.echo(f"imslab: {error}", err=True)
        status = EXIT_FAILED
    except KeyboardInterrupt:
        status = 130
    raise typer.Exit(status)


def _trust(proxy: Target, ca: Path | None, server_name: str | None) -> Peer | None:
    """Return who a P-CSCF over TLS has to be. Raises LabError."""
    if proxy.transport != "tls":
        if ca is not None or server_name is not None:
            raise LabError(f"--ca and --server-name have no use over {proxy.transport}")
        return None
    try:
        return Peer(connecting_context(ca), server_name or proxy.host)
    except StartError as error:
        raise LabError(str(error)) from None


def _stop_asked() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def _users(path: Path | None) -> dict[str, str]:
    if path is None:
        password = os.environ.get(PASSWORD_VARIABLE, DEFAULT_PASSWORD)
        return {"alice": password, "bob": password}
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(_pair(line, ":") for line in lines if line.strip() and not line.startswith("#"))


def _pair(text: str, separator: str) -> tuple[str, str]:
    left, found, right = text.strip().partition(separator)
    if not found or not left or not right:
        raise LabError(f"two parts around {separator!r} wanted")
    return left, right


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise typer.BadParameter(f"{name[:40]}: one of {_KINDS}", param_hint="--media")
    return KINDS[name]


def _suites(names: list[str] | None) -> tuple[str, ...]:
    for name in names or ():
        if name not in PROFILES:
            raise typer.BadParameter(f"{name[:40]}: one of {', '.join(PROFILES)}", param_hint="--suite")
    return tuple(names or (DEFAULT_SUITE,))
