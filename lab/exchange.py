"""What waits for the responses to a request of the UE: the ``context`` of its client transaction."""

import asyncio
from typing import TYPE_CHECKING

from pcscf.flow import Flow
from pcscf.sip.build import response_to
from pcscf.sip.headers import tag_of
from pcscf.sip.message import Response
from pcscf.transaction.layer import ClientTransaction

if TYPE_CHECKING:
    from lab.call import Call

#: What a request that got no response ends with (RFC 3261 8.1.3.1).
_LOST = {"timeout": 408, "transport": 503}


class Reply:
    """``final`` is the final response; a timeout is a 408, a lost transport a 503."""

    def __init__(self) -> None:
        self.client: ClientTransaction | None = None
        self.final: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def on_response(self, response: Response) -> None:
        if response.status >= 200 and not self.final.done():
            self.final.set_result(response)

    def on_failed(self, client: ClientTransaction, reason: str) -> None:
        self.on_response(response_to(client.request, _LOST.get(reason, 503)))


class Invitation(Reply):
    """An INVITE or re-INVITE: each 2xx is acknowledged, its retransmissions with the same ACK."""

    def __init__(self, call: "Call") -> None:
        super().__init__()
        self._call = call
        self._acknowledged: dict[str, tuple[Flow, bytes]] = {}

    def on_response(self, response: Response) -> None:
        if response.status < 200:
            if response.status > 100 and not self.final.done():
                self._call.on_provisional(response)
            return
        if response.status < 300:
            tag = tag_of(response.get("to")) or ""
            if sent := self._acknowledged.get(tag):
                sent[0].send(sent[1])
                return
            if self._acknowledged:
                self._call.problems.append("a second fork answered with 200")
                return
            assert self.client is not None
            ack = self._call.on_success(self.client, response)
            self._acknowledged[tag] = (self._call.acknowledge(ack), ack.encode())
        super().on_response(response)
