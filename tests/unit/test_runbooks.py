"""What the runbooks name exists: tests and figures; every line of a table has a test."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_dashboards import SHOWN

LINES = (
    "a host (an actor's process)",
    "a stopped host (SIGSTOP, SIGCONT later)",
    "the supervisor",
    "Valkey or Redis",
    "Postgres",
    "a relay (it lives in the daemon's process)",
    "the whole daemon, every process at once",
    "a reply, dropped after the server did what it was asked",
    "room on the disk",
    "the right time",
)


@pytest.fixture(scope="module")
def page(repo_root: Path) -> str:
    return (repo_root / "ops" / "runbooks" / "failures.md").read_text()


def rows(page: str) -> Iterator[list[str]]:
    """Yield the cells of each line of the table, without its head."""
    lines = [line for line in page.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_every_line_of_the_matrix_is_there(page: str) -> None:
    assert tuple(row[0] for row in rows(page)) == LINES


def test_every_line_says_what_happens_what_is_seen_what_to_do_and_what_proves_it(page: str) -> None:
    for what, *cells in rows(page):
        assert len(cells) == 4, what
        assert all(cells), what
        assert "::" in cells[-1], what


def test_every_test_that_is_named_exists(page: str, repo_root: Path) -> None:
    named = set(re.findall(r"(tests/[\w/]+\.py)::(\w+)", page))
    assert len(named) > len(LINES)
    missing = [
        f"{file}::{test}"
        for file, test in sorted(named)
        if not re.search(rf"def {test}\(", (repo_root / file).read_text())
    ]
    assert missing == []


def test_every_figure_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"\bwhispr_(?!daemon\b)\w+", page))
    assert named - set(SHOWN) == set()
