from hosting.counters import MAX_LABELS, Tally
from hosting.metrics import counter, gauge, gauges, total


def test_a_tally_counts() -> None:
    tally = Tally()
    tally["access", "INVITE"] += 1
    tally["access", "INVITE"] += 2
    assert tally == {("access", "INVITE"): 3}


def test_labels_of_peers_cannot_fill_the_memory() -> None:
    tally = Tally()
    tally["first"] += 1
    for number in range(10 * MAX_LABELS):
        tally[f"made up {number}"] += 1
    assert len(tally) == MAX_LABELS
    tally["first"] += 1
    assert tally["first"] == 2


def test_families() -> None:
    family = counter("x_drops", "Drops.", ("reason", "status"), {("no\nway", 403): 2})
    (sample,) = family.samples
    assert (sample.name, sample.labels, sample.value) == (
        "x_drops_total",
        {"reason": "no\\nway", "status": "403"},
        2,
    )
    assert [one.value for one in counter("x", "X.", ("event",), {"a": 1}, {"b": 2}).samples] == [1, 2]
    assert gauge("x", "X.", 3).samples[0].value == 3
    assert gauges("x", "X.", ("peer",), {"a": 0.5}).samples[0].labels == {"peer": "a"}
    assert total("x", "X.", 4).samples[0].name == "x_total"
