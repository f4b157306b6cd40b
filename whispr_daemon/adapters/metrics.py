"""Figures: recorded per process, gathered into one exposition text by prometheus_client."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from typing_extensions import override

from whispr_daemon.domain.unit import Sample
from whispr_daemon.ports.metrics import CATALOGUE, Metric

# Seconds. Commits and appends wait for a disk (from 0.2 ms); recoveries make the far end.
_BUCKETS: Final = (
    0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
)  # fmt: skip
_BOUNDS: Final = (*map(floatToGoString, _BUCKETS), "+Inf")
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class _Number:
    """A counter or a gauge with its labels."""

    __slots__ = ("_family", "_labels", "_name", "value")

    def __init__(self, metric: Metric, labels: Mapping[str, str]) -> None:
        self._family, self._labels = metric.name, labels
        self._name = f"{metric.name}_total" if metric.kind == "counter" else metric.name
        self.value = 0.0

    def samples(self) -> Iterator[Sample]:
        yield Sample(family=self._family, name=self._name, labels=self._labels, value=self.value)


class _Histogram:
    """A histogram with its labels."""

    __slots__ = ("_counts", "_family", "_labels", "_sum")

    def __init__(self, metric: Metric, labels: Mapping[str, str]) -> None:
        self._family, self._labels = metric.name, labels
        self._counts = [0] * len(_BOUNDS)  # by bucket, without those below it
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(_BUCKETS, value)] += 1
        self._sum += value

    def samples(self) -> Iterator[Sample]:
        family, labels = self._family, self._labels
        total = 0
        for bound, total in zip(_BOUNDS, accumulate(self._counts), strict=True):
            told = {**labels, "le": bound}
            yield Sample(family=family, name=f"{family}_bucket", labels=told, value=float(total))
        yield Sample(family=family, name=f"{family}_count", labels=labels, value=float(total))
        yield Sample(family=family, name=f"{family}_sum", labels=labels, value=self._sum)


class PrometheusMetrics:
    """The Metrics port.

    prometheus_client's own counters take a lock for each of a dozen figures an event, and 20 us to
    say what one of them is: with 500 strategies that is a second for each look.
    """

    def __init__(self) -> None:
        """Start every family of the catalogue that has no labels at nothing."""
        self._numbers: dict[tuple[str, ...], _Number] = {}
        self._histograms: dict[tuple[str, ...], _Histogram] = {}
        for metric in CATALOGUE:
            if not metric.labels and metric.kind == "histogram":
                self._histogram(metric, ())
            elif not metric.labels:
                self._number(metric, ())

    def count(self, metric: Metric, amount: float = 1, *labels: str) -> None:
        """Add to a counter.

        Raises:
            ValueError: these are not the metric's labels; so do all that record.
        """
        self._number(metric, labels).value += amount

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._number(metric, labels).value = float(value)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Record one value of a histogram, in seconds."""
        self._histogram(metric, labels).observe(value)

    def samples(self) -> tuple[Sample, ...]:
        """Return every figure as plain data, to be carried to another process."""
        # Lists: another thread may record a figure for the first time meanwhile.
        kept: list[_Number | _Histogram] = list(self._numbers.values())
        kept += list(self._histograms.values())
        return tuple(sample for each in kept for sample in each.samples())

    def _number(self, metric: Metric, labels: tuple[str, ...]) -> _Number:
        key = (metric.name, *labels)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = _Number(metric, _named(metric, labels))
        return found

    def _histogram(self, metric: Metric, labels: tuple[str, ...]) -> _Histogram:
        key = (metric.name, *labels)
        found = self._histograms.get(key)
        if found is None:
            found = self._histograms[key] = _Histogram(metric, _named(metric, labels))
        return found


def _named(metric: Metric, labels: tuple[str, ...]) -> Mapping[str, str]:
    if len(labels) != len(metric.labels):
        raise ValueError(f"{metric.name} has the labels {metric.labels}, these are {labels}")
    return dict(zip(metric.labels, labels, strict=True))


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
