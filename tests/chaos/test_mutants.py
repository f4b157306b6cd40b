"""A daemon that has lost a promise is caught; the other mutants take kills: ``ops/chaos``."""

from pathlib import Path

from tests.chaos.command import chaos


def test_drawn_ids_are_caught(repo_root: Path, tmp_path: Path) -> None:
    mutant = ("--mutant", "drawn-ids", "--minutes", "0.1", "--kill", "disk")
    status, report = chaos(repo_root, tmp_path / "r.json", *mutant)
    assert (status, report["verdict"]) == (1, "broken")
    assert report["lost"] > 0
