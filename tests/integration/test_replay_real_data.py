"""The main job on real market data: the verbatim rule says what an independent computation says."""

import csv
from pathlib import Path

import pytest

from tests.integration.replays import finish, start

CASES = {
    "2011-01": ("equity_1min_SPY_2011-01.parquet", 97),
    "2013-10-04_09": ("equity_1min_SPY_AIG_BAC_IBM_2013-10-04_09.parquet", 27),
}


@pytest.mark.parametrize("period", CASES)
def test_the_verbatim_rule_finds_every_cross_of_the_golden_gate(
    period: str, market_data: Path, repo_root: Path, tmp_path: Path
) -> None:
    bars, count = CASES[period]
    said = finish(
        start(
            [
                market_data / bars,
                *("--history", market_data / "equity_daily_raw_13sym_1998_to_2013-10-09.parquet"),
                *("--symbols", "SPY"),
                *("--rules", repo_root / "config" / "rules" / "golden_gate_intraday.yaml"),
                *("--format", "csv"),
            ],
            tmp_path,
        )
    )
    rows = list(csv.DictReader(said.splitlines()))
    expected_file = market_data / "expected" / f"golden_gate_SPY_{period}.csv"
    expected = list(csv.DictReader(expected_file.read_text().splitlines()))
    assert len(expected) == count
    for kind, name in (("signal", "GG_trigger"), ("alert", "info")):
        found = [row for row in rows if row["kind"] == kind]
        assert {row["name"] for row in found} == {name}
        assert [(row["ts_event"], row["direction"]) for row in found] == [
            (row["ts_event"], row["direction"]) for row in expected
        ]
        for row, wanted in zip(found, expected, strict=True):
            assert float(row["level"]) == pytest.approx(float(wanted["level"]), abs=1e-6)
            assert float(row["price"]) == pytest.approx(float(wanted["price"]), abs=1e-9)
    assert len({row["id"] for row in rows}) == len(rows) == 2 * count
