"""Units are listed from the store and the running daemon; one in quarantine can be released."""

import csv
import io
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.commands import Whispr, daemon
from tests.integration.daemons import until


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings of a daemon that runs two strategies, one of which always raises."""
    path = tmp_path / "whispr.yaml"
    settings = {
        "rules": {"dir": None},
        "strategies": [{"plugin": "boom"}, {"plugin": "ema_cross"}],
        "partitions": 1,
        "data": str(tmp_path / "data"),
        "health": {"port": 0},
        "outlets": [{"kind": "jsonl", "path": str(tmp_path / "said.jsonl")}],
    }
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture
def stopped(whispr: Whispr, config: Path, boom: Path, bars: Path, tmp_path: Path) -> Path:
    """The settings of a daemon that has folded a file and stopped, a unit of it quarantined."""
    whispr("replay", bars, "--config", config, "--data", tmp_path / "data", status=4)
    return config


def listed(whispr: Whispr, config: Path) -> dict[str, dict[str, Any]]:
    rows = json.loads(whispr("units", "list", "--format", "json", "--config", config).stdout)
    return {row["unit"]: row for row in rows}


def test_units_of_a_stopped_daemon_are_listed_with_why_one_is_in_quarantine(
    whispr: Whispr, stopped: Path
) -> None:
    rows = listed(whispr, stopped)
    assert list(rows) == ["boom/0", "ema_cross/0"]
    assert (rows["ema_cross/0"]["state"], rows["ema_cross/0"]["since"]) == ("stopped", None)
    assert rows["boom/0"]["state"] == "quarantined"
    assert "boom: always" in rows["boom/0"]["reason"]
    assert rows["boom/0"]["since"].startswith("20")
    assert rows["boom/0"]["host"] == "boom"

    table = whispr("units", "list", "--config", stopped)
    assert "quarantined" in table.stdout
    assert "no daemon runs" in table.stderr
    text = whispr("units", "list", "--format", "csv", "--config", stopped).stdout
    (held,) = [row for row in csv.DictReader(io.StringIO(text)) if row["state"] == "quarantined"]
    assert held["reason"] == rows["boom/0"]["reason"]


def test_a_unit_is_released_while_no_daemon_runs_and_the_next_start_takes_it_up(
    whispr: Whispr, stopped: Path, bars: Path, boom: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = whispr("units", "release", "boom/0", "--config", stopped).stdout
    assert "the next start takes it up" in told
    assert "goes on from its last commit" in told
    assert "boom: always" not in whispr("units", "list", "--config", stopped).stdout
    ended = whispr("units", "release", "boom/0", "--config", stopped, status=1)
    assert "boom/0 is not in quarantine" in ended.stderr
    ended = whispr("units", "release", "bom/0", "--config", stopped, status=2)
    assert "there is no unit 'bom/0'; there are boom/0, ema_cross/0" in ended.stderr

    (boom / "boom_plugin.py").write_text(
        "class Boom:\n"
        "    name, version = 'boom', '1'\n"
        "    def on_event(self, event):\n"
        "        return []\n"
    )
    monkeypatch.delitem(sys.modules, "boom_plugin")
    whispr("replay", bars, "--config", stopped, "--data", stopped.parent / "data")
    assert listed(whispr, stopped)["boom/0"]["state"] == "stopped"


def test_without_release_the_next_start_leaves_a_unit_in_quarantine(
    whispr: Whispr, stopped: Path, bars: Path, tmp_path: Path
) -> None:
    before = listed(whispr, stopped)["boom/0"]
    whispr("replay", bars, "--config", stopped, "--data", tmp_path / "data", status=4)
    assert listed(whispr, stopped)["boom/0"] == before


def alerts(tmp_path: Path) -> list[dict[str, Any]]:
    said = tmp_path / "said.jsonl"
    lines = said.read_text().splitlines() if said.exists() else []
    rows = [json.loads(line)["output"] for line in lines]
    return [row for row in rows if row["origin"] == "boom/0"]


def test_a_running_daemon_tells_of_a_quarantine_once_and_takes_up_what_is_released(
    whispr: Whispr, config: Path, bars: Path, boom: Path, tmp_path: Path
) -> None:
    with daemon(
        tmp_path, "--config", str(config), "--source", str(bars), PYTHONPATH=str(boom)
    ) as process:
        until(lambda: len(alerts(tmp_path)) == 1)
        before = listed(whispr, config)
        assert before["boom/0"]["state"] == "quarantined"
        assert before["ema_cross/0"]["state"] == "live"
        told = whispr("units", "release", "boom/0", "--config", config).stdout
        assert "the running daemon takes it up now" in told
        # It fails again, for it always does: a second quarantine, which is told as well.
        until(lambda: len(alerts(tmp_path)) == 2)
        after = listed(whispr, config)
        assert after["boom/0"]["since"] > before["boom/0"]["since"]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    first, second = alerts(tmp_path)
    assert first["severity"] == "critical"
    assert first["id"] != second["id"]
    assert "unit boom/0 is quarantined at position" in first["message"]
