"""Fax calls through real pcscf and agw: T.38 by UDPTL under DTLS on the UE's side, plain in the core. OpenSSL
is the UE's DTLS; pages lose packets on their way to the gateway, and redundancy brings them back."""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pcscf.sdp.model import Media
from tests.support.certificates import Files, issue
from tests.support.media_call import Calling, calling, where
from tests.support.media_peer import LOOPBACK, Peer, crypto, free_port, rtp
from tests.support.openssl import DTLS, Openssl, client, fingerprint, server
from tests.support.programs import need
from tests.support.srtp_reference import Reference
from tests.support.udptl import Receiver, datagrams, page

pytestmark = pytest.mark.interop

ROLES = pytest.mark.parametrize("role", ["active", "passive"])
CM = "AES_CM_128_HMAC_SHA1_80"
REQUEST = "a=3ge2ae:requested"
T38 = "a=T38FaxVersion:0\na=T38FaxUdpEC:t38UDPRedundancy"
OWN = crypto(CM, 1)
KEY = b64encode(OWN.key.octets).decode()
LOST = frozenset({2, 7, 8, 15, 20})


@pytest.fixture
async def line() -> AsyncIterator[Calling]:
    need("openssl")
    async with calling() as made:
        yield made


@pytest.fixture
def far() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


def of_ue_fax(port: int, setup: str, files: Files) -> str:
    announced = f"a=fingerprint:{fingerprint(files.certificate).text}"
    return f"m=image {port} UDP/TLS/UDPTL t38\n{T38}\na=setup:{setup}\n{announced}\n{REQUEST}"


def of_core(far: Peer) -> str:
    return f"m=image {far.endpoint.port} udptl t38\n{T38}"


async def fax(ue: Openssl, far: Peer, to_core: tuple[str, int]) -> None:
    """A page each way. One packet after the other: what is read of a pipe at once would be one record."""
    packets = page()
    sent = [one for number, one in enumerate(datagrams(packets)) if number not in LOST]
    here, there = Receiver(), Receiver()
    for one in sent:
        ue.write(one)
        there.take(await far.receive())
        far.send(one, to_core)
        here.take(await ue.receive(len(one)))
    for receiver in (here, there):
        assert receiver.datagrams == len(packets) - len(LOST)
        assert receiver.page == packets


async def secured(stack: AsyncExitStack, files: Files, role: str, to: tuple[str, int], port: int) -> Openssl:
    """The UE's DTLS, which begins, or waits at ``port``."""
    if role == "passive":
        return await stack.enter_async_context(server(port, files, DTLS, "-quiet"))
    bind = ("-bind", f"{LOOPBACK}:{port}")
    return await stack.enter_async_context(client(to, files, DTLS, "-quiet", *bind))


@ROLES
@pytest.mark.parametrize("of_caller", [True, False], ids=["the UE calls", "the UE is called"])
async def test_a_fax(line: Calling, far: Peer, tmp_path: Path, role: str, of_caller: bool) -> None:
    files, port = issue(tmp_path, "ue"), free_port()
    mine, its = line.ue.describe(of_ue_fax(port, role, files)), line.core.describe(of_core(far))
    async with AsyncExitStack() as stack:
        if role == "passive":
            ue = await secured(stack, files, role, ("", 0), port)
        agreed = await (line.call(mine, its) if of_caller else line.call(its, mine, of_ue=False))
        to_ue, to_far = (agreed.caller, agreed.callee) if of_caller else (agreed.callee, agreed.caller)
        assert [one.proto for one in (*to_ue, *to_far)] == ["UDP/TLS/UDPTL", "udptl"]
        if role == "active":
            ue = await secured(stack, files, role, where(to_ue[0]), port)
        await line.counted("agw_dtls_handshakes_total", 1, result="ok")
        await fax(ue, far, where(to_far[0]))
        await line.hang_up(of_ue=of_caller)


async def speaks(ue: Peer, far: Peer, to_ue: Media, to_far: Media, first: int = 0) -> None:
    """SRTP by SDES on the UE's side."""
    key = b64decode((to_ue.first("crypto") or "").partition("inline:")[2])
    for number in range(first, first + 3):
        ue.send(Reference(CM, OWN.key.octets).protect(rtp(number)), where(to_ue))
        assert await far.receive() == rtp(number)
        far.send(rtp(number), where(to_far))
        assert Reference(CM, key).unprotect(await ue.receive()) == rtp(number)


async def test_speech_goes_on_where_a_fax_is_refused(line: Calling, far: Peer) -> None:
    phone = Peer()
    audio = f"m=audio {phone.endpoint.port} RTP/SAVP 8\na=crypto:1 {CM} inline:{KEY}\n{REQUEST}"
    plain = f"m=audio {far.endpoint.port} RTP/AVP 8"
    try:
        agreed = await line.call(line.core.describe(plain), line.ue.describe(audio), of_ue=False)
        await speaks(phone, far, agreed.callee[0], agreed.caller[0])
        await line.refused(line.core.describe("m=audio 0 RTP/AVP 8", of_core(far)), 488, of_ue=False)
        await speaks(phone, far, agreed.callee[0], agreed.caller[0], 3)
        assert await line.net.metric("agw", "agw_ports") == 2
        await line.hang_up(of_ue=False)
    finally:
        phone.close()


@pytest.mark.parametrize("same_line", [True, False], ids=["in its place", "in another m-line"])
@pytest.mark.parametrize("of_ue", [True, False], ids=["the UE changes it", "the far end changes it"])
async def test_a_fax_in_a_call(
    line: Calling, far: Peer, tmp_path: Path, same_line: bool, of_ue: bool
) -> None:
    """Both speak, then fax, then speak again."""
    files, port, phone = issue(tmp_path, "ue"), free_port(), Peer()
    audio = f"m=audio {phone.endpoint.port} RTP/SAVP 8\na=crypto:1 {CM} inline:{KEY}\n{REQUEST}"
    plain = f"m=audio {far.endpoint.port} RTP/AVP 8"

    async def agree(mine: list[str], its: list[str]) -> tuple[list[Media], list[Media]]:
        """What the UE and what the far end are told."""
        said = line.ue.describe(*mine), line.core.describe(*its)
        offer, answer = said if of_ue else said[::-1]
        if line.ue.dialog is None:
            agreed = await line.call(offer, answer, of_ue=of_ue)
        else:
            agreed = await line.reoffer(offer, answer, of_ue=of_ue)
        return (agreed.caller, agreed.callee) if of_ue else (agreed.callee, agreed.caller)

    async with AsyncExitStack() as stack:
        stack.callback(phone.close)
        to_ue, to_far = await agree([audio], [plain])
        await speaks(phone, far, to_ue[0], to_far[0])
        mine, its = [of_ue_fax(port, "active", files)], [of_core(far)]
        if same_line:
            to_ue, to_far = await agree(mine, its)
        else:
            to_ue, to_far = await agree(["m=audio 0 RTP/SAVP 8", *mine], ["m=audio 0 RTP/AVP 8", *its])
        assert [media.port for media in to_ue[:-1]] == [0] * (not same_line)
        assert await line.net.metric("agw", "agw_ports") == 2, "those of the audio are free"
        ue = await secured(stack, files, "active", where(to_ue[-1]), port)
        await line.counted("agw_dtls_handshakes_total", 1, result="ok")
        await fax(ue, far, where(to_far[-1]))
        if same_line:
            to_ue, to_far = await agree([audio], [plain])
        else:
            gone = ["m=image 0 UDP/TLS/UDPTL t38"], ["m=image 0 udptl t38"]
            to_ue, to_far = await agree([audio, *gone[0]], [plain, *gone[1]])
        await speaks(phone, far, to_ue[0], to_far[0])
        await line.hang_up(of_ue=of_ue)
