"""Security agreements that are under way: what a UE announced before its registration is complete."""

from pcscf.errors import SipRefusal
from pcscf.registration.security_agreement import SecurityOffer, check_register

#: Seconds that an announcement is remembered (24.229: reg-await-auth, 4 minutes), and how many are.
REG_AWAIT_AUTH = 240.0
MAX_UNDER_WAY = 10_000

_Key = tuple[tuple[object, ...], str]


class Agreements:
    """Announced media mechanisms by flow and address-of-record, from our 401 or 494 to the 200.

    After a 494 a UE repeats Security-Server but not its Security-Client.
    """

    def __init__(self) -> None:
        self._under_way: dict[_Key, tuple[float, frozenset[str]]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def announce(self, key: _Key, media: frozenset[str], now: float) -> None:
        """Remember that the UE announced ``media`` and is being sent Security-Server."""
        table = self._under_way
        table.pop(key, None)
        if media:
            table[key] = (now + REG_AWAIT_AUTH, media)
        while table and (len(table) > MAX_UNDER_WAY or next(iter(table.values()))[0] <= now):
            del table[next(iter(table))]

    def forget(self, key: _Key) -> None:
        """The registration is complete."""
        self._under_way.pop(key, None)

    def settle(
        self,
        offer: SecurityOffer,
        network: tuple[str, ...],
        server: tuple[str, ...],
        key: _Key,
        *,
        before: frozenset[str] | None,
        now: float,
        strict: bool,
    ) -> frozenset[str]:
        """Return the mechanisms that a REGISTER announces. Raises SipRefusal 494.

        server: values of Security-Server. before: those of its binding on this flow, None where there is no
        binding. Security-Client says them; where there is only a Security-Verify, what was announced
        before; where nothing was, what the UE repeats, since it wrote a list of mechanisms without being
        asked for one of its own.
        """
        until, remembered = self._under_way.get(key, (0.0, frozenset[str]()))
        earlier = (remembered if until > now else None) or before or frozenset[str]()
        try:
            check_register(offer, network, server, announced_before=bool(earlier), strict=strict)
        except SipRefusal as refusal:
            if refusal.status == 494:
                self.announce(key, offer.media or earlier, now)
            raise
        if offer.media or offer.verify is None:
            return offer.media
        return earlier or frozenset(entry.name for entry in offer.verify)
