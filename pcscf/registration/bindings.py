"""Registered contacts and the flows that lead to them, found in constant time by token, flow and identity."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import TypeVar

from pcscf.errors import SipRefusal
from pcscf.flow import Flow, StaticFlow
from pcscf.ratelimit import source_of
from pcscf.registration.contacts import is_emergency_contact
from pcscf.registration.identities import identities_in, identity_key, identity_parts
from pcscf.sip.headers import NameAddr
from pcscf.sip.message import Request
from pcscf.sip.uri import same_uri

#: Contacts that one address-of-record may have, and the header fields that may say whose a request is.
MAX_CONTACTS = 32
_CLAIMS = ("p-preferred-identity", "from")


K = TypeVar("K")


@dataclass(slots=True, eq=False)
class Binding:
    """One registered contact on one flow.

    aor: address-of-record; contact: its URI; token: user part of Path; path: that value;
    impi: private identity.
    expires_at: monotonic seconds. associated: public identities, the first is the default one.
    negotiated: media mechanisms of its Security-Client; announced: those and its listener's assumed ones;
    mechanisms: what counts, announced by UE and network. keys: identity_key of each of ``associated``.
    implicit: what it offers in RTP/SAVP is meant for the edge (a trunk, a UE whose listener assumes all).
    restoring: its S-CSCF was not reached: only a REGISTER changes that (24.229 5.2.6.3.2A).
    live: False as soon as it is no longer registered.
    """

    aor: str
    contact: str
    flow: Flow
    token: str
    path: str = ""
    impi: str = ""
    expires_at: float = inf
    service_route: list[str] = field(default_factory=list)
    associated: list[str] = field(default_factory=list)
    negotiated: frozenset[str] = frozenset()
    announced: frozenset[str] = frozenset()
    mechanisms: frozenset[str] = frozenset()
    implicit: bool = False
    instance: str | None = None
    reg_id: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    restoring: bool = False
    live: bool = False
    due: float = inf

    def is_contact(self, uri: str, instance: str | None, reg_id: str | None) -> bool:
        """Tell whether a Contact is this one: by instance and reg-id where both have them (RFC 5626 6)."""
        if self.emergency != is_emergency_contact(uri):
            return False
        if reg_id is not None and instance is not None and self.reg_id is not None:
            return self.instance == instance and self.reg_id == reg_id
        return self.contact == uri or _same(self.contact, uri)

    def identity(self, uri: str) -> str | None:
        """Return the registered identity that ``uri`` equals, as registered, or None."""
        if not self.keys:
            self.keys = identity_keys(self.associated or [self.aor])
        if found := self.keys.get(uri):
            return found
        try:
            return self.keys.get(identity_key(uri))
        except SipRefusal:
            return None

    @property
    def emergency(self) -> bool:
        """Whether it is an emergency registration: it serves emergency calls and no others."""
        return is_emergency_contact(self.contact)

    def owns(self, flow: Flow) -> bool:
        """Tell whether ``flow`` is its own; everything that a static peer sends is that peer's."""
        own = self.flow
        return flow.key == own.key or (isinstance(own, StaticFlow) and own.covers(flow))

    @property
    def default_identity(self) -> str:
        """The default public identity: the first of P-Associated-URI, else the address-of-record."""
        return self.associated[0] if self.associated else self.aor


def identity_keys(uris: Iterable[str]) -> dict[str, str]:
    """Map each identity, as written and as a key, to itself as registered; what is no URI is left out."""
    keys: dict[str, str] = {}
    for uri in uris:
        try:
            keys.setdefault(identity_key(uri), uri)
        except SipRefusal:
            continue
        keys.setdefault(uri, uri)
    return keys


def _same(a: str, b: str) -> bool:
    try:
        return same_uri(a, b)
    except SipRefusal:
        return False


class Bindings:
    """The table of bindings. Add by ``put`` alone: it keeps the indexes."""

    def __init__(self) -> None:
        self._tokens: dict[str, list[Binding]] = {}
        self._flows: dict[tuple[object, ...], dict[Binding, None]] = {}
        self._aors: dict[str, list[Binding]] = {}
        self._identities: dict[tuple[tuple[object, ...], str], dict[Binding, None]] = {}
        self._sources: dict[tuple[str, bool], int] = {}
        self._due: list[tuple[float, int, Binding]] = []
        self._pushed = 0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def by_token(self, token: str, contact: str | None = None) -> Binding | None:
        """Return the binding whose Path has ``token``.

        Contacts of one REGISTER share their Path: ``contact``, the Request-URI, then tells them apart.
        """
        found = self._tokens.get(token)
        if not found:
            return None
        if len(found) > 1 and contact is not None:
            for binding in found:
                if _same(binding.contact, contact):
                    return binding
        return found[0]

    def on_flow(self, key: tuple[object, ...]) -> list[Binding]:
        """Return the bindings of a flow, the oldest first."""
        return list(self._flows.get(key, ()))

    def of_source(self, source: str, *, emergency: bool) -> int:
        """Return how many bindings, or emergency registrations, flows of a source have (``source_of``)."""
        return self._sources.get((source, emergency), 0)

    def of(self, aor: str) -> list[Binding]:
        """Return the bindings of an address-of-record."""
        return list(self._aors.get(aor, ()))

    def find(
        self, aor: str, uri: str, instance: str | None = None, reg_id: str | None = None
    ) -> Binding | None:
        """Return the binding of a Contact of ``aor``, on whatever flow."""
        for binding in self._aors.get(aor, ()):
            if binding.is_contact(uri, instance, reg_id):
                return binding
        return None

    def for_request(self, request: Request, flow: Flow) -> Binding | None:
        """Return the binding that a request from the access side belongs to, None for none (403).

        The one of its flow; where there are several, the one with the identity in P-Preferred-Identity,
        else in From. Among several contacts of an identity, the request's own Contact; else the newest.
        """
        bindings = self._flows.get(flow.key)
        if not bindings:
            return None
        if len(bindings) == 1:
            return next(iter(bindings))
        for header in _CLAIMS:
            for uri in identities_in(request, header):
                if found := self._claimed(flow, uri):
                    return found[-1] if len(found) == 1 else _by_contact(request, found)
        return None

    def _claimed(self, flow: Flow, uri: str) -> list[Binding]:
        """Return the bindings of ``flow`` for an identity: registered as it before associated with it."""
        try:
            aor, rest = identity_parts(uri)
        except SipRefusal:
            return []
        own = [b for b in self._aors.get(aor, ()) if b.flow.key == flow.key]
        return own or list(islice(self._identities.get((flow.key, aor + rest), ()), MAX_CONTACTS))

    def put(self, binding: Binding) -> None:
        """Add ``binding``, or index it again after its fields were changed under ``remove``."""
        binding.keys = identity_keys(binding.associated or [binding.aor])
        binding.live = True
        self._tokens.setdefault(binding.token, []).append(binding)
        self._flows.setdefault(binding.flow.key, {})[binding] = None
        self._aors.setdefault(binding.aor, []).append(binding)
        for name in binding.keys:
            self._identities.setdefault((binding.flow.key, name), {})[binding] = None
        self._count += 1
        source = source_of(binding.flow.remote[0]), binding.emergency
        self._sources[source] = self._sources.get(source, 0) + 1
        if binding.expires_at < binding.due:
            self._schedule(binding)

    def remove(self, binding: Binding) -> None:
        """Take ``binding`` out of every index; nothing happens where it is in none."""
        if not binding.live:
            return
        binding.live = False
        self._count -= 1
        source = source_of(binding.flow.remote[0]), binding.emergency
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]
        _discard(self._tokens, binding.token, binding)
        _discard(self._aors, binding.aor, binding)
        _discard(self._flows, binding.flow.key, binding)
        for name in binding.keys:
            _discard(self._identities, (binding.flow.key, name), binding)
        self._tidy()

    def shorten(self, binding: Binding, expires_at: float) -> None:
        """Let a binding end at ``expires_at`` where it would end later. Monotonic seconds."""
        if binding.live and expires_at < binding.expires_at:
            binding.expires_at = expires_at
            if expires_at < binding.due:
                self._schedule(binding)

    def drop_flow(self, key: tuple[object, ...]) -> list[Binding]:
        """Remove and return the bindings of a flow that has ended."""
        gone = self.on_flow(key)
        for binding in gone:
            self.remove(binding)
        return gone

    def expire(self, now: float) -> list[Binding]:
        """Remove and return the bindings whose time has passed; costs nothing while none is due."""
        gone = []
        while self._due and self._due[0][0] <= now:
            due, _, binding = heapq.heappop(self._due)
            if due != binding.due:
                continue  # a shorter registration came in between
            binding.due = inf
            if not binding.live:
                continue
            if binding.expires_at <= now:
                self.remove(binding)
                gone.append(binding)
            else:
                self._schedule(binding)
        return gone

    def _schedule(self, binding: Binding) -> None:
        """Enter the expiry of a binding; a longer one is found when the entered one is due."""
        binding.due = binding.expires_at
        self._pushed += 1
        heapq.heappush(self._due, (binding.due, self._pushed, binding))
        self._tidy()

    def _tidy(self) -> None:
        """Keep the heap in proportion to the table: entries of what was removed or shortened go."""
        if len(self._due) <= 2 * self._count + 64:
            return
        kept = []
        for entry in self._due:
            binding = entry[2]
            if not binding.live:
                binding.due = inf
            elif entry[0] == binding.due:
                kept.append(entry)
        heapq.heapify(kept)
        self._due = kept


def _by_contact(request: Request, found: list[Binding]) -> Binding:
    for value in request.values("contact")[:1]:
        try:
            uri = NameAddr.parse(value).uri
        except SipRefusal:
            break
        for binding in found:
            if binding.is_contact(uri, None, None):
                return binding
    return next((one for one in reversed(found) if not one.emergency), found[-1])


def _discard(index: dict[K, list[Binding]] | dict[K, dict[Binding, None]], key: K, binding: Binding) -> None:
    listed = index.get(key)
    if listed is None:
        return
    if isinstance(listed, list):
        listed.remove(binding)
    else:
        del listed[binding]
    if not listed:
        del index[key]
