"""Dashboards and alerts ask only for figures Whispr shows, and show all of them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from whispr_daemon.ports.metrics import CATALOGUE, Metric

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
SHOWN = {f"{each.name}{suffix}": each for each in CATALOGUE for suffix in SUFFIXES[each.kind]}
LABELS = re.compile(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}|by \(([^)]*)\)")


def families(expression: str) -> list[Metric | None]:
    """Return the metric of each name of ours in a query, None for one that does not exist."""
    return [SHOWN.get(name) for name in re.findall(r"\bwhispr_\w+", expression)]


def panels(repo_root: Path) -> Iterator[tuple[str, str, str]]:
    dashboard = json.loads((repo_root / "ops" / "grafana" / "whispr.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


def alerts(repo_root: Path) -> list[dict[str, Any]]:
    file = yaml.safe_load((repo_root / "ops" / "prometheus" / "alerts.yaml").read_text())
    return [rule for group in file["groups"] for rule in group["rules"]]


def test_every_figure_is_on_the_dashboard(repo_root: Path) -> None:
    shown = [found for _, query, _ in panels(repo_root) for found in families(query)]
    assert {found.name for found in shown if found} == {metric.name for metric in CATALOGUE}
    assert None not in shown


def test_the_dashboard_names_labels_that_exist(repo_root: Path) -> None:
    for title, query, legend in panels(repo_root):
        check_labels(title, query, f"{query} {legend}")


def test_alerts_ask_for_figures_and_labels_that_exist(repo_root: Path) -> None:
    for alert in alerts(repo_root):
        assert None not in families(alert["expr"]), alert["alert"]
        check_labels(alert["alert"], alert["expr"], alert["annotations"]["summary"])


def check_labels(where: str, query: str, text: str) -> None:
    known = {"le", "host"} | {label for each in families(query) if each for label in each.labels}
    for one, several in LABELS.findall(text):
        for label in re.split(r",\s*", one or several):
            assert label in known, f"{where}: {label}"


@pytest.mark.parametrize("wrong", ["whispr_events", "whispr_commit_seconds", "whispr_nothing"])
def test_a_name_that_does_not_exist_is_found(wrong: str) -> None:
    assert families(f"rate({wrong}[1m])") == [None]


def test_prometheus_scrapes_where_whispr_listens(repo_root: Path) -> None:
    file = yaml.safe_load((repo_root / "ops" / "prometheus" / "prometheus.yaml").read_text())
    settings = yaml.safe_load((repo_root / "config" / "whispr.yaml").read_text())
    ((target,),) = [each["targets"] for each in file["scrape_configs"][0]["static_configs"]]
    assert target == f"{settings['health']['host']}:{settings['health']['port']}"
