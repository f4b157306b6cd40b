"""Whatever is wrong outside is said in one clear sentence, with a status, and loses nothing."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.commands import Whispr, daemon

GOOD = [(1, 10.0), (2, 11.0), (3, 12.0), (4, 11.0)]  # minute, price


def bars(path: Path, rows: list[tuple[int, float]], *, without: str = "") -> Path:
    """Write minute bars of one symbol; the row number is in the volume."""
    columns = {
        "ts": pa.array([minute * 60 * 10**9 for minute, _ in rows], pa.timestamp("ns", "UTC")),
        "symbol": ["SPY"] * len(rows),
        **{name: [price for _, price in rows] for name in ("open", "high", "low", "close")},
        "volume": [100.0] * len(rows),
    }
    columns.pop(without, None)
    pq.write_table(pa.table(columns), path)
    return path


def test_an_unknown_key_in_the_settings_names_file_line_and_column(
    whispr: Whispr, tmp_path: Path
) -> None:
    config = tmp_path / "whispr.yaml"
    config.write_text("tier: 0\nteir: 1\n")
    ended = whispr("run", "--config", config, status=2)
    assert f"{config}:2:1: unknown key 'teir' (did you mean 'tier'?)" in ended.stderr


@pytest.mark.parametrize("command", [["rules", "lint"], ["run", "--rules"]])
def test_a_mistake_in_a_rule_names_file_line_and_column(
    whispr: Whispr, command: list[str], tmp_path: Path
) -> None:
    rule = tmp_path / "bad.yaml"
    rule.write_text('name: bad\nlogic:\n  - if: "cros(atr.38, price)"\n    then: ["emit:X"]\n')
    ended = whispr(*command, rule, status=2)
    message = f"{rule}:3:10: E220 unknown function 'cros' (did you mean 'cross'?)"
    assert message in ended.stdout + ended.stderr


def test_a_file_without_a_needed_column_is_named_with_the_column(
    whispr: Whispr, tmp_path: Path
) -> None:
    file = bars(tmp_path / "bars.parquet", GOOD, without="close")
    ended = whispr("replay", file, "--strategy", "ema_cross", status=2)
    assert "bars.parquet" in ended.stderr
    assert "close" in ended.stderr


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ((3, float("nan")), "nan_price"),
        ((3, -1.0), "negative_price"),
        ((2, 11.0), "out_of_order"),  # the bar before it again
    ],
)
def test_a_bad_row_is_put_aside_with_its_place_and_the_rest_goes_on(
    whispr: Whispr, bad: tuple[int, float], reason: str, tmp_path: Path
) -> None:
    rows = [GOOD[0], GOOD[1], bad, GOOD[3]]
    file = bars(tmp_path / "bars.parquet", rows)
    data = tmp_path / "data"
    ended = whispr("replay", file, "--strategy", "ema_cross", "--data", data, status=3)
    assert "1 row was refused" in ended.stderr
    assert "bars.parquet:row 3" in ended.stderr
    assert reason in ended.stderr


def test_a_missing_plug_in_is_named_with_those_installed(whispr: Whispr, tmp_path: Path) -> None:
    file = bars(tmp_path / "bars.parquet", GOOD)
    ended = whispr("replay", file, "--strategy", "ema_crss", status=2)
    assert "no strategy named 'ema_crss' is installed (did you mean 'ema_cross'?)" in ended.stderr
    assert "installed: ema_cross" in ended.stderr


@pytest.fixture
def no_rules(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of settings without rules, so that a start is quick."""

    def make(**more: str) -> Path:
        config = tmp_path / "whispr.yaml"
        lines = ["rules: {dir: null}", *(f"{key}: {value}" for key, value in more.items())]
        config.write_text("\n".join(lines) + "\n")
        return config

    return make


def test_an_occupied_port_is_named_with_the_setting(
    whispr: Whispr, no_rules: Callable[..., Path]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = no_rules(health=f"{{port: {port}}}")
        ended = whispr("run", "--config", config, status=2)
    assert f"health.port {port} on 127.0.0.1 is in use" in ended.stderr


@pytest.mark.parametrize(
    ("setting", "other", "url"),
    [
        ("postgres.url", "redis", "postgresql://me:hush@127.0.0.1:9/db"),
        ("redis.url", "postgres", "redis://:hush@127.0.0.1:9/0"),
    ],
)
def test_a_server_that_is_not_there_is_named_without_its_password(
    whispr: Whispr, setting: str, other: str, url: str, no_rules: Callable[..., Path]
) -> None:
    name = setting.removesuffix(".url")
    config = no_rules(tier="1", **{name: f'{{url: "{url}"}}'}, health="{port: 0}")
    ended = whispr("run", "--config", config, status=2)
    assert setting in ended.stderr
    assert "127.0.0.1:9" in ended.stderr
    assert "hush" not in ended.stderr
    assert other not in ended.stderr.splitlines()[-1]


def test_a_data_folder_of_a_newer_version_is_left_alone(
    whispr: Whispr, no_rules: Callable[..., Path], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "version").write_text("99\n")
    ended = whispr("run", "--config", no_rules(), "--data", data, status=2)
    assert f"data folder {data} is of version 99, this Whispr knows up to 1" in ended.stderr
    assert not (data / "store.db").exists()


def test_a_data_folder_that_cannot_be_written_is_named(
    whispr: Whispr, no_rules: Callable[..., Path], tmp_path: Path
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    # Permissions do not bind root; the kernel's own file system binds everyone.
    data = locked / "data" if os.geteuid() else Path("/sys/whispr")
    ended = whispr("run", "--config", no_rules(), "--data", data, status=2)
    assert f"data folder {data} cannot be written" in ended.stderr


def test_a_second_daemon_on_a_data_folder_is_turned_away(
    whispr: Whispr, no_rules: Callable[..., Path], tmp_path: Path
) -> None:
    config = no_rules(health="{port: 0}")
    with daemon(tmp_path, "--config", str(config)) as first:
        ended = whispr("run", "--config", config, status=2)
        assert first.poll() is None
    assert f"is in use by another daemon (process {first.pid})" in ended.stderr
