"""REGISTER through the edge (TS 24.229 5.2.2): the edits in both directions, and what the 200 changes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Listener
from pcscf.proxy.charging import Charging
from pcscf.proxy.trust import UNTRUSTED, strip_claims, strip_for_ue
from pcscf.ratelimit import source_of
from pcscf.registration.agreements import Agreements
from pcscf.registration.authorization import credentials, integrity_protected, mark_integrity, remove_aka_keys
from pcscf.registration.bindings import MAX_CONTACTS, Binding, Bindings
from pcscf.registration.contacts import Contact, granted, requested
from pcscf.registration.identities import address_of_record, identities_in
from pcscf.registration.outbound import announce_flow_timer, answer_keep, uses_outbound
from pcscf.registration.path import flow_token, is_ours, path_value
from pcscf.registration.security_agreement import (
    TLS_TRANSPORTS,
    media_list,
    network_mechanisms,
    parse_offer,
    signalling_mechanisms,
    strip_agreement_tags,
)
from pcscf.registration.signalling_agreement import check_demanded, check_signalling
from pcscf.registration.trunks import Trunk, Trunks
from pcscf.sip.headers import NameAddr, has_option_tag
from pcscf.sip.message import Request, Response

#: A UE registers to the I-CSCF of its home domain: it has no say in Route, nor in Path.
_REPLACED = UNTRUSTED | {"route", "path"}
#: Of a 503 for want of room: bindings run out, and UEs leave (RFC 3261 21.5.4), in seconds.
_RETRY_AFTER = (("Retry-After", "30"),)


@dataclass(frozen=True, slots=True)
class RegistrarSettings:
    """core: the listener that Path names. visited_network: its name, for P-Visited-Network-ID and charging.
    secret: random octets of this process, for flow tokens. mechanisms: media security as configured, in
    the order of Security-Server. strict_verify: a missing Security-Verify is 494. require: option tags of the
    agreements that a UE has to start. tls: a listener serves the signalling mechanism of that name.
    max_bindings: of all sources; max_bindings_per_source: of one, and as many emergency registrations.
    """

    core: Listener
    visited_network: str
    secret: bytes = field(repr=False)
    mechanisms: tuple[str, ...] = ()
    strict_verify: bool = False
    require: tuple[str, ...] = ()
    tls: bool = False
    max_bindings: int = 100_000
    max_bindings_per_source: int = 10_000


@dataclass(slots=True)
class PendingRegistration:
    """A REGISTER on its way: what its final response needs. contacts empty: a query.

    everything: ``Contact: *``. outbound: the UE asks for RFC 5626. media: mechanisms that the UE announced
    (M). server: values of Security-Server for 401 and 200. After the response: bindings ``installed`` (of
    which so many were ``refreshed``), ``removed``, and ``moved``, the old ones of contacts that are now on
    another flow.
    """

    flow: Flow
    aor: str
    impi: str
    contacts: list[Contact]
    everything: bool
    token: str
    path: str
    outbound: bool
    media: frozenset[str]
    network: tuple[str, ...]
    server: tuple[str, ...]
    installed: list[Binding] = field(default_factory=list)
    refreshed: int = 0
    removed: list[Binding] = field(default_factory=list)
    moved: list[Binding] = field(default_factory=list)


class Registrar:
    """The bindings of this P-CSCF and the REGISTER transactions that change them."""

    def __init__(self, settings: RegistrarSettings, trunks: Iterable[Trunk] = ()) -> None:
        self.settings = settings
        self.bindings = Bindings()
        self.trunks = Trunks(trunks, settings.core, self.network)
        self._agreements = Agreements()
        self._announced: dict[Listener, frozenset[str]] = {}
        self._charging = Charging(settings.core.host, settings.visited_network)

    def network(self, listener: Listener) -> tuple[str, ...]:
        """Return the media mechanisms that are announced on ``listener``."""
        return network_mechanisms(listener, self.settings.mechanisms)

    def announce(self, mechanisms: tuple[str, ...]) -> None:
        """Announce these from now on; what bindings agreed on stays until their next REGISTER."""
        self.settings = replace(self.settings, mechanisms=mechanisms)
        self._announced.clear()

    def announced_on(self, listener: Listener) -> frozenset[str]:
        """Return the same as a set, one for all calls of the listener."""
        if (found := self._announced.get(listener)) is None:
            found = self._announced[listener] = frozenset(self.network(listener))
        return found

    def had_token(self, token: str) -> bool:
        """Tell whether the user part of one of our Path URIs is ``token``, now or before its flow ended."""
        return is_ours(self.settings.secret, token)

    def sender(self, request: Request, flow: Flow) -> Binding | None:
        """Return the binding or trunk that a request from the access side belongs to, None for none (403)."""
        return self.bindings.for_request(request, flow) or self.trunks.for_request(request, flow)

    def by_token(self, token: str, contact: str | None = None) -> Binding | None:
        """Return the binding or trunk that a token of Path or Route leads to."""
        return self.bindings.by_token(token, contact) or self.trunks.by_token(token)

    def to_core(
        self, request: Request, flow: Flow, now: float, random: Callable[[int], bytes]
    ) -> tuple[Request, PendingRegistration]:
        """Return a REGISTER of a UE as it goes to the core, and what its response needs.

        Via, Max-Forwards and the next hop are not done here. now: monotonic seconds.
        Raises SipRefusal: 494 of the security agreement, 400, 503 where the table is full.
        """
        settings, listener = self.settings, flow.listener
        to = identities_in(request, "to")
        if not to:
            raise SipRefusal("To cannot be read")
        aor = address_of_record(to[0])
        contacts, everything = requested(request)
        found = [self.bindings.find(aor, c.uri, c.instance, c.reg_id) for c in contacts]
        self._check_room(aor, flow, contacts, found)

        network = self.network(listener)
        offer = parse_offer(request)
        announced = media_list(network)
        uses = announced if offer.media or offer.verify else ()
        check_signalling(offer, listener, uses, tls_elsewhere=settings.tls)
        if any(contact.expires for contact in contacts):
            check_demanded(offer, listener, announced, settings.require)
        named = offer.signalling.union(entry.name for entry in offer.repeated)
        signalling = tuple(name for name in signalling_mechanisms(listener) if name in named)
        known = next((b for b in found if b is not None and b.flow.key == flow.key), None)
        media = self._agreements.settle(
            offer, network, signalling + announced, (flow.key, aor),
            before=known.negotiated if known else None, now=now, strict=settings.strict_verify,
        )  # fmt: skip

        auth = credentials(request)
        impi = auth.username if auth and auth.username else aor.partition(":")[2]
        first = contacts[0] if contacts else None
        token = known.token if known else flow_token(settings.secret, aor, first.key if first else "", flow)
        outbound = uses_outbound(request, first)
        path = path_value(settings.core, token, outbound=outbound)

        edited = self._edited(request, listener, path, random)
        if auth is not None:
            registered = any(b.flow.key == flow.key and b.impi == impi for b in self.bindings.of(aor))
            mark_integrity(edited, integrity_protected(auth, listener.transport, registered=registered))
        server = signalling + (announced if media else ())
        return edited, PendingRegistration(
            flow, aor, impi, contacts, everything, token, path, outbound, media, network, server
        )  # fmt: skip

    def _edited(
        self, request: Request, listener: Listener, path: str, random: Callable[[int], bytes]
    ) -> Request:
        settings = self.settings
        fields = [f for f in request.fields if f[0] not in _REPLACED]
        edited = Request(request.method, request.uri, fields, request.body, request.version)
        strip_agreement_tags(edited)
        if listener.transport in TLS_TRANSPORTS:
            strip_claims(edited)
        else:  # nothing protects what it says
            edited.remove("p-access-network-info")
        if not has_option_tag(edited, "Require", "path"):
            edited.replace_values("Require", [*edited.values("require"), "path"])
        edited.append("Path", path)
        edited.append("P-Visited-Network-ID", f'"{settings.visited_network}"')
        edited.append("P-Charging-Vector", self._charging.new(random))
        return edited

    def _check_room(self, aor: str, flow: Flow, contacts: list[Contact], found: list[Binding | None]) -> None:
        added = sum(b is None and c.expires > 0 for b, c in zip(found, contacts, strict=True))
        if added and len(self.bindings) + added > self.settings.max_bindings:
            raise SipRefusal("no room for another binding", status=503, headers=_RETRY_AFTER)
        if added and len(self.bindings.of(aor)) + added > MAX_CONTACTS:
            raise SipRefusal("too many contacts", status=503, headers=_RETRY_AFTER)
        if self.trunks.covers(flow):
            return
        source, most = source_of(flow.remote[0]), self.settings.max_bindings_per_source
        for emergency in (False, True):  # others do not keep these out
            news = sum(
                c.expires > 0
                and c.emergency is emergency
                and (b is None or source_of(b.flow.remote[0]) != source)
                for b, c in zip(found, contacts, strict=True)
            )
            if news and self.bindings.of_source(source, emergency=emergency) + news > most:
                raise SipRefusal("too many bindings of one source", status=503, headers=_RETRY_AFTER)

    def from_core(self, pending: PendingRegistration, response: Response, now: float) -> Response:
        """Return a response of the core as it goes to the UE; a 2xx changes the bindings.

        Other final responses leave the bindings and their capability as they are.
        """
        edited = response.copy()
        strip_for_ue(edited)
        edited.remove("path")
        if edited.status == 401:
            remove_aka_keys(edited)
            self._agreements.announce((pending.flow.key, pending.aor), pending.media, now)
        elif 200 <= edited.status < 300:
            self._agreements.forget((pending.flow.key, pending.aor))
            self._change(pending, response, now)
            announce_flow_timer(edited, pending.flow.listener, asked=pending.outbound)
        else:
            return edited
        answer_keep(edited, pending.flow.listener)
        edited.fields += [("security-server", f"Security-Server: {value}") for value in pending.server]
        return edited

    def _change(self, pending: PendingRegistration, response: Response, now: float) -> None:
        """Bring the bindings to what a 2xx says: install, refresh, move or remove."""
        if pending.everything:
            pending.removed = self.bindings.of(pending.aor) or [
                binding for aor in self._registered_as(pending) for binding in self.bindings.of(aor)
            ]
            for gone in pending.removed:
                self.bindings.remove(gone)
            return
        route = response.values("service-route")
        associated = [uri for value in response.values("p-associated-uri") if (uri := _uri(value))]
        for contact in pending.contacts:
            expires = granted(contact, response)
            aors = [pending.aor, *(self._registered_as(pending) if expires == 0 else ())]
            found = (self.bindings.find(a, contact.uri, contact.instance, contact.reg_id) for a in aors)
            binding = next((one for one in found if one is not None), None)
            if binding is not None:
                self.bindings.remove(binding)
                if expires == 0:
                    pending.removed.append(binding)
                elif binding.flow.key != pending.flow.key:
                    pending.moved.append(binding)
                    binding = None
            if expires == 0 or pending.flow.closed:
                continue
            if binding is None:
                binding = Binding(pending.aor, contact.uri, pending.flow, pending.token)
            else:
                pending.refreshed += 1
            _fill(binding, pending, contact, now + expires)
            binding.service_route = route
            binding.associated = associated or [pending.aor]
            self.bindings.put(binding)
            pending.installed.append(binding)

    def _registered_as(self, pending: PendingRegistration) -> list[str]:
        """Return what else the identity of a REGISTER is registered as on its flow, by implicit registration.

        De-registration of one identity is that of its whole set (24.229 5.2.5.1).
        """
        on_flow = self.bindings.on_flow(pending.flow.key)
        return list(dict.fromkeys(b.aor for b in on_flow if b.aor != pending.aor and b.identity(pending.aor)))


def _fill(binding: Binding, pending: PendingRegistration, contact: Contact, expires_at: float) -> None:
    binding.contact, binding.instance, binding.reg_id = contact.uri, contact.instance, contact.reg_id
    binding.token, binding.path, binding.impi = pending.token, pending.path, pending.impi
    binding.expires_at = expires_at
    binding.restoring = False
    binding.negotiated = pending.media
    binding.announced = pending.media | pending.flow.listener.assume
    binding.implicit = not pending.media and bool(pending.flow.listener.assume)  # it knows of no a=3ge2ae
    binding.mechanisms = binding.announced.intersection(pending.network)


def _uri(value: str) -> str | None:
    try:
        return NameAddr.parse(value).uri
    except SipRefusal:
        return None
