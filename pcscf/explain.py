"""``pcscf explain``: an offer, read from a file, judged as the configuration says, told to a person."""

import sys
from dataclasses import dataclass
from pathlib import Path

from hosting.daemon import EXIT_CONFIGURATION
from iq.msrp import AWARE
from iq.suites import SUITES
from pcscf.alg.decision import Decision
from pcscf.alg.explanation import Explanation, explain
from pcscf.alg.policy import AccessProfile
from pcscf.app import call_settings
from pcscf.config import MECHANISMS, Config, listeners
from pcscf.errors import SdpRejected
from pcscf.flow import Listener, Side
from pcscf.registration.security_agreement import network_mechanisms
from pcscf.sdp.model import MAX_SDP
from pcscf.sip.build import PHRASES

#: Exit status where the offer cannot be read.
EXIT_OFFER = 1


class WrongUsage(Exception):
    """One line for the person who typed it."""


def answer(
    config: Config,
    offer: str,
    *,
    registered: str,
    sender: str,
    listener: int | None,
    trunk: str | None,
    emergency: bool,
) -> tuple[str, int]:
    """Return what to print and the exit status: an error is one line, with a status other than 0."""
    try:
        side = _side(sender)
        peer = _ue(config, listener, registered) if trunk is None else _trunk(config, trunk)
    except WrongUsage as error:
        return str(error), EXIT_CONFIGURATION
    try:
        policy = call_settings(config).policy
        explanation = explain(_read(offer), side, policy, _profile(config, peer), emergency=emergency)
    except OSError as error:
        return f"{offer}: {error.strerror}", EXIT_OFFER
    except SdpRejected as error:
        return f"{offer}: {error}", EXIT_OFFER
    return "\n".join(_lines(explanation, side, peer, _network(config, peer))), 0


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is on the access side. name: "the UE", or a trunk. number: of its listener, in the file's order."""

    name: str
    number: int
    point: Listener
    announced: frozenset[str]
    implicit: bool


def _ue(config: Config, listener: int | None, registered: str) -> Peer:
    number, point = _listener(config, listener)
    named = _mechanisms(registered)
    return Peer("the UE", number, point, named | point.assume, implicit=not named and bool(point.assume))


def _trunk(config: Config, aor: str) -> Peer:
    for trunk in config.access.static:
        number = config.access.listener_of(trunk)
        if trunk.aor == aor and number is not None:
            point = _points(config)[number]
            announced = frozenset(trunk.mechanisms) | point.assume
            return Peer(f"the trunk {aor}", number, point, announced, trunk.implicit)
    known = ", ".join(trunk.aor for trunk in config.access.static) or "none"
    raise WrongUsage(f"--trunk {aor}: not in access.static, which has {known}")


def _side(name: str) -> Side:
    try:
        return Side(name)
    except ValueError:
        raise WrongUsage(f"--from {name}: is neither access nor core") from None


def _mechanisms(names: str) -> frozenset[str]:
    found = frozenset(name.strip().lower() for name in names.split(",") if name.strip())
    if unknown := sorted(found.difference(MECHANISMS)):
        raise WrongUsage(f"--registered {unknown[0]}: unknown; known are {', '.join(MECHANISMS)}")
    return found


def _points(config: Config) -> list[Listener]:
    return [point for point in listeners(config) if point.side is Side.ACCESS]


def _listener(config: Config, number: int | None) -> tuple[int, Listener]:
    """Return the listener of the UE: the one that is named, or the first where all are alike."""
    points = _points(config)
    if number is not None:
        if not 0 <= number < len(points):
            raise WrongUsage(f"--listener {number}: access.listen has 0 to {len(points) - 1}")
        return number, points[number]
    if len({(point.realm, point.confidential, point.assume) for point in points}) > 1:
        named = ", ".join(f"{i} ({p.transport} {p.hostport})" for i, p in enumerate(points))
        raise WrongUsage(f"the listeners of access.listen differ: choose one with --listener: {named}")
    return 0, points[0]


def _network(config: Config, peer: Peer) -> frozenset[str]:
    return frozenset(network_mechanisms(peer.point, config.media_security.mechanisms))


def _profile(config: Config, peer: Peer) -> AccessProfile:
    network = _network(config, peer)
    return AccessProfile(
        mechanisms=peer.announced & network,
        announced=peer.announced,
        network=network,
        access_realm=peer.point.realm,
        core_realm=config.core.realm,
        suites=frozenset(SUITES),
        implicit=peer.implicit,
        terminates=frozenset(MECHANISMS),
        aware=frozenset({AWARE}),
    )


def _read(offer: str) -> bytes:
    """Return the octets of a file; a little more than may be, so that more is noticed."""
    if offer == "-":
        return sys.stdin.buffer.read(MAX_SDP + 1)
    with Path(offer).open("rb") as file:
        return file.read(MAX_SDP + 1)


def _lines(explanation: Explanation, sender: Side, peer: Peer, network: frozenset[str]) -> list[str]:
    ends, other = (peer.name, "the core") if sender is Side.ACCESS else ("the core", peer.name)
    point = peer.point
    lines = [
        f"offer of {ends}; access.listen.{peer.number} ({point.transport} {point.hostport})",
        f"{peer.name} announced: {_names(peer.announced)}; the network announces: {_names(network)}",
        "",
    ]
    for media, decision in explanation.lines:
        lines.append(f"m={media.line}")
        lines.append(f"  {decision.action} (row {decision.row}): {_why(decision)}")
    if explanation.forged:
        lines += ["", "a=3ge2ae from the core is removed: only this edge may say it (TS 33.328 5.4.1)"]
    if explanation.refusal is not None:
        refusal = explanation.refusal
        phrase = refusal.phrase or PHRASES.get(refusal.status, "")
        lines += ["", f"the offer is refused with {refusal.status} {phrase}: {refusal}"]
    if explanation.sdp is not None:
        lines += [
            "",
            f"to {other}; the gateway's addresses, certificate and EXAMPLE keys are examples:",
            "",
        ]
        lines += explanation.sdp.decode("utf-8", "backslashreplace").split("\r\n")[:-1]
    return [*map(_printable, lines)]


def _why(decision: Decision) -> str:
    clause = f"TS {decision.clause}" if decision.clause[:1].isdigit() else decision.clause
    why = f"{decision.reason} [{clause}]"
    if decision.crypto is not None:
        crypto = decision.crypto.crypto
        why += f"; crypto line {crypto.tag}, {crypto.suite}"
    if decision.peer is not None:
        why += f"; certificate by {decision.peer.fingerprints[0].hash}"
    return f"{why}; configuration {decision.potential.actual}" if decision.potential is not None else why


def _names(mechanisms: frozenset[str]) -> str:
    return ", ".join(name for name in MECHANISMS if name in mechanisms) or "nothing"


def _printable(line: str) -> str:
    """Return a line that does nothing to a terminal."""
    return "".join(c if c.isprintable() or c == "\t" else ascii(c)[1:-1] for c in line)
