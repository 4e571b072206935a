"""A page of fax as a kind of media: T.38 by UDPTL, plain or under DTLS (ITU-T T.38, RFC 7345)."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from lab import ifp, kind, page, udptl
from lab.certified import Certified, Form
from lab.descriptions import Terms
from lab.dtls import APPLICATION_DATA, is_record
from lab.ifp import Ifp, Indicator
from lab.kind import Check, Kind, Media
from lab.secured import Secured
from lab.sockets import Address, drain, open_socket, transmit
from lab.t30 import State, Terminal

#: Seconds between two datagrams: those of a block of the page.
INTERVAL = 1 / page.RATE
#: Seconds without anything but silence until a terminal gives up: T2 (T.30 5.4.3.1).
T2 = 6.0
#: Datagrams behind the last packet of a terminal: they repeat it, whatever share of them is lost.
TAIL = 4 * (udptl.REDUNDANCY + 1)

_FORM = Form("image", "udptl", "UDP/TLS/UDPTL", ("t38",))
_ATTRIBUTES = (
    "T38FaxVersion:0",
    "T38MaxBitRate:14400",
    "T38FaxRateManagement:transferredTCF",
    "T38FaxMaxBuffer:2000",
    f"T38FaxMaxDatagram:{(udptl.REDUNDANCY + 1) * (page.BLOCK + 8)}",
    "T38FaxUdpEC:t38UDPRedundancy",
)


@dataclass(slots=True)
class Statistics(kind.Statistics):
    """What one terminal sent and saw: datagrams, but for ``exact`` and ``bad``: blocks of the page.

    Of who sends the page ``exact`` are those that the other terminal confirmed. withheld: not sent, as if
    the network had lost them; recovered, lost: packets out of a later datagram, and for good.
    """

    sends: bool = False
    state: str = State.READY
    withheld: int = 0
    recovered: int = 0
    lost: int = 0
    malformed: int = 0
    foreign: int = 0

    def problems(self, units: int) -> list[str]:
        found = []
        if self.state != State.DONE:
            found.append(f"the page was not {'confirmed' if self.sends else 'received'}: {self.state}")
        if self.exact < units:
            found.append(f"{self.exact} of {units} blocks of the page are right")
        names = ("bad", "malformed", "foreign")
        found += [f"{count} {name}" for name in names if (count := getattr(self, name))]
        if self.suite and self.clear:
            found.append(f"{self.clear} datagrams in clear on a protected leg")
        if not self.suite and self.opaque:
            found.append(f"{self.opaque} datagrams that are no UDPTL on a plain leg")
        return found

    def checks(self, user: str, units: int) -> Iterable[Check]:
        problems = self.problems(units)
        told = "was told that its page arrived" if self.sends else "got a page bit-exact"
        seen = f"{self.exact} blocks; of what the network lost, {self.recovered} packets recovered"
        yield Check(f"{user} {told}", not problems, "; ".join(problems) or seen)
        hidden = self.suite is not None and self.opaque > 0 and not self.clear
        yield Check(
            f"nothing readable on {user}'s access leg",
            hidden,
            f"{self.suite}: {self.opaque} records, all encrypted"
            if hidden
            else f"{self.clear} datagrams in clear",
        )

    def columns(self) -> dict[str, str]:
        return {
            "page": "sent" if self.sends else "received",
            "blocks right": str(self.exact),
            "bad": str(self.bad),
            "sent": str(self.sent),
            "withheld": str(self.withheld),
            "received": str(self.received),
            "recovered": str(self.recovered),
            "lost": str(self.lost),
            "readable": f"{self.clear} of {self.clear + self.opaque}",
        }


class Fax(Media):
    """Who offers first sends the page, the other end takes it; each with an own socket."""

    def __init__(self, terms: Terms, address: str, user: str, _echo: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = open_socket(address, 0)
        self.local: Address = (address, self._socket.getsockname()[1])
        self.descriptions = Certified(terms, self.local, user, form=_FORM)
        self.problems = self.descriptions.problems
        self.keys = set()
        self._secured = Secured(self.descriptions, self.keys, self._emit, self._on_payload)
        self._sends: bool | None = None
        self._terminal: Terminal | None = None
        self._waiting: deque[Ifp] = deque()
        self._writer, self._reader = udptl.Writer(), udptl.Reader()
        self._counts = Statistics()
        self._heard = 0.0
        self._settled = asyncio.Event()
        self._share = 0
        self._speaks = False
        self._loop.add_reader(self._socket, drain, self._socket, self._on_datagram)

    @property
    def connected(self) -> bool:
        return self.descriptions.peering is not None

    def offer(self, direction: str = "sendrecv") -> bytes:
        if self._sends is None:
            self._sends = True
        return self.descriptions.offer(self._secured.attributes(_ATTRIBUTES), direction)

    def take_answer(self, body: bytes) -> None:
        self.descriptions.take_answer(body)
        self._connect()

    def answer(self, body: bytes) -> bytes:
        self.descriptions.take_offer(body)
        if self._sends is None:
            self._sends = False
        answer = self.descriptions.answer(self._secured.attributes(_ATTRIBUTES))
        self._connect()
        return answer

    async def send(self, units: int, *, interval: float | None = None) -> None:
        """Send a page of ``units`` blocks, or take one whatever its size, till both terminals are done."""
        if self._terminal is None:
            self._terminal = Terminal(page.make(units) if self._sends else None)
        if problem := await self._secured.up():
            self.problems.append(problem)
            return
        await self._talk(self._terminal, INTERVAL if interval is None else interval)

    async def arrived(self, units: int, *, timeout: float) -> bool:  # noqa: ASYNC109 -- ends quietly
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), timeout)
        return self.statistics().exact >= units

    def statistics(self) -> Statistics:
        counts = self._counts
        counts.recovered, counts.lost = self._reader.recovered, self._reader.lost
        if self._terminal is not None:
            counts.sends, counts.state = self._terminal.sends, self._terminal.state
            if self._terminal.sends:
                counts.exact = len(self._terminal.wanted) if counts.state == State.DONE else 0
            else:
                counts.exact, counts.bad = page.exact(self._terminal.blocks)[0], 0
                if counts.exact:
                    counts.bad = len(self._terminal.blocks) - counts.exact
        return Statistics(**asdict(counts))

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._secured.close()
            self._loop.remove_reader(self._socket)
            self._socket.close()

    async def _talk(self, terminal: Terminal, interval: float) -> None:
        """Send a datagram each ``interval``: what the terminal has to say, else that there is no signal.

        Silence, too, has copies of what was said before it. A terminal speaks once it hears the other one:
        then both legs are up.
        """
        tail = TAIL
        due = self._heard = self._loop.time()
        while tail and self._socket.fileno() >= 0:
            if self._waiting:
                self._heard = self._loop.time()
                self._say(self._waiting.popleft())
            else:
                tail -= terminal.over
                self._say(Ifp(Indicator.NO_SIGNAL))
            if self._loop.time() - self._heard > T2:
                self.problems.append(f"nothing heard for {T2:g} s (T.30 T2), {terminal.state}")
                break
            due += interval
            await asyncio.sleep(max(0.0, due - self._loop.time()))
        self._settled.set()

    def _say(self, packet: Ifp) -> None:
        datagram = self._writer.datagram(packet.encode())
        self._share += self.descriptions.terms.loss
        if self._share >= 100:
            self._share -= 100
            self._counts.withheld += 1
            return
        self._counts.sent += 1
        if self._secured.protected:
            self._secured.send(datagram)
        else:
            self._emit(datagram)

    def _emit(self, datagram: bytes) -> None:
        peering = self.descriptions.peering
        if peering is not None:
            transmit(self._socket, datagram, peering.remote)

    def _connect(self) -> None:
        self._secured.connect()
        self._counts.suite = "DTLS" if self._secured.protected else None

    def _on_datagram(self, data: bytes, source: Address) -> None:
        peering, record = self.descriptions.peering, is_record(data)
        if peering is not None and source != peering.remote:
            self._counts.foreign += 1
        elif self._secured.protected and record:
            self._counts.opaque += data[0] == APPLICATION_DATA
            self._secured.receive(data)
        elif readable(data):
            self._counts.clear += 1
            if not self._secured.protected:
                self._on_payload(data)
        else:
            self._counts.opaque += 1

    def _on_payload(self, payload: bytes) -> None:
        self._counts.received += 1
        if (found := udptl.parse(payload)) is None:
            self._counts.malformed += 1
            return
        terminal = self._terminal
        if terminal is None:
            return
        if not self._speaks:
            self._speaks = True
            self._waiting += terminal.begin()
        for octets in self._reader.take(found):
            if (packet := ifp.parse(octets)) is None:
                self._counts.malformed += 1
                continue
            if packet.kind is not Indicator.NO_SIGNAL:
                self._heard = self._loop.time()
            self._waiting += terminal.take(packet)


def readable(datagram: bytes) -> bool:
    """Tell whether a datagram is UDPTL with a packet of T.38 that the lab knows: it is not encrypted."""
    found = udptl.parse(datagram)
    return found is not None and ifp.parse(found.primary) is not None


# One call with each role of DTLS; a third of the datagrams is missing, and the page has to arrive.
_CALLS = (Terms(loss=33), Terms(setup="passive", loss=33))
T38 = Kind("t38", "udptl-dtls", "blocks", page.RATE, Fax, octets=1, echoes=False, calls=_CALLS)
