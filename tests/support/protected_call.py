"""A call whose access leg is SRTP, between an engine and an independent SRTP."""

import pytest

from agw.engine.api import Leg, Transform
from iq.suites import Crypto
from tests.support.media_peer import Relay, crypto
from tests.support.srtp_reference import Reference

CM = "AES_CM_128_HMAC_SHA1_80"


class ProtectedCall:
    """A relay whose access leg is SRTP. ue: protects as the UE does; gateway: checks what the UE gets."""

    def __init__(self, relay: Relay, suite: str = CM, mki: tuple[int, int] | None = None) -> None:
        if suite not in relay.engine.abilities.suites:
            pytest.skip(f"{suite} cannot be done by the {relay.engine.abilities.name} engine")
        self.relay = relay
        self.suite = suite
        self.mki = mki[0].to_bytes(mki[1], "big") if mki is not None else b""
        self.keys = crypto(suite, 1), crypto(suite, 100, mki)
        self.gateway = Reference(suite, self.keys[0].key.octets)
        self.ue = Reference(suite, self.keys[1].key.octets)
        self.edit()

    def edit(
        self, *, send: Crypto | None = None, receive: Crypto | None = None, rtcp_mux: bool = False
    ) -> None:
        self.edit_leg(send or self.keys[0], receive or self.keys[1], rtcp_mux)

    def edit_leg(self, send: Crypto | None, receive: Crypto | None, rtcp_mux: bool = False) -> None:
        self.access_leg = Leg(
            Transform.SRTP, send, receive, True, True, self.relay.ue.endpoint, True, rtcp_mux=rtcp_mux
        )
        core = Leg(Transform.NONE, None, None, True, True, self.relay.far.endpoint)
        self.relay.edit(self.access_leg, core)

    def send(self, packet: bytes, roc: int = 0) -> None:
        self.relay.from_ue(self.ue.protect(packet, roc, self.mki))
