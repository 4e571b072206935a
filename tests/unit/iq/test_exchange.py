"""Transactions on a virtual clock: ids, at most once, and that every request ends exactly once."""

import pytest

from iq.errors import IqError
from iq.exchange import MAX_OUTSTANDING, Receiver, Receivers, Sender, TransactionIds
from iq.procedures import Action, AuditRoot

AUDIT = Action(0, [AuditRoot()])


def ids(start: int = 0) -> TransactionIds:
    return TransactionIds(lambda size: start.to_bytes(size, "big"))


def never(_: object) -> None:
    raise AssertionError("the sender itself calls nobody")


def opened(sender: Sender, now: float = 0.0) -> int:
    return sender.open(AUDIT, never, now)


def test_ids_start_at_random_and_pass_over_0():
    numbers = ids(0xFFFFFFFE)
    assert [numbers.next() for _ in range(3)] == [0xFFFFFFFF, 1, 2]
    assert ids(0xFFFFFFFF).next() == 1
    assert ids(0).next() == 1


def test_an_id_in_use_is_passed_over():
    numbers = ids(0xFFFFFFFE)
    sender = Sender(numbers)
    first = opened(sender)
    numbers._last = 0xFFFFFFFE
    assert opened(sender) == 1
    assert first == 0xFFFFFFFF


def test_a_reply_ends_a_request_once():
    sender = Sender(ids())
    number = opened(sender)
    assert len(sender) == 1
    assert sender.take(number).action is AUDIT
    assert sender.take(number) is None
    assert sender.sweep(1e9) == []
    assert sender.lose() == []


def test_a_request_without_reply_ends_after_its_time():
    sender = Sender(ids(), timeout=10.0)
    early, late = opened(sender, 0.0), opened(sender, 4.0)
    assert sender.sweep(9.9) == []
    assert [found.id for found in sender.sweep(10.0)] == [early]
    assert sender.take(early) is None
    assert [found.id for found in sender.sweep(14.0)] == [late]
    assert len(sender) == 0


def test_pending_extends_the_time_of_its_request_alone():
    sender = Sender(ids(), timeout=10.0)
    slow, other = opened(sender, 0.0), opened(sender, 1.0)
    assert sender.pending(slow, 9.0) is None
    assert [found.id for found in sender.sweep(11.0)] == [other]
    assert [found.id for found in sender.sweep(19.0)] == [slow]
    assert sender.pending(slow, 20.0) is None


def test_one_pending_too_many_ends_the_request():
    sender = Sender(ids(), pending_limit=3)
    number = opened(sender)
    assert [sender.pending(number, 0.0) for _ in range(3)] == [None] * 3
    ended = sender.pending(number, 0.0)
    assert ended.id == number
    assert sender.take(number) is None
    reply = ended.failure(506, "pendings")
    assert (reply.context, reply.replies, reply.error.code) == (0, [], 506)


def test_a_loss_ends_all():
    sender = Sender(ids())
    numbers = [opened(sender) for _ in range(5)]
    sender.take(numbers[2])
    assert [found.id for found in sender.lose()] == [n for n in numbers if n != numbers[2]]
    assert sender.lose() == []


def test_requests_without_reply_are_bounded():
    sender = Sender(ids())
    for _ in range(MAX_OUTSTANDING):
        opened(sender)
    with pytest.raises(IqError, match="511"):
        opened(sender)
    assert len(sender) == MAX_OUTSTANDING


def test_a_request_is_executed_once():
    receiver = Receiver()
    assert receiver.begin(7, 0.0) is True
    assert receiver.begin(7, 0.1) is False
    assert receiver.pended(7)
    receiver.finish(7, b"reply", 0.2)
    assert receiver.begin(7, 0.3) == b"reply"
    assert receiver.begin(7, 30.1) == b"reply"
    assert not receiver.pended(7)


def test_a_reply_is_forgotten_after_the_long_timer():
    receiver = Receiver(long_timer=30.0)
    for number in (1, 2):
        receiver.begin(number, 0.0)
        receiver.finish(number, b"reply", float(number))
    receiver.sweep(30.9)
    assert len(receiver) == 2
    receiver.sweep(31.0)
    assert len(receiver) == 1
    assert receiver.begin(1, 31.0) is True
    assert receiver.begin(2, 32.0) is True  # over, though not yet swept


def test_pendings_to_a_peer_are_limited():
    receiver = Receiver(pending_limit=2)
    receiver.begin(1, 0.0)
    assert [receiver.begin(1, 0.0), receiver.begin(1, 0.0)] == [False, False]
    with pytest.raises(IqError, match="506"):
        receiver.begin(1, 0.0)


def test_a_full_cache_forgets_replies_but_never_what_is_executing():
    receiver = Receiver(max_entries=2)
    receiver.begin(1, 0.0)
    receiver.finish(1, b"reply", 0.0)
    receiver.begin(2, 0.0)
    assert receiver.begin(3, 0.0) is True  # in place of the reply to 1
    with pytest.raises(IqError, match="511"):
        receiver.begin(4, 0.0)
    assert receiver.begin(2, 0.0) is False
    receiver.finish(3, b"reply", 0.0)
    assert receiver.begin(1, 0.0) is True


def test_the_cache_is_bounded_in_octets():
    receiver = Receiver(max_octets=1000)
    for number in range(1, 12):
        receiver.begin(number, 0.0)
        receiver.finish(number, bytes(100), 0.0)
    assert len(receiver) == 10
    assert receiver.begin(1, 0.0) is True
    assert receiver.begin(11, 0.0) == bytes(100)


def test_acknowledged_replies_are_forgotten():
    receiver = Receiver()
    for number in range(1, 8):
        receiver.begin(number, 0.0)
        if number != 4:
            receiver.finish(number, b"reply", 0.0)
    receiver.acknowledge([(1, 1), (3, 4), (6, 0xFFFFFFFF)])
    assert [number for number in range(1, 8) if receiver.begin(number, 0.0) is not True] == [2, 4, 5]


def test_finishing_what_was_not_begun_changes_nothing():
    receiver = Receiver()
    receiver.finish(1, b"reply", 0.0)
    assert len(receiver) == 0


def test_each_peer_has_its_own_transactions_and_the_longest_unused_goes():
    peers = Receivers(2)
    assert peers.of("<a>").begin(1, 0.0) is True
    assert peers.of("<b>").begin(1, 0.0) is True
    peers.of("<a>").finish(1, b"reply", 0.0)
    peers.of("<c>")
    assert peers.of("<a>").begin(1, 1.0) == b"reply"
    assert peers.of("<b>").begin(1, 1.0) is True
    peers.sweep(100.0)
    assert len(peers.of("<b>")) == 1
