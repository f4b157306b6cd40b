"""What people type and what they read: the command itself, its settings, what looks at a daemon."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.integration.commands import RULE, Whispr
from whispr_daemon.bootstrap.folder import DataFolder, Running


# ------------------------------------------------------------------ the command itself
def test_it_says_which_version_it_is(whispr: Whispr) -> None:
    assert re.fullmatch(r"whispr \d+\.\d+\.\d+\n", whispr("--version").stdout)


@pytest.mark.parametrize(
    ("arguments", "unneeded"),
    [
        (
            ["--help"],
            {"asyncpg", "fastapi", "lark", "numpy", "pandas", "pyarrow", "pydantic", "ray"},
        ),
        (
            ["rules", "lint", "x.yaml"],
            {"asyncpg", "fastapi", "pandas", "pydantic_settings", "pyarrow", "ray"},
        ),
    ],
)
def test_what_needs_little_imports_little(
    arguments: list[str], unneeded: set[str], tmp_path: Path
) -> None:
    (tmp_path / "x.yaml").write_text(RULE)
    program = (
        f"import sys; sys.argv = ['whispr', *{arguments}]; from whispr_daemon.cli import app\n"
        f"app(standalone_mode=False); print('HAVE', sorted({unneeded} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "HAVE []"


def test_no_help_shows_a_default_in_brackets_or_a_wrong_one(whispr: Whispr) -> None:
    for command in ("run", "replay", "signals", "status", "doctor"):
        assert "(0)" not in whispr(command, "--help").stdout
    assert "else a temporary one" in whispr("replay", "--help").stdout


# ------------------------------------------------------------------ settings
def test_the_settings_in_effect_are_printed_without_secrets(
    whispr: Whispr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_POSTGRES__URL", "postgresql://u@h/db?password=sekret&x=1")
    monkeypatch.setenv("WHISPR_REDIS__URL", "redis://:s%2Fkret@h/0")
    printed = whispr("run", "--print-config", "--data", tmp_path / "d").stdout
    assert "kret" not in printed
    shown = yaml.safe_load(printed)
    assert shown["data"] == str(tmp_path / "d")
    assert shown["postgres"]["url"] == "postgresql://u@h/db?password=********&x=1"
    assert shown["redis"]["url"] == "redis://:********@h/0"


def test_a_url_that_does_not_parse_is_refused_unseen(
    whispr: Whispr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_POSTGRES__URL", "postgresql://u:se/cr#et@h/db")
    ended = whispr("run", "--print-config", status=2)
    assert ended.stderr.startswith(
        "environment WHISPR_POSTGRES__URL: postgres.url: should be a URL"
    )
    assert "se/cr" not in ended.output
    assert "et@" not in ended.output


@pytest.mark.parametrize("flag", ["--history", "--splits"])
def test_files_beside_a_simulated_market_are_refused_and_not_dropped(
    whispr: Whispr, flag: str
) -> None:
    assert f"{flag} goes with files" in whispr("run", flag, "x", status=2).stderr


def test_a_log_file_that_cannot_be_written_is_a_sentence(
    whispr: Whispr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_LOG__FILE", "/proc/whispr/x.log")
    ended = whispr("run", status=2)
    assert ended.stderr.startswith("log.file /proc/whispr/x.log cannot be written: ")


# ------------------------------------------------------------------ status, doctor
def test_a_daemon_that_died_is_not_running(whispr: Whispr, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.take()
    folder.announce(Running(pid=1, tier=0, health_url="http://127.0.0.1:1"))
    folder.release()
    assert whispr("status", status=1).stderr == "no daemon runs on data folder data\n"


def test_a_daemon_that_is_only_starting_is_not_ready(whispr: Whispr, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.take()
    (tmp_path / "data" / "running.json").write_text('{"pid": 1')
    ended = whispr("status", status=3)
    folder.release()
    assert ended.stderr == "the daemon is only starting on data folder data\n"


def test_the_doctor_says_what_is_well_and_what_is_not(
    whispr: Whispr, rule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_RULES__DIR", str(rule))
    monkeypatch.setenv("WHISPR_HEALTH__PORT", "0")
    assert whispr("doctor").stdout.count("ok ") == 7
    (tmp_path / "data" / "tier").write_text("1\n")
    assert "is of tier 1, and tier 0 would begin anew" in whispr("doctor", status=1).stdout
    (tmp_path / "data" / "tier").unlink()
    monkeypatch.setenv("WHISPR_STRATEGIES", '[{"plugin": "ema_crss"}]')
    ended = whispr("doctor", status=1)
    assert ended.stdout.count("BAD") == 1
    assert "did you mean 'ema_cross'?" in ended.stdout


# ------------------------------------------------------------------ rules, strategies
def test_notes_of_rules_are_counted_apart_from_mistakes(whispr: Whispr, repo_root: Path) -> None:
    checked = whispr("rules", "lint", repo_root / "config/rules/golden_gate_intraday.yaml")
    assert checked.stdout.splitlines()[-1] == "2 files, 1 rule, 0 mistakes, 4 notes"


def test_what_is_not_there_is_named_as_it_was_typed(whispr: Whispr) -> None:
    ended = whispr("rules", "lint", "nodir", "nofile.yaml", status=2)
    assert ended.stderr.splitlines() == [
        "nodir: there is no such file or folder",
        "nofile.yaml: there is no such file or folder",
    ]


def test_strategies_are_listed_with_where_they_come_from(whispr: Whispr, boom: Path) -> None:
    shown = whispr("strategies", "list").stdout
    assert "whispr-daemon: strategies.ema_cross:EmaCross" in shown
    (boom / "boom_plugin.py").write_text("raise RuntimeError('broken')")
    sys.modules.pop("boom_plugin", None)
    ended = whispr("strategies", "list", status=2)
    assert "ema_cross" in ended.stdout
    assert "strategy boom (boom_plugin:Boom of boom) fails on import" in ended.stderr
