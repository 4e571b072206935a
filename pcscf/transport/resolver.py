"""Where a URI leads (RFC 3263): numeric addresses at once, names by NAPTR, SRV, A and AAAA."""

import asyncio
import functools
import ipaddress
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

from hosting.tasks import TaskSet
from pcscf.errors import SipRefusal
from pcscf.sip.uri import SipUri

#: Seconds for one query, and for all that one URI needs.
QUERY_TIMEOUT = 2.0
RESOLVE_TIMEOUT = 4.0
#: Answers kept, and for how long (seconds): at most, and when there was none.
MAX_CACHED = 4096
MAX_TTL = 3600.0
FAILED_TTL = 5.0
#: For how long a place that failed is tried after the others (seconds), at most, and how many such are known.
AVOID = 30.0
MAX_AVOID = 300.0
MAX_AVOIDED = 1024
#: Records of one answer that are used.
MAX_RECORDS = 32

#: NAPTR service -> transport (RFC 3263 4.1), in our order of preference; SRV prefix of each transport.
SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}
SRV = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}


@dataclass(slots=True, frozen=True)
class Target:
    """One place to try: transport (udp, tcp or tls), numeric host, port."""

    transport: str
    host: str
    port: int


def numeric(uri: SipUri | str) -> tuple[str | None, str, int] | None:
    """Return (transport or None where the URI leaves it open, host, port), or None where DNS must be asked.

    Raises SipRefusal for a URI that leads nowhere.
    """
    return _numeric_text(uri) if isinstance(uri, str) else _numeric(uri)


@functools.lru_cache(maxsize=MAX_CACHED)
def _numeric_text(uri: str) -> tuple[str | None, str, int] | None:
    """The next hops of a proxy are few, and it asks with every request (34 us)."""
    return _numeric(SipUri.parse(uri))


def _numeric(uri: SipUri) -> tuple[str | None, str, int] | None:
    host = _host(uri)
    if not _is_numeric(host):
        return None
    transport = _transport(uri)
    return transport, host, uri.port or _default_port(transport)


def _host(uri: SipUri) -> str:
    if uri.scheme == "tel":
        raise SipRefusal("tel URI without a route", status=404, phrase="Not Found")
    host = uri.params.get("maddr") or uri.host
    return host[1:-1] if host.startswith("[") else host


def _is_numeric(host: str) -> bool:
    if ":" not in host and not host[-1:].isdigit():
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _transport(uri: SipUri) -> str | None:
    wanted = uri.params.get("transport", "").lower() or None
    if uri.scheme == "sips":
        return "tls"
    return wanted


def _default_port(transport: str | None) -> int:
    return 5061 if transport == "tls" else 5060


class Resolver:
    """Asks DNS and remembers.

    nameservers, port: numeric servers to ask instead of the system's. supported: transports that we can send
    by, the preferred first.
    """

    def __init__(
        self,
        nameservers: Sequence[str] | None = None,
        port: int = 53,
        supported: Sequence[str] = ("udp", "tcp"),
    ) -> None:
        self._nameservers = nameservers
        self._port = port
        self._supported = tuple(supported)
        self._dns: dns.asyncresolver.Resolver | None = None
        self._cache: dict[_Question, tuple[float, list[_Ranked]]] = {}
        self._asked: dict[_Question, asyncio.Task[list[_Ranked]]] = {}
        self._avoided: dict[tuple[str, int], float] = {}
        self._tasks = TaskSet("resolver")

    async def resolve(self, uri: SipUri | str) -> list[Target]:
        """Return the targets in the order to try; none where the name leads nowhere or DNS is silent.

        Raises SipRefusal for a URI without a host.
        """
        if (known := numeric(uri)) is not None:
            transport, host, port = known
            return [Target(transport or "udp", host, port)]
        uri = SipUri.parse(uri) if isinstance(uri, str) else uri
        question = _host(uri).lower(), uri.port, _transport(uri)
        fresh = self._cache.get(question)
        if fresh is not None and fresh[0] > time.monotonic():
            return self._last_avoided(_in_order(fresh[1]))
        task = self._asked.get(question)
        if task is None:  # further askers of the same name wait for the same answer
            task = self._asked[question] = self._tasks.spawn(self._ask(question), "resolve")
            task.add_done_callback(lambda _: self._asked.pop(question, None))
        return self._last_avoided(_in_order(await asyncio.shield(task)))

    def avoid(self, host: str, port: int, retry_after: str = "") -> bool:
        """Put a place that failed behind the others for a while: as long as its Retry-After says, if it does.

        Else each request would wait for it first. Where all are avoided the order is DNS's. Returns whether
        it was not avoided before.
        """
        digits = retry_after.partition(";")[0].partition("(")[0].strip()
        seconds = min(float(digits[:9]), MAX_AVOID) if digits.isdecimal() else AVOID
        now = time.monotonic()
        news = self._avoided.pop((host, port), 0.0) <= now
        if len(self._avoided) >= MAX_AVOIDED:
            del self._avoided[next(iter(self._avoided))]
        self._avoided[host, port] = now + seconds
        return news

    def _last_avoided(self, targets: list[Target]) -> list[Target]:
        if not self._avoided:
            return targets
        now = time.monotonic()
        return sorted(targets, key=lambda one: self._avoided.get((one.host, one.port), 0.0) > now)

    async def close(self) -> None:
        await self._tasks.close()

    async def _ask(self, question: "_Question") -> list["_Ranked"]:
        """Ask and remember, also that there is no answer."""
        ranked: list[_Ranked] = []
        ttl = FAILED_TTL
        try:
            lookup = _Lookup(self._client(), self._supported)
            async with asyncio.timeout(RESOLVE_TIMEOUT):
                ranked = await lookup.targets(*question)
            if ranked:
                ttl = lookup.ttl
        except (dns.exception.DNSException, OSError, TimeoutError, UnicodeError):
            ranked = []
        if len(self._cache) >= MAX_CACHED:
            del self._cache[next(iter(self._cache))]
        self._cache[question] = time.monotonic() + ttl, ranked
        return ranked

    def _client(self) -> dns.asyncresolver.Resolver:
        """Raises DNSException where the system has no resolver configured."""
        if self._dns is None:
            client = dns.asyncresolver.Resolver(configure=self._nameservers is None)
            if self._nameservers is not None:
                client.nameservers = list(self._nameservers)
                client.port = self._port
            self._dns = client
        return self._dns


_random = random.SystemRandom().random

_Question = tuple[str, int | None, str | None]
#: (order, priority), weight, target.
_Ranked = tuple[tuple[int, int], int, Target]


class _Lookup:
    """The queries of one question; ``ttl`` is the smallest of their answers."""

    def __init__(self, client: dns.asyncresolver.Resolver, supported: tuple[str, ...]) -> None:
        self._client = client
        self._supported = supported
        self.ttl = MAX_TTL

    async def targets(self, host: str, port: int | None, transport: str | None) -> list[_Ranked]:
        """RFC 3263 4.1 and 4.2."""
        if port is None:
            found = await self._services(host, transport)
            if found:
                return found
        by = transport or "udp"
        return await self._addresses(by, host, port or _default_port(by), (0, 0), 0)

    async def _services(self, host: str, transport: str | None) -> list[_Ranked]:
        if transport is not None:
            return await self._srv(transport, SRV.get(transport, "_sip._udp.") + host, 0)
        offered = await self._naptr(host)
        if not offered:
            offered = [(by, SRV[by] + host) for by in self._supported]
        found: list[_Ranked] = []
        for order, (by, name) in enumerate(offered):
            found += await self._srv(by, name, order)
        return found

    async def _naptr(self, host: str) -> list[tuple[str, str]]:
        """Return (transport, name of its SRV records) for the services that we can use, in their order."""
        found = []
        for record in await self._records(host, "NAPTR"):
            by = SERVICES.get(record.service.decode("ascii", "replace").upper())
            if by in self._supported and record.flags.lower() == b"s":
                found.append((record.order, record.preference, by, record.replacement.to_text()))
        return [(by, name) for _, _, by, name in sorted(found)]

    async def _srv(self, transport: str, name: str, order: int) -> list[_Ranked]:
        found: list[_Ranked] = []
        for record in await self._records(name, "SRV"):
            target = record.target.to_text()
            if target != "." and record.port:  # "." is decidedly not available
                rank = order, record.priority
                found += await self._addresses(transport, target, record.port, rank, record.weight)
        return found

    async def _addresses(
        self, transport: str, host: str, port: int, rank: tuple[int, int], weight: int
    ) -> list[_Ranked]:
        """Both families (RFC 7984): which of them can be reached is seen where a listener is chosen."""
        records = await self._records(host, "A")
        try:
            records += await self._records(host, "AAAA")
        except dns.exception.DNSException:
            if not records:
                raise
        return [(rank, weight, Target(transport, record.address, port)) for record in records]

    async def _records(self, name: str, kind: str) -> list[Any]:
        """Return the records of one type. Raises DNSException where no server answers."""
        try:
            answer = await self._client.resolve(
                name, kind, raise_on_no_answer=False, search=False, lifetime=QUERY_TIMEOUT
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.YXDOMAIN):
            return []
        if answer.rrset is None:
            return []
        self.ttl = min(self.ttl, float(answer.rrset.ttl))
        return list(answer.rrset)[:MAX_RECORDS]


def _in_order(ranked: list[_Ranked]) -> list[Target]:
    """Order by priority, and within one at random by weight (RFC 2782), anew for each request."""
    if len(ranked) == 1:
        return [ranked[0][2]]
    drawn = [(rank, -(_random() ** (1 / (weight + 0.01))), target) for rank, weight, target in ranked]
    return [target for _, _, target in sorted(drawn, key=lambda draw: draw[:2])]
