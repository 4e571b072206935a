"""Two baresips that know DTLS-SRTP and no mediasec call each other; it ends at the edge."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.interop.test_baresip_pairs import Access, Pair, decided, media_is
from tests.support.audio import PROTECTED_SPEECH, SPEECH
from tests.support.baresip import Baresip, baresip
from tests.support.capture import Capture
from tests.support.edge import PASSWORD, aor, network
from tests.support.programs import need

pytestmark = pytest.mark.interop

DTLS = ["dtls-srtp"]


@pytest.fixture(autouse=True)
def _peers() -> None:
    need("baresip", "dumpcap", "tshark", root=True)


class DtlsAccess(Access):
    """A listener whose phones count as having announced DTLS-SRTP; Gm need not be confidential for it."""

    def edit(self, settings: dict[str, Any]) -> None:
        super().edit(settings)
        settings["access"]["listen"][0].pop("confidential", None)
        settings.setdefault("media_security", {})["mechanisms"] = DTLS

    def phone(self, user: str) -> AbstractAsyncContextManager[Baresip]:
        return baresip(self._directory, aor(user), PASSWORD, self._target, "dtls_srtp")


@asynccontextmanager
async def pair_of(directory: Path) -> AsyncIterator[Pair]:
    access = DtlsAccess(directory, "udp", DTLS)
    async with AsyncExitStack() as stack:
        core = {"relay": False, "end_to_end": False}
        net = await stack.enter_async_context(network(core=core, edit_pcscf=access.edit))
        wire = await stack.enter_async_context(Capture(directory, f"udp or tcp port {net.edge.core.port}"))
        phones = [await stack.enter_async_context(access.phone(user)) for user in ("alice", "bob")]
        for phone in phones:
            await phone.registered()
        yield Pair(net, *phones, phones, wire)


async def test_dtls_srtp_ends_at_the_edge(tmp_path: Path) -> None:
    """Each leg has an association of its own, and in the core is plain RTP that anybody can hear."""
    async with pair_of(tmp_path) as pair:
        await pair.establish()
        await pair.end()
        assert await decided(pair.net) == {"e2ae": 2}
        near, far = pair.near(), [text for _, text in await pair.far()]
        for text in near:
            assert "UDP/TLS/RTP/SAVP" in text
            assert "a=fingerprint:" in text
            assert "crypto:" not in text
        for text in far:
            assert "RTP/AVP" in text
            assert not re.search("fingerprint|setup|tls-id|3ge2ae", text)
        # Two phones, and a certificate of the gateway for each of them.
        assert len({value.upper() for text in near for value in re.findall("a=fingerprint:(.*)", text)}) == 4
        await media_is(pair, near, PROTECTED_SPEECH, 4)
        await media_is(pair, far, SPEECH, 2)
