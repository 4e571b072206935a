"""Trunks without REGISTER: what the configuration says stands for their registration."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Listener, StaticFlow, source_of
from pcscf.registration.bindings import Binding, Bindings
from pcscf.registration.identities import address_of_record
from pcscf.registration.path import path_value
from pcscf.sip.message import Request
from pcscf.sip.uri import SipUri


@dataclass(frozen=True, slots=True)
class Trunk:
    """aor: its public identity. contact: its SIP URI, with a numeric address. mechanisms: of media security,
    as if it had announced them. flow: to the address and port of ``contact``.
    implicit: what it offers in RTP/SAVP is meant for the edge."""

    aor: str
    contact: str
    mechanisms: frozenset[str]
    flow: StaticFlow
    implicit: bool = True


def trunk_token(aor: str) -> str:
    """Return the user part of a trunk's Route: the same after a restart, for the core's configuration.

    It is no secret: only the core, which is trusted, reaches a trunk by it.
    """
    return f"trunk-{hashlib.sha256(aor.encode()).hexdigest()[:16]}"


class Trunks:
    """Bindings that never end. They live apart from the registered ones: no REGISTER changes them.

    core: the listener that their Route names. network: media mechanisms announced on a listener.
    """

    def __init__(
        self, trunks: Iterable[Trunk], core: Listener, network: Callable[[Listener], tuple[str, ...]]
    ) -> None:
        self._table = Bindings()
        self._sources: dict[tuple[object, ...], StaticFlow] = {}
        self._by_aor: dict[str, Binding] = {}
        self._by_address: dict[tuple[str, int], list[Binding]] = {}
        self.all: list[Binding] = []
        for trunk in trunks:
            self._add(trunk, core, network(trunk.flow.listener))

    def _add(self, trunk: Trunk, core: Listener, network: tuple[str, ...]) -> None:
        token = trunk_token(trunk.aor)
        announced = trunk.mechanisms | trunk.flow.listener.assume
        binding = Binding(
            trunk.aor,
            trunk.contact,
            trunk.flow,
            token,
            path_value(core, token, outbound=False),
            associated=[trunk.aor],
            announced=announced,
            mechanisms=announced.intersection(network),
            implicit=trunk.implicit,
        )
        self._table.put(binding)
        self._sources[trunk.flow.key] = trunk.flow
        self._by_aor[address_of_record(trunk.aor)] = binding
        self._by_address.setdefault(trunk.flow.remote, []).append(binding)
        self.all.append(binding)

    def by_token(self, token: str) -> Binding | None:
        return self._table.by_token(token)

    def covers(self, flow: Flow) -> bool:
        """Tell whether what comes on ``flow`` comes from a trunk."""
        return bool(self._sources) and source_of(flow.listener, flow.remote) in self._sources

    def for_request(self, request: Request, flow: Flow) -> Binding | None:
        """Return the trunk that a request from the access side belongs to: by where it comes from.

        Of several trunks at one address the one that P-Preferred-Identity or From names, as for UEs.
        """
        if not self._sources:
            return None
        source = self._sources.get(source_of(flow.listener, flow.remote))
        found = self._table.for_request(request, source) if source is not None else None
        if found is not None:
            found.restoring = False  # what a UE needs a REGISTER for, a trunk simply tries again
        return found

    def addressed(self, request: Request, *, ours: bool) -> Binding | None:
        """Return the trunk that a request of the core without a token in Route is for, None for none.

        By the Request-URI: host and port are those of its contact, and it stays as it is; or it is the
        address-of-record, or its user at an address of ours (``ours``), and becomes the contact (RFC 3261
        16.5).
        """
        if not self.all:
            return None
        uri = SipUri.parse(request.uri)
        if found := self._at_contact(uri):
            return found
        try:
            binding = self._by_aor.get(address_of_record(request.uri))
        except SipRefusal:
            return None
        if binding is None and ours and uri.user:
            binding = self._one_with(uri.user, self.all, lambda b: b.aor)
        if binding is not None:
            request.uri = binding.contact
        return binding

    def _at_contact(self, uri: SipUri) -> Binding | None:
        port = 5061 if (uri.param("transport") or "").lower() == "tls" else 5060
        at = self._by_address.get((uri.host, uri.port or port), [])
        if len(at) == 1:
            return at[0]
        return self._one_with(uri.user, at, lambda b: b.contact) if uri.user else None

    def _one_with(self, user: str, among: list[Binding], uri_of: Callable[[Binding], str]) -> Binding | None:
        found = [binding for binding in among if SipUri.parse(uri_of(binding)).user == user]
        return found[0] if len(found) == 1 else None
