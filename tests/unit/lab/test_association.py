"""A DTLS association on the loop, where datagrams get lost."""

import asyncio
from collections.abc import Callable

from lab.association import Association
from lab.dtls import DtlsEnd
from lab.identity import Identity

ME, IT = Identity(), Identity()


class Line:
    """Two ends on a line that swallows the first datagrams from each side."""

    def __init__(self, lost: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._lost = {True: lost, False: lost}
        self.heard: dict[bool, list[bytes]] = {True: [], False: []}
        self.stood: list[bool] = []
        # The client's first flight is on its way before there is a server: the loop carries it later.
        self.ends = {client: self._end(client) for client in (True, False)}

    def _end(self, client: bool) -> Association:
        identity, peer = (ME, IT) if client else (IT, ME)
        end = DtlsEnd(identity, (peer.fingerprint,), set(), client=client)
        emit, take = self._emit(client), self.heard[client].append
        return Association(end, emit, take, lambda: self.stood.append(client))

    def _emit(self, client: bool) -> Callable[[bytes], object]:
        def emit(datagram: bytes) -> None:
            if self._lost[client]:
                self._lost[client] -= 1
            else:
                self._loop.call_soon(lambda: self.ends[not client].receive(datagram))

        return emit


async def test_lost_flights_are_sent_again() -> None:
    line = Line(lost=1)
    assert await asyncio.gather(*(end.up() for end in line.ends.values())) == ["", ""]
    line.ends[True].send(b"a page")
    line.ends[False].send(b"confirmed")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert line.heard == {True: [b"confirmed"], False: [b"a page"]}
    assert sorted(line.stood) == [False, True]
    for end in line.ends.values():
        end.close()


async def test_nobody_there_is_told_in_time() -> None:
    line = Line(lost=1000)
    assert await line.ends[True].up(0.01) == "no DTLS handshake within 0.01 s"
    line.ends[True].close()
    assert await line.ends[True].up() == "DTLS: closed"
    assert line.stood == []
    line.ends[False].close()
