"""The calls of this node, found by the token in their Record-Route and by the user whom they belong to."""

from collections.abc import Iterator

from pcscf.proxy.branch import Call


class CallTable:
    """Iterating gives the calls of that moment: they may end meanwhile."""

    __slots__ = ("_by_token", "_by_user")

    def __init__(self) -> None:
        self._by_token: dict[str, Call] = {}
        self._by_user: dict[str, dict[Call, None]] = {}

    def __len__(self) -> int:
        return len(self._by_token)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._by_token.values()))

    def get(self, token: str, call_id: str | None) -> Call | None:
        """Return the call of a Record-Route token, if the message is of its Call-ID."""
        call = self._by_token.get(token)
        return call if call is not None and call.call_id == call_id else None

    def of(self, aor: str) -> list[Call]:
        """Return the calls of an address-of-record."""
        return list(self._by_user.get(aor, ()))

    def add(self, call: Call) -> None:
        self._by_token[call.token] = call
        self._by_user.setdefault(call.binding.aor, {})[call] = None

    def remove(self, call: Call) -> None:
        self._by_token.pop(call.token, None)
        calls = self._by_user.get(call.binding.aor)
        if calls is not None:
            calls.pop(call, None)
            if not calls:
                del self._by_user[call.binding.aor]
