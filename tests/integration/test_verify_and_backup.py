"""What was said is compared with the log; a data folder is copied while a daemon writes to it."""

import json
import logging
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import structlog
from typer.testing import CliRunner

from tests.integration.daemons import PATIENCE, Daemon, until
from tests.integration.recordings import record
from tests.integration.replays import COMMAND
from whispr_daemon.cli import app
from whispr_daemon.domain.position import Position

SESSIONS = 2
SPEED = 30_000
SLOWLY = 2_000
UNITS = 8  # ema_cross and the rules, on four partitions
SETTINGS: dict[str, Any] = {
    "strategies": [{"plugin": "ema_cross"}],
    "health": {"port": 0},
    "snapshot_seconds": 0.3,
    "idle_commit_seconds": 0.1,
    "outlets": [{"kind": "jsonl", "path": "signals.jsonl"}],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Minute bars of a simulated market with daily bars: flags of a source."""
    files = await record(tmp_path_factory.mktemp("recorded"), SESSIONS)
    return ["--source", files.minutes, "--history", files.days]


@pytest.fixture(scope="module")
def make(recorded: list[str | Path], repo_root: Path) -> Iterator[Callable[..., Daemon]]:
    """A maker of daemons on the recorded market, each in a folder of its own."""
    made: list[Daemon] = []

    def one(speed: int = SPEED) -> Daemon:
        folder = Path(tempfile.mkdtemp(prefix="w-"))
        rules = {"dir": str(repo_root / "config" / "rules")}
        settings = {**SETTINGS, "rules": rules}
        made.append(Daemon(folder, settings, *recorded, "--speed", str(speed)))
        return made[-1]

    yield one
    for each in made:
        if each.process is not None:
            each.discard()
        shutil.rmtree(each.folder)


@pytest.fixture(scope="module")
def expected(
    recorded: list[str | Path], repo_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """What a daemon says whom nobody disturbs."""
    flags = ["--rules", repo_root / "config" / "rules", "--strategy", "ema_cross"]
    ended = subprocess.run(
        [*COMMAND, "replay", *map(str, [*recorded[1:], *flags]), "--format", "csv"],
        cwd=tmp_path_factory.mktemp("undisturbed"),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    rows = sorted(ended.stdout.splitlines()[1:])
    assert len(rows) > 100
    return rows


@pytest.fixture(scope="module")
def ran(make: Callable[..., Daemon], expected: list[str]) -> Daemon:
    """A daemon that was killed on the way, compared while it ran, and has said all."""
    daemon = make().start()
    until(lambda: daemon.outputs() >= len(expected) // 3)
    daemon.kill()
    daemon.start()
    until(lambda: daemon.outputs() > len(expected) // 2)
    beside = daemon.whispr("verify", "--format", "json")
    assert beside.returncode == 0, beside.stderr
    compared = sum(each["outputs"] for each in json.loads(beside.stdout))
    assert compared > len(expected) // 2
    until(lambda: len(delivered(daemon)) >= len(expected))
    assert daemon.end(within=10) == 0
    assert daemon.rows() == expected
    return daemon


@pytest.fixture
def copy(ran: Daemon, tmp_path: Path) -> Path:
    """A data folder to be spoilt."""
    return Path(shutil.copytree(ran.data, tmp_path / "data"))


@pytest.fixture(scope="module")
def backup(ran: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it, not to be spoilt."""
    made = tmp_path_factory.mktemp("backups") / "made"
    ended = ran.whispr("backup", str(made))
    assert ended.returncode == 0, ended.stderr
    return made


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands in this process set logging up; afterwards it is as before."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


def verify(data: Path, *flags: str, status: int) -> list[dict[str, Any]]:
    """Return what the command says of each unit, in this process; it must end with this status."""
    arguments = ["verify", "--data", str(data), "--format", "json", *flags]
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == status, (ended.output, ended.exception)
    told: list[dict[str, Any]] = json.loads(ended.stdout)
    return told


def flip(file: Path) -> None:
    """Change one byte of a file."""
    with file.open("r+b") as body:
        body.seek(5000)
        (found,) = body.read(1)
        body.seek(5000)
        body.write(bytes([found ^ 1]))


def execute(file: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement on a file of nobody."""
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def delivered(daemon: Daemon) -> list[str]:
    """The ids in the file of JSON lines, sorted, each as often as it is there."""
    lines = daemon.said.read_text().splitlines() if daemon.said.exists() else []
    return sorted(json.loads(line)["output"]["id"] for line in lines if line.endswith("}"))


def verdicts(told: list[dict[str, Any]]) -> dict[str, str]:
    """The verdict of each unit that has a log."""
    return {each["unit_id"]: each["verdict"] for each in told if "/" in each["unit_id"]}


def test_what_was_said_is_what_the_log_says_from_its_first_row_to_its_end(
    ran: Daemon, expected: list[str]
) -> None:
    told = verify(ran.data, status=0)
    assert len(verdicts(told)) == UNITS
    assert set(verdicts(told).values()) == {"same"}
    assert {each["begin"] for each in told} == {"0-0"}
    assert sum(each["outputs"] for each in told) >= len(expected)  # those for the audit, too
    shown = ran.whispr("verify", "ema_cross/0")
    assert shown.returncode == 0
    assert "same" in shown.stdout
    assert "rules/0" not in shown.stdout


def test_an_output_altered_in_the_store_is_named_with_both(copy: Path) -> None:
    ((body,),) = execute(
        copy / "store.db", "SELECT body FROM output WHERE unit_id = 'ema_cross/0' AND out_seq = 3"
    )
    said = json.loads(body)
    altered = {**said, "price": said["price"] + 0.01}
    execute(
        copy / "store.db",
        "UPDATE output SET body = ? WHERE unit_id = 'ema_cross/0' AND out_seq = 3",
        json.dumps(altered, separators=(",", ":")),
    )

    told = {each["unit_id"]: each for each in verify(copy, status=1)}

    found = told["ema_cross/0"]
    assert found["verdict"] == "differs"
    assert found["outputs"] == 2  # before it
    assert found["first"]["number"] == 3
    assert found["first"]["log"] == said
    assert found["first"]["store"] == altered
    assert found["first"]["log"]["id"] == said["id"]
    entry = Position.parse(found["first"]["position"]).pack()
    ((rows,),) = execute(
        copy / "log.db", "SELECT rows FROM entry WHERE partition = 0 AND position = ?", entry
    )
    assert said["ts_event"].to_bytes(8, "little") in rows
    others = [each["verdict"] for name, each in told.items() if name != "ema_cross/0"]
    assert "differs" not in others


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("DELETE FROM output WHERE unit_id = 'rules/0' AND out_seq = 2", "output 2, at position"),
        ("UPDATE unit SET out_seq = out_seq - 1 WHERE unit_id = 'rules/0'", "is not the same"),
        ("UPDATE unit SET out_hash = 'f00' WHERE unit_id = 'rules/0'", "has f00"),
        ("UPDATE unit SET wm = wm + 1 WHERE unit_id = 'rules/0'", "does not hold"),
    ],
)
def test_whatever_is_not_as_it_was_said_is_noticed(copy: Path, sql: str, reason: str) -> None:
    execute(copy / "store.db", sql)

    (found,) = verify(copy, "rules/0", status=1)

    assert reason in found["reason"]


def test_a_log_that_was_trimmed_is_compared_from_the_oldest_snapshot_it_still_serves(
    copy: Path,
) -> None:
    unit = "SELECT min(pos) FROM snapshot WHERE unit_id = 'ema_cross/0'"
    ((oldest,),) = execute(copy / "store.db", unit)
    gone = execute(
        copy / "log.db",
        "DELETE FROM entry WHERE partition = 0 AND position <= ? RETURNING position",
        oldest,
    )
    assert gone

    (found,) = verify(copy, "ema_cross/0", status=0)

    assert found["begin"] == str(Position.unpack(oldest))
    assert (found["verdict"], found["rows"] > 0) == ("same", True)
    execute(copy / "store.db", "DELETE FROM snapshot WHERE unit_id = 'ema_cross/0'")
    (found,) = verify(copy, "ema_cross/0", status=1)
    assert found["verdict"] == "unverified"
    assert "the log was trimmed up to row" in found["reason"]


def test_outputs_from_before_the_snapshot_are_held_against_their_hash(copy: Path) -> None:
    assert verify(copy, "ema_cross/0", "--from-snapshot", status=0)[0]["begin"] != "0-0"
    execute(
        copy / "store.db",
        "UPDATE output SET body = replace(body, '\"price\":', '\"price\":1')"
        " WHERE unit_id = 'ema_cross/0' AND out_seq = 1",
    )

    (found,) = verify(copy, "ema_cross/0", "--from-snapshot", status=1)

    assert found["verdict"] == "differs"
    assert "are not stored as they were said" in found["reason"]


def test_what_other_code_said_is_not_held_against_this(copy: Path) -> None:
    execute(copy / "store.db", "UPDATE snapshot SET code_version = 'another'")

    (found,) = verify(copy, "ema_cross/0", status=1)

    assert found["verdict"] == "unverified"
    assert "its outputs are those of 'another'" in found["reason"]


def test_of_what_no_longer_runs_the_outputs_are_only_held_against_their_hash(copy: Path) -> None:
    for table in ("unit", "output", "snapshot"):
        execute(
            copy / "store.db",
            f"UPDATE {table} SET unit_id = 'gone/0' WHERE unit_id = 'ema_cross/0'",
        )
    (found,) = verify(copy, "gone/0", status=0)
    assert (found["verdict"], found["outputs"] > 0) == ("kept", True)
    execute(copy / "store.db", "DELETE FROM output WHERE unit_id = 'gone/0' AND out_seq = 1")

    assert verify(copy, "gone/0", status=1)[0]["verdict"] == "differs"


def test_a_unit_there_is_not_is_wrong_use(ran: Daemon) -> None:
    ended = ran.whispr("verify", "nobody/0")
    assert ended.returncode == 2
    assert "there is no unit 'nobody/0'; there are ema_cross/0, " in ended.stderr


def test_a_folder_copied_while_a_daemon_writes_to_it_goes_on_where_it_was(
    make: Callable[..., Daemon], expected: list[str]
) -> None:
    daemon, after = make(SLOWLY).start(), make(0)
    until(lambda: daemon.outputs() > len(expected) // 4)
    made = daemon.folder / "copies" / "first"
    backup = daemon.whispr("backup", str(made))
    assert backup.returncode == 0, backup.stderr
    said = daemon.outputs()
    again = daemon.whispr("backup", str(made))
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert [each.name for each in made.parent.iterdir()] == ["first"]  # nothing half made
    assert set(verdicts(verify(made, status=0)).values()) == {"same"}
    until(lambda: daemon.outputs() > said)
    daemon.kill()

    shutil.copy(daemon.said, after.said)  # what was delivered stays so
    restored = after.whispr("restore", str(made))
    assert restored.returncode == 0, restored.stderr
    assert 0 < len(after.rows()) < len(daemon.rows())
    after.start()
    until(lambda: len(delivered(after)) >= len(expected))
    assert after.end(within=10) == 0

    assert after.rows() == expected
    assert delivered(after) == sorted(row.rpartition(",")[2] for row in expected)
    assert set(verdicts(verify(after.data, status=0)).values()) == {"same"}
    refused = after.whispr("restore", str(made))
    assert (refused.returncode, "is there already" in refused.stderr) == (2, True)


def test_what_is_no_backup_is_not_restored(ran: Daemon, make: Callable[..., Daemon]) -> None:
    other = make()
    refused = other.whispr("restore", str(ran.data))
    assert refused.returncode == 2
    assert "is no backup: backup.json cannot be read" in refused.stderr
    assert not other.data.exists()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda made: (made / "log.db").unlink(), "log.db cannot be read: No such file"),
        (lambda made: os.truncate(made / "log.db", 4096), "log.db has 4,096 of"),
        (lambda made: flip(made / "store.db"), "store.db is not what was copied: its SHA-256"),
        (lambda made: (made / "backup.json").unlink(), "is no backup: backup.json cannot be read"),
        (lambda made: os.truncate(made / "backup.json", 80), "is no backup: backup.json cannot"),
    ],
)
def test_a_backup_by_half_is_refused_with_what_is_missing(
    backup: Path, tmp_path: Path, spoil: Callable[[Path], None], why: str
) -> None:
    made = Path(shutil.copytree(backup, tmp_path / "made"))
    spoil(made)
    for tier in ("0", "1"):
        arguments = ["restore", str(made), "--tier", tier, "--data", str(tmp_path / "data")]
        ended = CliRunner().invoke(app, arguments)
        assert (ended.exit_code, why in ended.stderr) == (2, True), ended.stderr
    assert not (tmp_path / "data").exists()
    if (made / "backup.json").exists():
        ended = CliRunner().invoke(app, ["verify", "--data", str(made)])
        assert (ended.exit_code, why in ended.stderr or "is no backup" in ended.stderr) == (2, True)


def test_no_daemon_runs_on_a_backup(backup: Path) -> None:
    ended = CliRunner().invoke(app, ["run", "--data", str(backup)])
    assert (ended.exit_code, "is a backup; make a data folder of it" in ended.stderr) == (2, True)
    assert not (backup / "lock").exists()
