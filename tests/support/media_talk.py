"""A session of the IMS-ALG whose plans a real gateway executes over a real Iq, for two ends with sockets."""

from typing import Protocol, Self

from iq.controller import Gateway
from pcscf.alg.policy import AccessProfile, MediaPolicy
from pcscf.alg.session import MediaSession, Plan
from pcscf.sdp.model import Media, Sdp
from tests.support.agw_process import Palg
from tests.support.media import Random


class Closes(Protocol):
    def close(self) -> None: ...


class MediaTalk:
    """One m-line. Who derives from it has ends; behind it they are closed and the session is released."""

    ue: Closes
    far: Closes

    def __init__(self, palg: Palg, gateway: Gateway, access: AccessProfile, policy: MediaPolicy) -> None:
        self.palg, self.gateway = palg, gateway
        self.session = MediaSession(policy, access, Random())

    async def step(self, plan: Plan) -> Media:
        """Execute a plan; return the m-line that goes out."""
        reply = await self.palg.act(self.gateway, plan.action) if plan.action is not None else None
        assert reply is None or reply.error is None
        [media] = Sdp.parse(self.session.complete(plan, reply)).media
        return media

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ue.close()
        self.far.close()
        if (release := self.session.release()) is not None:
            await self.palg.act(self.gateway, release)


def where(media: Media) -> tuple[str, int]:
    return media.address.host, media.port
