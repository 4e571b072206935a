"""Whether A-law on the wire can be heard: how much of it is the tone that baresip sends."""

import cmath
from collections.abc import Iterator

from lab.speech import CLOCK, alaw
from tests.support.baresip import TONE

#: Octets of 20 ms of A-law, and of the same in SRTP with the tag of AES_CM_128_HMAC_SHA1_80.
SPEECH = 160
PROTECTED_SPEECH = SPEECH + 10
#: A-law octet -> linear sample.
LINEAR = {alaw(sample): sample for sample in range(-32_768, 32_768, 8)}


def tones(payloads: list[bytes]) -> Iterator[float]:
    """Yield how much of the energy of one packet in a second is the phone's tone (a pure one: 1)."""
    for octets in payloads[: len(payloads) - 10 : 50]:
        samples = [LINEAR[octet] for octet in octets[:SPEECH]]
        turn = -2j * cmath.pi * TONE / CLOCK
        found = abs(sum(sample * cmath.exp(turn * n) for n, sample in enumerate(samples)))
        yield 2 * found**2 / (len(samples) * sum(sample * sample for sample in samples))


def audible(payloads: list[bytes]) -> bool:
    """Tell whether all of it is the tone; what is neither that nor noise fails."""
    heard = list(tones(payloads))
    assert heard
    assert min(heard) > 0.9 or max(heard) < 0.5, heard
    return min(heard) > 0.9
