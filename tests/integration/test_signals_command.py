"""``whispr signals`` as people type it: what was said, and what is being said."""

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from tests.integration.commands import Whispr
from tests.integration.daemons import PATIENCE
from whispr_daemon.adapters.stores.sqlite import SqliteStore
from whispr_daemon.bootstrap.folder import DataFolder, Running
from whispr_daemon.cli import signals as signals_command
from whispr_daemon.cli.options import Format
from whispr_daemon.cli.rows import COLUMNS
from whispr_daemon.domain.outputs import Signal, output_id, written
from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.ports.store import Commit
from whispr_daemon.settings import Settings


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
                outputs=(written(sealed),),
            )
        )

    return commit


async def heard_of(name: str, capfd: pytest.CaptureFixture[str]) -> str:
    heard = ""
    async with asyncio.timeout(PATIENCE):
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
