"""Figures with prometheus_client: recorded per process, gathered into one exposition text."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from typing_extensions import override

from whispr_daemon.domain.unit import Sample
from whispr_daemon.ports.metrics import CATALOGUE, Metric

Kind = TypeVar("Kind", Counter, Gauge, Histogram)

# Seconds. Commits and appends wait for a disk (from 0.2 ms); recoveries make the far end.
_BUCKETS: Final = (
    0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class PrometheusMetrics:
    """The Metrics port over a registry of this process's own."""

    def __init__(self) -> None:
        """Start every family of the catalogue at nothing."""
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._labelled: dict[tuple[str, ...], Any] = {}  # by name and labels: to find one is slow
        for metric in CATALOGUE:
            self._declare(metric)

    def _declare(self, metric: Metric) -> None:
        name, text, labels, registry = metric.name, metric.help, metric.labels, self._registry
        match metric.kind:
            case "counter":
                self._counters[name] = Counter(name, text, labels, registry=registry)
            case "gauge":
                self._gauges[name] = Gauge(name, text, labels, registry=registry)
            case "histogram":
                self._histograms[name] = Histogram(
                    name, text, labels, registry=registry, buckets=_BUCKETS
                )

    def count(self, metric: Metric, amount: float = 1, *labels: str) -> None:
        """Add to a counter."""
        self._of(self._counters, metric.name, labels).inc(amount)

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._of(self._gauges, metric.name, labels).set(value)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Record one value of a histogram, in seconds."""
        self._of(self._histograms, metric.name, labels).observe(value)

    def _of(self, families: Mapping[str, Kind], name: str, labels: tuple[str, ...]) -> Kind:
        """Return a family, or the one of it with these labels."""
        if not labels:
            return families[name]
        found: Kind | None = self._labelled.get((name, *labels))
        if found is None:
            found = self._labelled[name, *labels] = families[name].labels(*labels)
        return found

    def samples(self) -> tuple[Sample, ...]:
        """Return every figure as plain data, to be carried to another process."""
        return tuple(
            Sample(family=family.name, name=sample.name, labels=sample.labels, value=sample.value)
            for family in self._registry.collect()
            for sample in family.samples
            if not sample.name.endswith("_created")
        )


def render(samples_by_host: Mapping[str, Iterable[Sample]]) -> bytes:
    """Return the figures of all hosts as Prometheus text, each under an added label ``host``."""
    return generate_latest(_Gathered(samples_by_host))


class _Gathered(Collector):
    """The samples of many processes as families, in the order of the catalogue."""

    def __init__(self, samples_by_host: Mapping[str, Iterable[Sample]]) -> None:
        self._samples_by_host = samples_by_host

    @override
    def collect(self) -> Iterator[Family]:
        families = {
            metric.name: Family(metric.name, metric.help, metric.kind) for metric in CATALOGUE
        }
        for host, samples in self._samples_by_host.items():
            for sample in samples:
                labels = {**sample.labels, "host": host}
                families[sample.family].add_sample(sample.name, labels, sample.value)
        return iter(families.values())
