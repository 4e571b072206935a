"""Offers and answers, SDP in and SDP out, octet by octet, with what was decided and why. See scripts.py."""

from collections import Counter

import pytest

from iq.procedures import Configure, Mode, Reserve
from tests.golden.scripts import FOLDER, Played, Script, play, read, scripts
from tests.golden.table import DOCUMENT, table, written
from tests.support.media import Gateway

SCRIPTS = {script.name: script for script in scripts()}
ROWS = [*(f"A{n}" for n in range(1, 15)), "A10a", *(f"B{n}" for n in range(6)), "unknown", "unusable"]


def played(name: str) -> Played:
    return play(read(FOLDER / f"{name}.txt"))


def gateway_of(name: str) -> Gateway:
    return played(name).gateway


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_script(script: Script) -> None:
    assert play(script).text == script.path.read_text()


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_an_example_of_a_row_is_decided_by_that_row(script: Script) -> None:
    row = script.settings.get("row")
    if row is None or row == "B0":  # the indication goes before any row is looked at
        return
    assert play(script).decisions[int(script.settings.get("line", 1)) - 1].row == row


def test_every_row_has_its_example() -> None:
    shown = Counter(script.settings.get("row") for script in SCRIPTS.values() if "table" in script.settings)
    assert [row for row in ROWS if not shown[row]] == []


def test_the_document_says_what_is_done() -> None:
    """If this fails: ``python -m tests.golden.table``, and read the difference."""
    document = DOCUMENT.read_text()
    assert written(document) == document
    for name in {script.settings["table"] for script in SCRIPTS.values() if "table" in script.settings}:
        assert table(name) in document


def test_originating_gives_both_keys_with_the_ues_mki() -> None:
    reserve, configure = gateway_of("calls/sdes_originating").actions
    access, core = reserve.procedures
    assert isinstance(access, Reserve)
    assert isinstance(core, Reserve)
    stream = access.streams[0]
    assert stream.remote_crypto is not None
    assert stream.local_crypto is not None
    assert (stream.remote_crypto.mki, stream.remote_crypto.tag) == ((1, 1), 2)
    assert stream.local_crypto.mki is None
    assert (stream.transport, core.streams[0].transport) == ("RTP/SAVP", "RTP/AVP")
    assert (access.latch.value, access.source, core.source) == ("LATCH", "192.0.2.10", None)
    assert [p.termination for p in configure.procedures if isinstance(p, Configure)] == ["ip/0/core/2"]


def test_hold_changes_the_gates_alone() -> None:
    gateway = gateway_of("calls/hold")
    assert len(gateway.actions) == 3
    changes = [
        (p.termination, p.streams[0]) for p in gateway.actions[2].procedures if isinstance(p, Configure)
    ]
    assert [(t, s.mode) for t, s in changes] == [
        ("ip/0/access/1", Mode.RECEIVE_ONLY),
        ("ip/0/core/2", Mode.SEND_ONLY),
    ]
    assert all(s.remote is None and s.local_crypto is None and s.remote_crypto is None for _, s in changes)


@pytest.mark.parametrize(
    ("name", "removed"),
    [
        ("calls/sdes_terminating", 1),
        ("from_core/B0_indication", 1),
        ("from_core/B5_capabilities", 1),
        ("answers/forged_indication", 1),
        ("from_core/B2_not_announced", 0),
    ],
)
def test_forged_indications_are_counted(name: str, removed: int) -> None:
    assert played(name).session.forged == removed


@pytest.mark.parametrize(
    ("name", "transport"),
    [
        ("calls/sdes_end_to_end", "RTP/SAVP"),
        ("from_ue/A9_udptl", "UDP"),
        ("from_ue/A10a_end_to_end", "UDP/TLS/RTP/SAVPF"),
        ("from_ue/A12_end_to_end", "UDP/TLS/RTP/SAVP"),
        ("from_core/B4_data_channel", "UDP"),
    ],
)
def test_end_to_end_is_relayed_without_keys(name: str, transport: str) -> None:
    gateway = gateway_of(name)
    streams = [s for p in gateway.actions[0].procedures if isinstance(p, Reserve) for s in p.streams]
    assert {(s.transport, s.local_crypto, s.remote_crypto) for s in streams} == {(transport, None, None)}
