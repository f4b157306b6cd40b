"""Figures are recorded per process, travel as samples and meet in one exposition."""

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from whispr_daemon.adapters.metrics import PrometheusMetrics, render
from whispr_daemon.domain.unit import Sample
from whispr_daemon.ports.metrics import CATALOGUE, COMMIT_SECONDS, EVENTS, LAG_ROWS, Metric


def test_hosts_meet_in_one_exposition() -> None:
    one, two = PrometheusMetrics(), PrometheusMetrics()
    one.count(EVENTS, 3, "rules/0")
    two.count(EVENTS, 4, "rules/1")
    two.gauge(LAG_ROWS, 7, "rules/1", "1")
    text = render({"rules-0": one.samples(), "rules-1": two.samples()}).decode()
    assert "# TYPE whispr_events_total counter" in text
    assert text.count("# HELP whispr_events_total") == 1
    assert 'whispr_events_total{host="rules-0",unit="rules/0"} 3.0' in text
    assert 'whispr_events_total{host="rules-1",unit="rules/1"} 4.0' in text
    assert 'whispr_lag_rows{host="rules-1",partition="1",unit="rules/1"} 7.0' in text


def test_a_histogram_arrives_whole() -> None:
    metrics = PrometheusMetrics()
    metrics.observe(COMMIT_SECONDS, 0.0015, "rules/0")
    metrics.observe(COMMIT_SECONDS, 99, "rules/0")
    text = render({"h": metrics.samples()}).decode()
    assert 'whispr_commit_seconds_bucket{host="h",le="0.001",unit="rules/0"} 0.0' in text
    assert 'whispr_commit_seconds_bucket{host="h",le="0.002",unit="rules/0"} 1.0' in text
    assert 'whispr_commit_seconds_bucket{host="h",le="+Inf",unit="rules/0"} 2.0' in text
    assert 'whispr_commit_seconds_count{host="h",unit="rules/0"} 2.0' in text


def test_samples_survive_the_journey() -> None:
    metrics = PrometheusMetrics()
    metrics.observe(COMMIT_SECONDS, 0.01, "rules/0")
    carried = msgspec.json.decode(msgspec.json.encode(metrics.samples()), type=tuple[Sample, ...])
    assert carried == metrics.samples()


def test_prometheus_can_read_it() -> None:
    families = list(text_string_to_metric_families(render({"h": ()}).decode()))
    assert {family.name for family in families} == {metric.name for metric in CATALOGUE}


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_family_of_the_catalogue_can_be_recorded(metric: Metric) -> None:
    metrics = PrometheusMetrics()
    labels = [f"any {label}" for label in metric.labels]
    match metric.kind:
        case "counter":
            metrics.count(metric, 2, *labels)
        case "gauge":
            metrics.gauge(metric, 2, *labels)
        case "histogram":
            metrics.observe(metric, 2, *labels)
    recorded = [sample for sample in metrics.samples() if sample.family == metric.name]
    assert max(sample.value for sample in recorded) == 2


def test_a_missing_label_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        PrometheusMetrics().count(EVENTS, 1)
