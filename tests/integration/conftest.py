"""The command line in an empty folder, and what stands in it."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

from tests.integration.commands import PRICES, RULE, Whispr, write_bars
from whispr_daemon.cli import app

BOOM = """
class Boom:
    name, version = "boom", "1"
    def on_event(self, event):
        raise ValueError("boom: always")
"""


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


@pytest.fixture(scope="session")
def market_data(repo_root: Path) -> Path:
    """The folder of recorded data, which is not part of the repository; CI has it."""
    folder = repo_root.parent / "shared" / "data"
    if not folder.is_dir() and not os.environ.get("CI"):
        pytest.skip(f"the recorded market data is not in {folder}")
    return folder
