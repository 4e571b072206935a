"""How the demo starts, watches and stops the processes of the edge."""

from pathlib import Path

import pytest

from lab.audio import AUDIO
from lab.edge import Edge, total
from lab.errors import ProcessFailed
from lab.processes import Process
from lab.records import ContextRecord, LegRecord
from lab.verdict import CallRecord, Result, leaks

MODULE = "tests.support.fake_process"


def process(tmp_path: Path, word: str) -> Process:
    config = tmp_path / "config.yaml"
    config.write_text(word, encoding="utf-8")
    return Process(MODULE, config)


async def test_start_and_stop(tmp_path: Path) -> None:
    running = process(tmp_path, "works")
    assert await running.start() == {"event": "ready"}
    assert await running.stop() == 0
    assert [event["event"] for event in running.events] == ["starting", "ready", "stopped"]
    assert "words without structure\n" in running.lines
    assert await running.wait_for(lambda e: e["event"] == "stopped", 1, since=2) == {"event": "stopped"}


async def test_an_end_at_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    broken = process(tmp_path, "broken")
    with pytest.raises(ProcessFailed, match="ended too early: no such address"):
        await broken.start()
    assert await broken.stop() == 1


async def test_an_event_that_does_not_come(tmp_path: Path) -> None:
    running = process(tmp_path, "works")
    await running.start()
    with pytest.raises(ProcessFailed, match="no such event"):
        await running.wait_for(lambda event: event["event"] == "never", 0.01)
    assert await running.stop() == 0


async def test_configurations_get_free_ports_and_edits(tmp_path: Path) -> None:
    def edit(settings: dict[str, object]) -> None:
        settings["drain"] = 1

    edge = Edge("sip:127.0.0.1:9", edit_pcscf=edit, directory=tmp_path)
    pcscf = (tmp_path / "pcscf.yaml").read_text(encoding="utf-8")
    assert "drain: 1" in pcscf
    assert f"port: {edge.access.port}" in pcscf
    assert "sip:127.0.0.1:9" in pcscf
    assert "format: json" in (tmp_path / "agw.yaml").read_text(encoding="utf-8")
    other = Edge("sip:127.0.0.1:9")
    assert other.access.port != edge.access.port
    assert await other.stop() == {"pcscf": 0, "agw": 0}
    assert not other.directory.exists()


def test_total_sums_by_labels() -> None:
    samples = {
        ("drops", frozenset({("realm", "access"), ("reason", "auth")})): 2.0,
        ("drops", frozenset({("realm", "core"), ("reason", "auth")})): 3.0,
    }
    assert total(samples, "drops") == 5
    assert total(samples, "drops", realm="core") == 3
    assert total(samples, "other") is None


def test_context_record_reads_the_gateways_line() -> None:
    line = {
        "event": "context released",
        "context": 7,
        "from": {
            "ip/0/access/1": {"packets": 10, "rtcp": 1, "drops": {"auth": 2}},
            "ip/0/core/2": {"packets": 9, "rtcp": 2, "drops": {"auth": 1, "gate": 1}},
        },
    }
    record = ContextRecord.of(line)
    assert (record.decrypted, record.protected, record.rtcp) == (10, 9, 3)
    assert record.drops == {"auth": 3, "gate": 1}


def test_streams_are_counted_in_octets() -> None:
    counts = {"packets": 0, "rtcp": 0, "drops": {}}
    sides = {"ip/0/access/1": {**counts, "octets": 96}, "ip/0/core/2": {**counts, "octets": 64}}
    record = ContextRecord.of({"event": "context released", "context": 7, "from": sides})
    assert record.moved(2, 32)
    assert not record.moved(3, 32)
    assert not record.moved(1, 0)
    assert record.summary() == "96 octets decrypted, 64 protected"


def test_leg_record_reads_pcscfs_line() -> None:
    decision = {
        "media": "audio",
        "decision": "e2ae",
        "mechanism": "sdes-srtp",
        "reason": "asked",
        "clause": "7",
    }
    line = {
        "event": "call",
        "served": "sip:a@b",
        "direction": "originating",
        "status": 200,
        "media": [decision],
    }
    record = LegRecord.of(line)
    assert record.protected
    assert record.lines() == ["originating, sip:a@b: audio is e2ae (sdes-srtp): asked [7]"]
    plain = {"media": "audio", "decision": "plain"}
    assert not LegRecord.of({**line, "media": [decision, plain]}).protected
    assert not LegRecord.of({}).protected


def test_leaks_are_found_in_every_form() -> None:
    key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    texts = {"b64": f"x{key[:-1]}x", "hex": bytes(range(16)).hex(), "clean": "inline:***"}
    assert leaks({key}, texts) == ["b64", "hex"]


def test_nothing_seen_is_nothing_proved() -> None:
    result = Result()
    assert not result.verified
    call = CallRecord(AUDIO, "alice", "bob", 50)
    failed = [check.name for check in call.checks() if not check.passed]
    assert any("plain media in the core" in name for name in failed)
    assert any("decided as e2ae" in name for name in failed)
    assert any("gateway protected" in name for name in failed)
