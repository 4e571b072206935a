"""Early media: which of it the network authorizes (P-Early-Media, RFC 5009), as gates of the streams."""

from collections.abc import Iterable
from dataclasses import replace

from pcscf.alg.stream import MODES, State
from pcscf.flow import Side
from pcscf.sdp.model import MAX_MEDIA

#: May early media flow from the caller to the callee (forward), and back (backward).
Flows = tuple[bool, bool]

#: The direction parameters, as the callee sees them (RFC 5009 8).
DIRECTIONS: dict[str, Flows] = {
    "sendrecv": (True, True),
    "sendonly": (False, True),
    "recvonly": (True, False),
    "inactive": (False, False),
}
#: Somebody nearer to the callee gates already.
_GATED = "gated"
_OPEN: tuple[Flows, ...] = ((True, True),)
#: Mode of the access termination -> may media flow from the UE, and to it.
_FLOWS = {access: flows for flows, (access, _) in MODES.items()}


def authorized(parameters: Iterable[str]) -> tuple[Flows, ...] | None:
    """Return what a P-Early-Media towards the caller authorizes, per m-line; the last is that of all further.

    None where it is no authorization: it says nothing about directions.
    """
    names = [parameter.strip().lower() for parameter in parameters]
    flows = tuple(DIRECTIONS[name] for name in names if name in DIRECTIONS)
    return flows[:MAX_MEDIA] or (_OPEN if _GATED in names else None)


class Gates:
    """The gates of one INVITE until it is answered. caller: the side that it came from.

    default: a direction parameter, for dialogs of which the network has said nothing.
    """

    __slots__ = ("_caller", "_default")

    def __init__(self, caller: Side, default: str) -> None:
        self._caller = caller
        self._default = (DIRECTIONS[default],)

    def gated(self, state: State, index: int, said: tuple[Flows, ...] | None) -> State:
        """Return what the gateway does while only early media flows. said: in the dialog; index: m-line."""
        flows = self._default if said is None else said
        forward, backward = flows[min(index, len(flows) - 1)]
        if (forward and backward) or state.closed:
            return state
        from_ue, to_ue = (forward, backward) if self._caller is Side.ACCESS else (backward, forward)
        now_from, now_to = _FLOWS[state.access_mode]
        access_mode, core_mode = MODES[now_from and from_ue, now_to and to_ue]
        if access_mode is state.access_mode:
            return state
        return replace(state, access_mode=access_mode, core_mode=core_mode)
