"""Prometheus metric families out of plain counters and gauges, at scrape."""

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from hosting.counters import Label

Counts = Mapping[Label, int] | Mapping[str, int]


def counter(name: str, help_text: str, labels: tuple[str, ...], *sources: Counts) -> CounterMetricFamily:
    """A counter ``name`` (without ``_total``). sources: count per label; a tuple where there are several."""
    family = CounterMetricFamily(name, help_text, labels=labels)
    for source in sources:
        for label, count in list(source.items()):
            values = label if isinstance(label, tuple) else (label,)
            family.add_metric([_clean(value) for value in values], count)
    return family


def total(name: str, help_text: str, value: float) -> CounterMetricFamily:
    """A counter without labels."""
    return CounterMetricFamily(name, help_text, value=value)


def gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    """One value that goes up and down."""
    return GaugeMetricFamily(name, help_text, value=value)


def gauges(
    name: str, help_text: str, labels: tuple[str, ...], values: Mapping[Label, float] | Mapping[str, float]
) -> GaugeMetricFamily:
    """One such value per label."""
    family = GaugeMetricFamily(name, help_text, labels=labels)
    for label, value in list(values.items()):
        names = label if isinstance(label, tuple) else (label,)
        family.add_metric([_clean(one) for one in names], value)
    return family


def _clean(label: str | int) -> str:
    """Printable and short: labels may quote peers."""
    text = str(label)[:64]
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
