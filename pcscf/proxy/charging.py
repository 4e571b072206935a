"""P-Charging-Vector (RFC 7315 4.6, TS 24.229 7.2A.5): the correlation of one dialog's charging records."""

from collections.abc import Callable

from pcscf.registration.params import open_quote, split_parameter, split_unquoted

#: Octets of randomness in an icid-value.
_ICID = 12
#: What of a received vector goes back in the response.
_RETURNED = frozenset({"icid-value", "icid-generated-at", "orig-ioi"})


class Charging:
    """Writes the vectors of this node.

    host: icid-generated-at, the address of this proxy; network: name of the visited network, for the
    inter operator identifiers of type 1 (between visited and home network).
    """

    __slots__ = ("_originating", "_terminating")

    def __init__(self, host: str, network: str) -> None:
        host = f"[{host}]" if ":" in host else host
        self._originating = f';icid-generated-at={host};orig-ioi="Type 1{network}"'
        self._terminating = f';term-ioi="Type 1{network}"'

    def new(self, random: Callable[[int], bytes]) -> str:
        """Return a vector with a new icid-value, for a request that enters the network here."""
        return f'icid-value="{random(_ICID).hex()}"{self._originating}'

    def answer(self, received: str) -> str:
        """Return the vector of a response: the request's icid and orig-ioi, our term-ioi; "" for no icid."""
        kept, found = [], False
        for part in split_unquoted(received, ";"):
            name, value = split_parameter(part)
            if name in _RETURNED and value and not open_quote(part):
                kept.append(part)
                found = found or name == "icid-value"
        return ";".join(kept) + self._terminating if found else ""
