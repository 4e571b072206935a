"""agw.metrics: what is counted comes out under the names that docs/operation.md tells."""

import re
from pathlib import Path

from agw.metrics import families
from tests.support.fake_engine import gateway

OPERATION = Path(__file__).parents[3] / "docs" / "operation.md"


def test_the_documented_names_are_the_real_ones() -> None:
    documented = re.findall(r"^\| `(agw_\w+)` \|", OPERATION.read_text(), re.MULTILINE)
    real = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families(
            gateway()[0],
            failures=0,
            streams=0,
            tasks=0,
            controlled=False,
            iq={},
            forgeries=0,
            connections=0,
            tcp={},
            handshakes={},
            dtls={},
        )
    }
    assert sorted(documented) == sorted(real)
