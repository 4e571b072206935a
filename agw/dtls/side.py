"""One port whose DTLS ends here: its associations, and the way of what comes out of them."""

import ipaddress
from collections.abc import Callable

from agw.dtls.api import DtlsLeg, Keys, Passed, Report
from agw.dtls.association import Association, Common
from agw.dtls.udptl import is_sound
from agw.engine.api import Address, Counters, Datagram, PortId
from agw.security.api import Security
from iq.procedures import Change, Endpoint, SecurityCause
from iq.suites import Crypto

_MEDIA = frozenset({21, 23})
"""Records that no handshake begins with: alerts, and data of an association that stands."""
_HANDSHAKE = 22


class Group:
    """The associations of one ``security``."""

    def __init__(self, security: Security, associations: list[Association]) -> None:
        self.security = security
        self.associations = associations

    @property
    def stands(self) -> bool:
        return any(one.up for one in self.associations)

    def close(self) -> None:
        for one in self.associations:
            one.close()

    def of(self, rtcp: bool) -> Association | None:
        for one in self.associations:
            if one.rtcp is rtcp:
                return one
        return None


class Side:
    """out: datagrams that wait to be sent; told: reports; rekeyed: ``keys`` have changed. ``settle`` takes
    them.

    While an association is renewed the one before serves, and comes back where the change is taken back.
    """

    def __init__(
        self,
        common: Common,
        port: PortId,
        leg: DtlsLeg,
        settle: "Callable[[Side], None]",
        latched: Callable[[PortId], Address | None],
    ) -> None:
        """settle: take what there is; latched: where a port sends to that latches."""
        self.port = port
        self.leg = leg
        self.passed = Passed(Counters())
        self.out: list[Datagram] = []
        self.told: list[Report] = []
        self.rekeyed = False
        self._common = common
        self._settle = settle
        self._latched = latched
        self._group: Group | None = None
        self._former: Group | None = None
        self._early: dict[bool, Datagram] = {}

    def edit(self, leg: DtlsLeg) -> None:
        self.leg = leg
        if leg.security.expected and (self._group is None or self._group.security != leg.security):
            self._renew(leg.security)
        self._complete()
        if self._group is not None and self._early:
            early, self._early = self._early, {}
            for datagram in early.values() if not leg.security.client else ():
                self.receive(datagram)

    def restart(self) -> None:
        """Begin anew what has failed or ended."""
        group = self._group
        if group is not None and any(one.over for one in group.associations):
            self.close()
            self._group, self._former = Group(group.security, []), None
            self._complete()

    def keys(self) -> Keys:
        send, receive = self._of(False) or (None, None)
        rtcp_send, rtcp_receive = self._of(True) or (None, None)
        remote = self._proved() if send is not None else None
        return Keys(send, receive, rtcp_send, rtcp_receive, remote)

    def close(self) -> None:
        for group in (self._group, self._former):
            if group is not None:
                group.close()

    def receive(self, datagram: Datagram) -> None:
        """From the peer, over the network."""
        source, data = datagram.address, datagram.data
        if not 20 <= data[0] <= 63:  # STUN: there is no ICE here
            self._common.tally["stun"] += 1
        elif not self._expects(source, datagram.rtcp):
            self._common.tally["source"] += 1
        elif self._group is None and data[0] == _HANDSHAKE:
            # The answer that says who this is may still be on its way; the peer would repeat its hello only
            # after a second (RFC 6347 4.2.4.1).
            self._early[datagram.rtcp] = datagram
        elif (association := self._serving(data, datagram.rtcp)) is None:
            self._common.tally["unexpected"] += 1
        else:
            association.receive(data, source)

    def protect(self, packet: bytes) -> bool:
        """From the far end, in the clear: to the peer. False: it has no association."""
        self._check(packet)
        for one in self._candidates(False):
            if one.send(packet):
                return True
        self._common.tally["unassociated"] += 1
        return False

    # Owner of associations

    def emit(self, association: Association, to: Address, datagrams: list[bytes]) -> None:
        self.out += [Datagram(self.port, to, data, association.rtcp) for data in datagrams]

    def established(self, association: Association) -> None:
        self.rekeyed = association.keys is not None

    def received(self, _association: Association, data: bytes) -> None:
        leg = self.leg
        if leg.srtp:
            self._common.tally["unexpected"] += 1  # SRTP alone carries media there (RFC 5764 3)
            return
        self._check(data)
        self.passed.last_activity = self._common.loop.time()
        if not leg.outwards:
            self._common.tally["gate"] += 1
        elif leg.far is None or (to := self._far_address(leg.far)) is None:
            self._common.tally["unjoined"] += 1
        else:
            self.passed.counters.packets += 1
            self.passed.counters.octets += len(data)
            self.out.append(Datagram(leg.far, to, data))

    def lost(self, association: Association, change: Change, cause: SecurityCause, detail: str) -> None:
        self.rekeyed = True
        if self._former is not None and association in self._former.associations:
            return  # its peer has left it; the present one counts
        if association.rtcp and cause in (SecurityCause.TIMEOUT, SecurityCause.CLOSED):
            return  # who sends no RTCP needs no association for it
        if self._group is not None:
            self._group.close()  # a stream is secure as a whole, or silent
        self.told.append(Report(self.port, change, cause, detail))

    def vouches(self, source: Address, rtcp: bool) -> bool:
        return self.leg.source is not None or source == self._remote(rtcp)

    def woken(self) -> None:
        self._settle(self)

    def _far_address(self, far: PortId) -> Address | None:
        remote = self.leg.far_remote
        if self.leg.far_latches:
            return self._latched(far)
        return None if remote is None else (remote.address, remote.port)

    def _check(self, packet: bytes) -> None:
        if not is_sound(packet):
            self._common.tally["unsound"] += 1

    def _renew(self, security: Security) -> None:
        present, former = self._group, self._former
        if present is not None and not present.stands:
            present.close()
            present = None
        if former is not None and former.security == security and former.stands:
            self._group, self._former = former, present
            return
        self._group = Group(security, [])
        if present is not None:
            if former is not None:
                former.close()
            self._former = present

    def _complete(self) -> None:
        """One association for each port that carries something; and where they go to."""
        group, leg = self._group, self.leg
        if group is None:
            return
        wanted = (False,) if leg.rtcp_mux or not leg.srtp else (False, True)
        for one in [one for one in group.associations if one.rtcp not in wanted]:
            group.associations.remove(one)
            one.close()
        for rtcp in wanted:
            if group.of(rtcp) is None:
                made = Association(self._common, self, group.security, rtcp=rtcp, srtp=leg.srtp)
                group.associations.append(made)
        for one in group.associations:
            one.aim(self._remote(one.rtcp))

    def _candidates(self, rtcp: bool) -> list[Association]:
        """The present association and, while it has not failed or ended, the one before."""
        groups = (self._group, self._former)
        found = [one for group in groups if group is not None and (one := group.of(rtcp)) is not None]
        return found[:1] if found and found[0].over else found

    def _of(self, rtcp: bool) -> tuple[Crypto, Crypto] | None:
        return next((one.keys for one in self._candidates(rtcp) if one.keys is not None), None)

    def _proved(self) -> Endpoint | None:
        """Where the peer is, by its associations."""
        media = next((one for one in self._candidates(False) if one.up), None)
        if media is None or media.address is None:
            return None
        control = next((one for one in self._candidates(True) if one.up), None)
        rtcp = control.address if control is not None else None
        host, port = media.address
        return Endpoint(host, port, rtcp[1] if rtcp is not None and rtcp[0] == host else None)

    def _serving(self, data: bytes, rtcp: bool) -> Association | None:
        """The present association; until it stands, the one before for what belongs to that."""
        found = self._candidates(rtcp)
        if len(found) > 1 and not found[0].up and data[0] in _MEDIA:
            return found[1]
        return found[0] if found else None

    def _remote(self, rtcp: bool) -> Address | None:
        remote = self.leg.remote
        if remote is None:
            return None
        return remote.address, (remote.rtcp_port or (remote.port + 1) & 0xFFFF) if rtcp else remote.port

    def _expects(self, source: Address, rtcp: bool) -> bool:
        """May the peer be there? As with media: without latching at Remote alone, else within the filter."""
        if not self.leg.latching:
            return source == self._remote(rtcp)
        wanted = self.leg.source
        return wanted is None or ipaddress.ip_address(source[0]) in ipaddress.ip_network(wanted, strict=False)
