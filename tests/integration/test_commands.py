"""What people type and what they read: every command, in this process where that is enough."""

import asyncio
import contextlib
import csv
import fcntl
import io
import json
import logging
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structlog
import yaml
from click.testing import Result
from typer.testing import CliRunner

from tests.integration.replays import COMMAND
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.cli import app
from whispr_daemon.cli import signals as signals_command
from whispr_daemon.cli.options import Format
from whispr_daemon.cli.rows import COLUMNS
from whispr_daemon.domain.outputs import Signal, output_id
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Commit
from whispr_daemon.settings import Settings

RULE = 'name: tenth\nlogic:\n  - if: "cross(10.5, price)"\n    then: ["emit:CROSSED"]\n'
PRICES = [10, 11, 10, 11, 10, 11]
BOOM = """
class Boom:
    name, version = "boom", "1"
    def on_event(self, event):
        raise ValueError("boom: always")
"""


class Whispr(Protocol):
    """Runs a command line of ``whispr`` in an empty folder."""

    def __call__(self, *arguments: str | Path, status: int = 0) -> Result:
        """Run it; it must end with this status."""
        ...


@pytest.fixture
def whispr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whispr]:
    """The command line, in this process; what it changes here is changed back."""
    monkeypatch.chdir(tmp_path)
    root, mask = logging.getLogger(), os.umask(0o022)
    handlers, level = list(root.handlers), root.level

    def run(*arguments: str | Path, status: int = 0) -> Result:
        ended = CliRunner().invoke(app, [str(each) for each in arguments])
        assert ended.exit_code == status, (ended.output, ended.exception)
        return ended

    yield run
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level
    os.umask(mask)


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A file of minute bars, 2024-01-02 14:30 UTC and on."""
    return write_bars(tmp_path / "bars.parquet", PRICES)


def write_bars(path: Path, prices: list[float]) -> Path:
    begin = 1_704_205_800 * 10**9
    columns = {
        "ts": pa.array(
            [begin + n * 60 * 10**9 for n in range(len(prices))], pa.timestamp("ns", "UTC")
        ),
        "symbol": ["SPY"] * len(prices),
        **{name: [float(price) for price in prices] for name in ("open", "high", "low", "close")},
        "volume": [100.0] * len(prices),
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    path = tmp_path / "tenth.yaml"
    path.write_text(RULE)
    return path


@pytest.fixture
def boom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a package whose strategy raises, installed for this process."""
    package = tmp_path / "site"
    described = package / "boom-1.dist-info"
    described.mkdir(parents=True)
    (package / "boom_plugin.py").write_text(BOOM)
    (described / "METADATA").write_text("Name: boom\nVersion: 1\n")
    (described / "entry_points.txt").write_text("[whispr.strategies]\nboom = boom_plugin:Boom\n")
    monkeypatch.syspath_prepend(str(package))
    return package


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


def test_a_split_in_a_file_is_no_cross(whispr: Whispr, tmp_path: Path) -> None:
    bars = write_bars(tmp_path / "bars.parquet", [100, 101, 102, 51, 51.5, 52, 45, 51])
    rule = tmp_path / "rule.yaml"
    rule.write_text("name: r\nlogic:\n  - {if: 'cross(price, sma(close, 3))', then: ['emit:X']}\n")
    splits = tmp_path / "splits.csv"
    splits.write_text("symbol,ts,ratio\nSPY,2024-01-02T14:33:00Z,2:1\n")

    def times(*flags: str | Path) -> list[str]:
        said = whispr("replay", bars, "--rules", rule, "--format", "csv", *flags).stdout
        return [line[11:16] for line in said.splitlines()[1:]]

    assert times() == ["14:34", "14:36", "14:37", "14:38"]
    assert times("--splits", splits) == ["14:37", "14:38"]


def test_a_log_file_that_cannot_be_written_is_a_sentence(
    whispr: Whispr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_LOG__FILE", "/proc/whispr/x.log")
    ended = whispr("run", status=2)
    assert ended.stderr.startswith("log.file /proc/whispr/x.log cannot be written: ")


# ------------------------------------------------------------------ replay
def test_a_replay_writes_the_same_rows_in_every_format(
    whispr: Whispr, bars: Path, rule: Path, tmp_path: Path
) -> None:
    command = ("replay", bars, "--rules", rule, "--format")
    rows = list(csv.DictReader(io.StringIO(whispr(*command, "csv").stdout)))
    assert [(row["ts_event"], row["name"], row["direction"]) for row in rows] == [
        (f"2024-01-02T14:{30 + n + 1}:00+00:00", "CROSSED", "up" if price > 10 else "down")
        for n, price in enumerate(PRICES)
        if n
    ]
    written = tmp_path / "rows.json"
    assert whispr(*command, "json", "--out", written).stdout == ""
    assert [each["id"] for each in json.loads(written.read_text())] == [row["id"] for row in rows]
    table = whispr(*command, "table").stdout
    assert all(row["ts_event"] in table for row in rows)


def test_where_rows_cannot_go_nothing_is_replayed(whispr: Whispr, bars: Path, rule: Path) -> None:
    ended = whispr("replay", bars, "--rules", rule, "--out", "no/x", "--data", "made", status=2)
    assert ended.stderr == "--out no/x cannot be written: No such file or directory\n"
    assert not Path("made").exists()


def test_a_strategy_that_raises_is_named_once_with_a_status_of_its_own(
    whispr: Whispr, bars: Path, boom: Path
) -> None:
    ended = whispr("replay", bars, "--strategy", "boom", "--format", "csv", status=4)
    assert ended.stdout == ",".join(COLUMNS) + "\n"
    (line,) = ended.stderr.splitlines()
    assert line.startswith("boom is quarantined on 4 partitions: raised ValueError('boom: always')")
    assert "at position 1-" in line


def test_who_hears_nothing_is_told_what_was_waited_for(
    whispr: Whispr, bars: Path, tmp_path: Path
) -> None:
    cold = tmp_path / "cold.yaml"
    cold.write_text('name: cold\nlogic:\n  - if: "cross(atr.38, price)"\n    then: ["emit:X"]\n')
    ended = whispr("replay", bars, "--rules", cold)
    assert "nothing was said; still waited for when all rows were read:" in ended.stderr
    assert re.search(r"  cold SPY: warming 0/\d+ daily bars\n", ended.stderr)
    assert "daily bars come with --history FILE" in ended.stderr


def test_rows_that_are_refused_are_told_after_the_others(
    whispr: Whispr, rule: Path, tmp_path: Path
) -> None:
    file = write_bars(tmp_path / "bars.parquet", [10, -1, 11])
    ended = whispr("replay", file, "--rules", rule, "--format", "csv", status=3)
    assert "CROSSED" in ended.stdout
    assert ended.stderr.startswith("1 row was refused and put aside; all others were taken in.")


# ------------------------------------------------------------------ signals
@pytest.fixture
def replayed(whispr: Whispr, bars: Path, rule: Path) -> Path:
    """A data folder on which five signals were said."""
    whispr("replay", bars, "--rules", rule, "--data", "data")
    return Path("data").resolve()


def test_the_newest_signals_are_shown_oldest_first(whispr: Whispr, replayed: Path) -> None:
    def rows(*flags: str) -> list[dict[str, str]]:
        shown = whispr("signals", "--data", replayed, "--format", "csv", *flags).stdout
        return list(csv.DictReader(io.StringIO(shown)))

    everything = rows()
    assert len(everything) == 5
    assert everything == sorted(everything, key=lambda row: row["ts_event"])
    assert rows("--limit", "2") == everything[-2:]
    assert rows("-n", "0") == []


def test_signals_are_shown_as_json_and_as_a_table(whispr: Whispr, replayed: Path) -> None:
    shown = whispr("signals", "--data", replayed, "--format", "json").stdout
    assert {each["name"] for each in json.loads(shown)} == {"CROSSED"}
    assert "2024-01-02T14:32:00+00:00" in whispr("signals", "--data", replayed).stdout


@pytest.mark.parametrize(
    ("form", "header"), [(Format.CSV, ",".join(COLUMNS)), (Format.JSON, None), (Format.TABLE, None)]
)
async def test_who_follows_gets_the_header_once_and_then_what_is_new(
    form: Format, header: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = await SqliteStore.open(tmp_path / "store.db")
    commit = await committing(store)
    await commit("old")
    settings = Settings(data=tmp_path)
    following = asyncio.create_task(signals_command._show(settings, 50, form, follow=True))
    try:
        heard = await heard_of("old", capfd)
        for name in ("one", "two"):
            await commit(name)
            heard += await heard_of(name, capfd)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await store.close()
    lines = heard.splitlines()
    assert len(lines) == 3 + (header is not None)
    if header:
        assert [line for line in lines if line.startswith("ts_event")] == [header] == lines[:1]


async def committing(store: SqliteStore) -> Callable[[str], Awaitable[None]]:
    """Return what commits a signal of the given name."""
    claim = await store.claim("u/0", 0, "me", ORIGIN)
    said: list[str] = []

    async def commit(name: str) -> None:
        number = len(said)
        said.append(name)
        output = Signal(name=name, instrument="SPY", ts_event=10**18 + number, origin="u")
        sealed = msgspec.structs.replace(output, id=output_id(output))
        await store.commit(
            Commit(
                unit_id="u/0",
                epoch=claim.mark.epoch,
                old=Position(1, number) if number else ORIGIN,
                new=Position(1, number + 1),
                out_seq=number + 1,
                out_hash=str(number),
                outputs=(sealed,),
            )
        )

    return commit


async def heard_of(name: str, capfd: pytest.CaptureFixture[str]) -> str:
    heard = ""
    async with asyncio.timeout(10):
        while name not in heard:
            await asyncio.sleep(0.01)  # noqa: TID251 - it polls on real time
            heard += capfd.readouterr().out
    return heard


def test_the_folder_knows_its_tier_when_its_daemon_is_gone(whispr: Whispr, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.take()
    folder.announce(Running(pid=1, tier=1, health_url=""))
    folder.release()
    ended = whispr("signals", status=2)
    assert "no daemon runs on data folder data, so neither does its Postgres" in ended.stderr
    assert "set postgres.url" in ended.stderr


def test_servers_of_a_daemon_that_is_only_starting_are_not_there_yet(
    whispr: Whispr, tmp_path: Path
) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.take()
    (tmp_path / "data" / "tier").write_text("1\n")
    ended = whispr("signals", status=2)
    folder.release()
    assert "the daemon is only starting on data folder data" in ended.stderr


def test_a_folder_on_which_nothing_ran_is_named(whispr: Whispr) -> None:
    assert "data folder data holds no store yet" in whispr("signals", status=2).stderr


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
    whispr: Whispr, rule: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHISPR_RULES__DIR", str(rule))
    monkeypatch.setenv("WHISPR_HEALTH__PORT", "0")
    assert whispr("doctor").stdout.count("ok ") == 7
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


# ------------------------------------------------------------------ run
@contextlib.contextmanager
def daemon(folder: Path, *flags: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run a daemon, from the moment it answers; the block ends it."""
    process = subprocess.Popen(
        [*COMMAND, "run", *flags],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process:
        try:
            for line in process.stderr:
                if line.startswith("health http"):
                    break
            yield process
        finally:
            process.kill()


def test_a_hangup_is_a_clean_stop_and_a_quarantine_is_not_ready(
    whispr: Whispr, bars: Path, boom: Path, tmp_path: Path
) -> None:
    config = tmp_path / "whispr.yaml"
    settings = {
        "rules": {"dir": None},
        "strategies": [{"plugin": "boom"}],
        "health": {"port": 0},
        "log": {"file": "log.json"},
    }
    config.write_text(yaml.safe_dump(settings))
    with daemon(
        tmp_path, "--config", str(config), "--source", str(bars), PYTHONPATH=str(boom)
    ) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert told.startswith("error: quarantined · unit boom/")
        while CliRunner().invoke(app, ["status", "--config", str(config)]).exit_code == 0:
            pass  # the supervisor has not asked the host since
        ended = whispr("status", "--config", config, status=3)
        assert ended.stdout.count("boom: always") == 1
        assert "boom is quarantined on 4 partitions: raised" in ended.stdout
        answer = json.loads(
            whispr("status", "--config", config, "--format", "json", status=3).stdout
        )
        assert answer["pid"] == process.pid
        process.send_signal(signal.SIGHUP)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "stopped; the next start goes on here" in rest
    assert (tmp_path / "log.json").stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "data").iterdir()} == {0}


def test_a_terminal_of_eighty_columns_shows_all_of_it(rule: Path, tmp_path: Path) -> None:
    config = tmp_path / "config" / "whispr.yaml"
    config.parent.mkdir()
    source = {"kind": "simulated", "symbols": ["SPY"], "warm_sessions": 1}
    rule.write_text(RULE.replace("cross(10.5, price)", "price > EMA13"))
    config.write_text(yaml.safe_dump({"rules": {"dir": rule.name}, "source": source}))
    shown, status = on_terminal(["run"], tmp_path, until=b"CROSSED")
    assert status == 0
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", shown)]
    assert max(map(len, lines)) <= 80
    assert "SIMULATED market: made-up prices, not real data" in lines
    assert any(line.startswith("UTC      symbol signal · alert") for line in lines)
    assert (tmp_path / "data" / "logs" / "daemon.log").stat().st_mode & 0o777 == 0o600


def test_on_a_terminal_a_folder_that_cannot_be_is_a_sentence(tmp_path: Path) -> None:
    shown, status = on_terminal(["run", "--data", "/proc/whispr"], tmp_path)
    assert status == 2
    assert "data folder /proc/whispr cannot be written" in shown
    assert "Traceback" not in shown


def on_terminal(arguments: list[str], folder: Path, until: bytes = b"") -> tuple[str, int]:
    """Run whispr in a folder, on a terminal of 80 columns; stop it when ``until`` is shown.

    Return all that was shown, and the exit status.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 80, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "TERM": "xterm", "WHISPR_HEALTH__PORT": "0"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        with contextlib.suppress(OSError):  # how Linux says that nobody holds the other end
            while read := terminal.read(65536):
                asked = bool(until) and until in shown
                shown += read
                if until and until in shown and not asked:
                    process.terminate()
        return shown.decode(), process.wait(30)
