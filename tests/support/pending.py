"""What an end of a call waits for, or is still to answer."""

from dataclasses import dataclass

from pcscf.sip.message import Request
from tests.support.describing import Line


@dataclass
class Asked:
    """A request that was sent. offers: it carries our offer. answer: first description that came back.

    ack: of its 2xx, to be sent again.
    """

    request: Request
    offers: bool
    answer: bytes = b""
    ack: bytes = b""
    final: int = 0


@dataclass
class Came:
    """A request that came and has no final answer yet. body: of our answer, the same in each response.

    offered: we offered in a response to it.
    """

    request: Request
    body: bytes = b""
    offered: bool = False
    early: bool = False


@dataclass
class Proposal:
    """Our offer, waiting for its answer. before: lines that are in force if it fails.

    in_response: to an INVITE without an offer; then PRACK or ACK answers it.
    """

    body: bytes
    before: list[Line]
    method: str
    in_response: bool = False


@dataclass
class Heard:
    """An offer that we have to answer. by: the response that it came in, or the request."""

    body: bytes
    by: Came | Asked
