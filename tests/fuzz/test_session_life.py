"""The life of a session: two ends offer and answer as they like, the gateway and the network play tricks.

After each step both legs, the gateway and what both ends agreed on fit together; at the end nothing is left.
By hand: ``SESSION_LIFE=5000 pytest tests/fuzz/test_session_life.py`` tries that many lives of both kinds.
"""

import os
from collections.abc import Callable
from random import Random

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.changing import CHANGES, KINDS, MISBEHAVIOUR
from tests.support.life import PRELUDES, Life

LIVES = int(os.environ.get("SESSION_LIFE", "0"))

Life.TestCase.settings = settings(
    max_examples=LIVES or 40,
    stateful_step_count=40,
    deadline=None,
    phases=[phase for phase in Phase if not (LIVES and phase is Phase.shrink)],
    suppress_health_check=list(HealthCheck),
)
test_session_life = Life.TestCase

Step = Callable[[Life, Random], None]


def _offer(life: Life, r: Random) -> None:
    then = r.choice(["answer", "answer", "answer", "read", "wait"])
    method, how = r.choice(["INVITE", "UPDATE"]), r.choice(CHANGES)
    life.offer(r.random() < 0.5, method, how, r.randrange(4), r.choice(KINDS), then)


def _early(life: Life, r: Random) -> None:
    if life.first is not None and r.random() < 0.5:
        life.ring(r.choice([180, 183]), r.random() < 0.5, r.random() < 0.5)
    elif life.first is not None:
        life.accept(r.random() < 0.5)


def _lose(life: Life, _: Random) -> None:
    if life.one.core.end.flow.sent:
        life.lose()


def _misbehave(life: Life, r: Random) -> None:
    if life.wild:
        life.misbehave(r.random() < 0.5, r.choice(MISBEHAVIOUR), r.randrange(4))


REFRESHES = ["INVITE", "UPDATE", "INFO"]
#: Steps with their weights: what makes a call live long comes often, what ends it comes seldom.
STEPS: list[tuple[int, Step]] = [
    (35, _offer),
    (10, lambda life, r: life.answer(r.random() < 0.5, r.choice([200, 200, 200, 488, 500]), r.randrange(8))),
    (
        5,
        lambda life, r: life.ask_without_offer(
            r.random() < 0.5, r.choice(["INVITE", "UPDATE", "INFO"]), True
        ),
    ),
    (10, lambda life, r: life.read(r.random() < 0.5, r.choice([1, 1, 1000]))),
    (8, lambda life, _: life.read_all()),
    (4, lambda life, r: life.prack(r.random() < 0.5, r.choice(CHANGES), r.randrange(4), r.choice(KINDS))),
    (8, _early),
    (1, lambda life, r: life.end(r.random() < 0.5, r.choice(["cancel", "hang up"]))),
    (4, lambda life, r: life.once_more(r.random() < 0.5)),
    (2, _lose),
    (2, lambda life, _: life.gateway_slow()),
    (5, lambda life, r: life.gateway_replies(r.choice([1, 1000]))),
    (1, lambda life, r: life.engine_fails(r.choice(["exhausted", "refuse"]))),
    (1, lambda life, r: life.gateway_away_and_back(r.choice(["wait", "warm", "cold"]))),
    (2, lambda life, r: life.time(r.choice([0.6, 0.6, 0.6, 5.0]))),
    (6, _misbehave),
]


@settings(max_examples=LIVES or 120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**40), st.booleans())
def test_long_lives(seed: int, wild: bool) -> None:
    """Further into calls than a search for short ones gets."""
    r, life = Random(seed), Life()
    prelude, offers, held = r.choice(PRELUDES), r.random() < 0.7, r.random() < 0.15
    life.begin(r.random() < 0.5, r.random() < 0.75, r.choice(KINDS), offers, prelude, held, wild)
    steps = [step for _, step in STEPS]
    for step in r.choices(steps, [weight for weight, _ in STEPS], k=r.randrange(60)):
        step(life, r)
        life.fits()
    life.teardown()
