"""What the proxy core works with during one event: the time, randomness, and the effects so far."""

from collections.abc import Callable

from pcscf.admin.counters import Counters, method_label
from pcscf.errors import SipRefusal
from pcscf.flow import Flow, Side
from pcscf.proxy.branch import Branch
from pcscf.proxy.effects import Effect, Forward, Respond
from pcscf.sip.build import response_to
from pcscf.sip.message import Request, Response
from pcscf.transaction.layer import ServerTransaction


class Turn:
    """One event at a time: ``begin`` it, let the parts add effects, then ``end`` it.

    random: returns that many random octets. counters: what is answered and refused is counted here.
    """

    __slots__ = ("counters", "effects", "now", "random")

    def __init__(self, random: Callable[[int], bytes], counters: Counters) -> None:
        self.random = random
        self.counters = counters
        self.now = 0.0
        self.effects: list[Effect] = []

    def begin(self, now: float) -> None:
        self.now = now
        self.effects = []

    def end(self) -> list[Effect]:
        effects, self.effects = self.effects, []
        return effects

    def token(self, octets: int = 8) -> str:
        return self.random(octets).hex()

    def add(self, effect: Effect) -> None:
        self.effects.append(effect)

    def respond(self, server: ServerTransaction, response: Response) -> None:
        self.counters.responses[server.flow.listener.side, method_label(server.method), response.status] += 1
        self.effects.append(Respond(server, response))

    def answer(
        self,
        server: ServerTransaction,
        status: int,
        reason: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        body: bytes = b"",
    ) -> None:
        """Answer a request by ourselves; our To tag goes on everything but 100."""
        tag = None if status == 100 else self.token()
        self.respond(
            server, response_to(server.request, status, reason, to_tag=tag, headers=headers, body=body)
        )

    def refuse(self, server: ServerTransaction, refusal: SipRefusal) -> None:
        """Answer with the response that ``refusal`` calls for; its reason goes into Warning (20.43)."""
        self.counters.refusals[refusal.reason, refusal.status] += 1
        headers = refusal.headers
        if refusal.status != 487 and not any(name == "Warning" for name, _ in headers):
            headers = (*headers, ("Warning", f'399 {server.flow.listener.hostport} "{refusal.reason}"'))
        self.answer(server, refusal.status, refusal.phrase or None, headers, refusal.body)

    def send_own(
        self,
        request: Request,
        to: Side,
        *,
        uri: str = "",
        flow: Flow | None = None,
        outcome: Callable[[Response | None], None] | None = None,
    ) -> None:
        """Send a request that the proxy makes itself; without ``outcome`` its responses concern nobody."""
        branch = Branch(server=None, request=request, to=to, uri=uri, flow=flow, outcome=outcome)
        self.effects.append(Forward(branch))
