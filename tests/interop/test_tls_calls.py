"""Calls with MSRP whose TLS ends at the edge: real pcscf and agw, OpenSSL as the UE's TLS, ends that compare
whole URIs."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from iq.fingerprint import read_fingerprint
from tests.support.certificates import Files, issue
from tests.support.media_call import Agreed, Calling, calling, where
from tests.support.media_peer import LOOPBACK, free_port
from tests.support.msrp_ends import Strict, converse
from tests.support.openssl import Openssl, client, fingerprint, server
from tests.support.programs import need
from tests.support.tcp_media import End

pytestmark = pytest.mark.interop

CALLERS = pytest.mark.parametrize("of_ue", [True, False], ids=["the UE calls", "the UE is called"])


@dataclass
class Talk:
    """A session of MSRP between the UE and the core's end. setup: of the UE, whose TLS follows TCP."""

    line: Calling
    files: Files
    setup: str = "active"
    far: End = field(default_factory=End)
    port: int = field(default_factory=free_port)

    @property
    def paths(self) -> tuple[str, str]:
        at = self.far.endpoint.port
        return f"msrps://{LOOPBACK}:{self.port}/ue;tcp", f"msrp://{LOOPBACK}:{at}/far;tcp"

    def offered(self, connection: str) -> tuple[bytes, bytes]:
        """What the UE and what the far end say."""
        mine, its = self.paths
        other = "passive" if self.setup == "active" else "active"
        ue = (
            f"m=message {self.port} TCP/TLS/MSRP *\na=accept-types:*\na=path:{mine}\na=setup:{self.setup}\n"
            f"a=connection:{connection}\na=3ge2ae:requested\n"
            f"a=fingerprint:{fingerprint(self.files.certificate).text}"
        )
        far = (
            f"m=message {self.far.endpoint.port} TCP/MSRP *\na=accept-types:*\na=path:{its}\n"
            f"a=setup:{other}\na=connection:{connection}"
        )
        return self.line.ue.describe(ue), self.line.core.describe(far)

    async def begin(self, *, of_ue: bool) -> Agreed:
        ue, far = self.offered("new")
        return self._told(
            await (self.line.call(ue, far) if of_ue else self.line.call(far, ue, of_ue=False)), of_ue
        )

    async def again(self, connection: str, *, of_ue: bool = True) -> Agreed:
        ue, far = self.offered(connection)
        call = self.line.reoffer(ue, far) if of_ue else self.line.reoffer(far, ue, of_ue=False)
        return self._told(await call, of_ue)

    def _told(self, agreed: Agreed, of_ue: bool) -> Agreed:
        [to_ue], [to_far] = (agreed.caller, agreed.callee) if of_ue else (agreed.callee, agreed.caller)
        assert (to_ue.proto, to_far.proto) == ("TCP/TLS/MSRP", "TCP/MSRP")
        assert not {"fingerprint", "3ge2ae"} & set(to_far.attributes)
        self.to_ue, self.to_far = to_ue, to_far
        return agreed

    async def converses(self, ue: Openssl) -> None:
        """A message in chunks each way, with answers and reports."""
        mine, its = self.paths
        one = Strict(ue, mine, self.to_ue.first("path") or "")
        other = Strict(self.far, its, self.to_far.first("path") or "")
        await converse(one, other)
        await converse(other, one)


@pytest.fixture
async def line() -> AsyncIterator[Calling]:
    need("openssl")
    async with calling("msrp-tls") as made:
        yield made


@contextlib.asynccontextmanager
async def talking(line: Calling, directory: Path, setup: str) -> AsyncIterator[Talk]:
    talk = Talk(line, issue(directory, "ue"), setup)
    with contextlib.closing(talk.far):
        yield talk


@CALLERS
async def test_a_ue_that_connects(line: Calling, tmp_path: Path, of_ue: bool) -> None:
    """Who connects begins TLS (RFC 6135), whoever called."""
    async with talking(line, tmp_path, "active") as talk:
        await talk.begin(of_ue=of_ue)
        assert talk.to_ue.first("setup") == "passive"
        async with client(where(talk.to_ue), talk.files, "-quiet") as ue:
            await talk.far.accept()
            await talk.converses(ue)
        await line.hang_up(of_ue=of_ue)
        record = await line.net.edge.pcscf.wait_for(lambda event: event.get("event") == "call", 10)
        assert [one["decision"] for one in record["media"]] == ["e2ae"]


@CALLERS
async def test_a_ue_that_waits(line: Calling, tmp_path: Path, of_ue: bool) -> None:
    async with (
        talking(line, tmp_path, "passive") as talk,
        server(talk.port, talk.files, "-quiet") as ue,
    ):
        await talk.begin(of_ue=of_ue)
        await talk.far.connect(where(talk.to_far))
        await talk.converses(ue)
        await line.hang_up(of_ue=of_ue)


async def test_the_certificate_is_that_of_the_sdp(line: Calling, tmp_path: Path) -> None:
    async with talking(line, tmp_path, "active") as talk:
        await talk.begin(of_ue=True)
        async with client(where(talk.to_ue), talk.files) as ue:
            await talk.far.accept()
            talk.far.finish()
            await ue.ended()
        assert ue.sees == read_fingerprint(talk.to_ue.first("fingerprint") or "")
        await line.hang_up()


async def test_an_offer_in_the_session_keeps_tls_or_renews_it(line: Calling, tmp_path: Path) -> None:
    """a=connection:existing keeps the connection, of either end's offer; new makes one that takes its place
    when it is up; another certificate of the UE is a new stream with one of the gateway's, too."""
    async with talking(line, tmp_path, "active") as talk, contextlib.AsyncExitStack() as stack:
        await talk.begin(of_ue=True)
        first = talk.to_ue
        ue = await stack.enter_async_context(client(where(first), talk.files, "-quiet"))
        await talk.far.accept()
        await talk.converses(ue)
        for of_ue in (True, False):
            await talk.again("existing", of_ue=of_ue)
            assert (where(talk.to_ue), talk.to_ue.first("fingerprint")) == (
                where(first), first.first("fingerprint")
            )  # fmt: skip
            await talk.converses(ue)
        await talk.again("new")
        assert where(talk.to_ue) == where(first)
        old = talk.far.connection
        other = await stack.enter_async_context(client(where(talk.to_ue), talk.files, "-quiet"))
        await talk.far.accept()
        old.close()
        assert await ue.ended() == 0
        await talk.converses(other)
        talk.files = issue(tmp_path, "other")
        await talk.again("new")
        assert where(talk.to_ue) != where(first)
        assert talk.to_ue.first("fingerprint") != first.first("fingerprint")
        old = talk.far.connection
        third = await stack.enter_async_context(client(where(talk.to_ue), talk.files, "-quiet"))
        await talk.far.accept()
        old.close()
        await talk.converses(third)
        await line.hang_up()


async def test_a_connection_that_breaks_is_made_anew(line: Calling, tmp_path: Path) -> None:
    """The call goes on without it, and a re-INVITE brings another one (RFC 4145 5)."""
    async with talking(line, tmp_path, "active") as talk:
        await talk.begin(of_ue=True)
        async with client(where(talk.to_ue), talk.files, "-quiet") as ue:
            await talk.far.accept()
            await talk.converses(ue)
            ue.process.kill()
            await talk.far.end()
            talk.far.connection.close()
        await talk.again("new")
        async with client(where(talk.to_ue), talk.files, "-quiet") as ue:
            await talk.far.accept()
            await talk.converses(ue)
            assert await line.net.metric("pcscf", "pcscf_media_events_total", event="connection_ended") >= 1
            await line.hang_up()


async def test_a_far_end_that_is_not_there(line: Calling, tmp_path: Path) -> None:
    """The UE proves itself, and then nobody is reached in the core."""
    async with talking(line, tmp_path, "active") as talk:
        await talk.begin(of_ue=True)
        talk.far.listener.close()
        async with client(where(talk.to_ue), talk.files) as ue:
            assert await line.hung_up() == ['SIP;cause=503;text="the media is lost"'] * 2
            await ue.ended()
        assert await line.net.metric("agw", "agw_tcp_events_total", event="tls_failed") == 0


async def test_a_ue_with_another_certificate_is_hung_up(line: Calling, tmp_path: Path) -> None:
    async with talking(line, tmp_path, "active") as talk:
        await talk.begin(of_ue=True)
        async with client(where(talk.to_ue), issue(tmp_path, "another")) as ue:
            assert await line.hung_up() == ['SIP;cause=500;text="media security failure"'] * 2
            await ue.ended()
        assert talk.far.sock is None
        told = await line.net.edge.agw.wait_for(lambda one: one["event"] == "media security failed", 10)
        assert told["cause"] == "fingerprint mismatch"
