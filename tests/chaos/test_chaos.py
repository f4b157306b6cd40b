"""The short form of ``ops/chaos``: a daemon of one process, one seed, a handful of faults."""

from pathlib import Path

from tests.chaos.command import chaos


def test_under_faults_it_says_what_it_says_undisturbed(repo_root: Path, tmp_path: Path) -> None:
    status, report = chaos(repo_root, tmp_path / "r.json", "--minutes", "0.1", "--seed", "5")
    assert report["wrong"] == []
    assert status in (0, 3), report["bounds"]  # a machine under load may be too slow
    assert report["faults"]
    assert report["expected"] > 100
    assert (report["lost"], report["duplicates"]) == (0, 0)
