"""Flags become settings, or are refused: none is dropped in silence."""

from pathlib import Path

import pytest

from whispr_daemon.cli.options import any_source, files_source, flags
from whispr_daemon.domain.errors import SettingsError

HISTORY = [Path("daily.parquet")]


def test_flags_nest_as_settings_do_and_those_not_given_are_not_there() -> None:
    assert flags(tier=1, data=None, rules__dir="r", rules__hosts=2) == {
        "tier": 1,
        "rules": {"dir": "r", "hosts": 2},
    }


def test_a_source_of_files_has_all_its_flags() -> None:
    assert any_source(["a.csv", "b.csv"], HISTORY, "SPY, QQQ", 0.0) == {
        "kind": "files",
        "paths": ["a.csv", "b.csv"],
        "history": ["daily.parquet"],
        "symbols": ["SPY", "QQQ"],
        "speed": 0.0,
    }


def test_the_configured_source_may_be_changed() -> None:
    assert any_source(None, None, "SPY", 60.0) == {"symbols": ["SPY"], "speed": 60.0}
    assert any_source(["simulated"], None, None, None) == {"kind": "simulated"}
    assert any_source(None, None, None, None) is None


@pytest.mark.parametrize("source", [None, ["simulated"]])
def test_history_without_files_is_refused(source: list[str] | None) -> None:
    with pytest.raises(SettingsError, match="--history goes with files"):
        any_source(source, HISTORY, None, None)


@pytest.mark.parametrize("symbols", ["", " , "])
def test_symbols_that_name_none_are_refused(symbols: str) -> None:
    with pytest.raises(SettingsError, match="names none; should be like SPY,QQQ"):
        files_source([Path("a.csv")], None, symbols, None)
