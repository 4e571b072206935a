"""media_security.require: the agreements that the network demands."""

from pathlib import Path

import pytest

from tests.unit.config.test_pcscf_config import config, refusal


def test_mediasec_may_be_demanded_anywhere(tmp_path: Path) -> None:
    assert config(tmp_path, "").media_security.require == ()
    assert config(tmp_path, "media_security: {require: [mediasec]}").media_security.require == ("mediasec",)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            "[sec-agree]",
            ": sec-agree needs a listener with tls or wss: there is no other agreement on signalling",
        ),
        ("[mediasec, mediasec]", ".1: mediasec stands twice"),
        ("[outbound]", ".0: input should be 'mediasec' or 'sec-agree'"),
    ],
)
def test_what_is_refused(tmp_path: Path, value: str, reason: str) -> None:
    assert refusal(tmp_path, f"media_security: {{require: {value}}}") == f"2: media_security.require{reason}"
