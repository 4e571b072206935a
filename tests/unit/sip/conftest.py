"""The two readers of messages: the tokenizer, where it is built, and Python for all that it leaves."""

from collections.abc import Iterator

import pytest

from pcscf.sip import message
from tests.support.engines import no_cargo


@pytest.fixture(scope="module")
def tokenizer() -> None:
    """Skip where the tokenizer is missing because nothing could build it; fail where something could."""
    if message.tokenizer is None:
        without = no_cargo()
        if without is None:
            pytest.fail("the SIP tokenizer is not built, though there is a cargo: make setup tells why")
        pytest.skip(f"the SIP tokenizer is not built: {without}")


@pytest.fixture(scope="module", params=["tokenizer", "python"])
def either_reader(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the tests of a module with the tokenizer and without."""
    kept = message.tokenizer
    if request.param == "tokenizer":
        request.getfixturevalue("tokenizer")
    else:
        message.tokenizer = None
    yield
    message.tokenizer = kept
