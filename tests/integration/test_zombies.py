"""Who was replaced ends at once, with exit status 70, and says by whom."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.daemons import PATIENCE, Daemon, until
from whispr_daemon.cli.terminal import FENCED

REPLACED = {
    "ingest": ("UPDATE producer SET epoch = epoch + 1", "producer"),
    "relay": ("UPDATE relay SET epoch = epoch + 1", "route"),
    "host": ("UPDATE unit SET epoch = epoch + 1 WHERE unit_id = 'ema_cross/0'", "ema_cross/0"),
    "supervisor": (
        "UPDATE unit SET epoch = epoch + 1 WHERE unit_id = 'whispr'",
        "a newer supervisor is at work",
    ),
}


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """A daemon of tier 0 on a simulated market that does not end."""
    folder = Path(tempfile.mkdtemp(prefix="z-"))
    settings = {
        "rules": {"dir": None},
        "strategies": [{"plugin": "ema_cross"}],
        "partitions": 1,
        "source": {"kind": "simulated", "speed": 20_000, "history_days": 0, "warm_sessions": 1},
        "health": {"port": 0},
        "idle_commit_seconds": 0.1,
        "outlets": [{"kind": "jsonl", "path": "signals.jsonl"}],
    }
    made = Daemon(folder, settings)
    yield made
    made.discard()
    shutil.rmtree(folder)


@pytest.mark.parametrize("who", REPLACED)
def test_a_zombie_ends_with_status_70_and_says_why(daemon: Daemon, who: str) -> None:
    order, told = REPLACED[who]
    daemon.start()
    until(lambda: daemon.outputs() > 0)

    with closing(sqlite3.connect(daemon.data / "store.db", timeout=30)) as store, store:
        assert store.execute(order).rowcount == 1

    assert daemon.process is not None
    assert daemon.process.wait(PATIENCE) == FENCED
    assert told in daemon.errors
