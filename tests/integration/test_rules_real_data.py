"""The shipped rules on real minutes: ribbon and RSI say what TA-Lib and ten lines of code say."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest
import talib

from tests.integration.replays import finish, start

PERIODS = {
    "2011-01": "equity_1min_SPY_2011-01.parquet",
    "2013-10-04_09": "equity_1min_SPY_AIG_BAC_IBM_2013-10-04_09.parquet",
}
HISTORY = "equity_daily_raw_13sym_1998_to_2013-10-09.parquet"
NEW_YORK = ZoneInfo("America/New_York")
MINUTE = 60 * 10**9

# Bars until the seed of an average weighs less than a millionth: n to form, ln(1e-6)/ln(1-a) more.
EMA48_SETTLED = 48 + 332
RSI14_SETTLED = 15 + 187


class Bar(NamedTuple):
    """A regular minute."""

    end: int  # ns UTC
    date: str  # New York
    close: float


def regular_minutes(path: Path) -> list[Bar]:
    """Return SPY's bars of 09:30 to 16:00."""
    table = pq.read_table(path, columns=["ts", "symbol", "close"]).to_pydict()
    bars = []
    for ts, symbol, close in zip(table["ts"], table["symbol"], table["close"], strict=True):
        local = ts.to_pydatetime().astimezone(NEW_YORK)
        if symbol == "SPY" and 570 <= local.hour * 60 + local.minute < 960:
            bars.append(Bar(ts.value + MINUTE, f"{local:%Y-%m-%d}", close))
    return sorted(bars)


def arrows(bars: list[Bar]) -> Iterator[tuple[int, str]]:
    """Yield where EMA13 comes to stand at or above EMA48, and where below."""
    closes = np.array([bar.close for bar in bars])
    bull = talib.EMA(closes, 13) >= talib.EMA(closes, 48)
    for now in range(EMA48_SETTLED, len(bars)):
        # A longer gap would make the condition unknown, which this reckoning knows nothing of.
        gap = bars[now].end - bars[now - 1].end
        assert bars[now].date != bars[now - 1].date or gap <= 3 * MINUTE
        if bull[now] != bull[now - 1]:
            yield bars[now].end, "conviction_bull" if bull[now] else "conviction_bear"


def reclaims(bars: list[Bar]) -> Iterator[tuple[int, str]]:
    """Yield where RSI14 comes from below 30, half an hour apart within a session."""
    strength = talib.RSI(np.array([bar.close for bar in bars]), 14)
    side = 0
    last: Bar | None = None
    for bar, value in list(zip(bars, strength, strict=True))[RSI14_SETTLED - 1 :]:
        now = int(np.sign(value - 30)) if abs(value - 30) > 1e-10 else 0
        cooling = last and last.date == bar.date and bar.end - last.end < 30 * MINUTE
        if side == -1 and now == 1 and not cooling:
            last = bar
            yield bar.end, "RSI_reclaim"
        side = now or side


RECKONINGS = {"conviction_arrow": arrows, "rsi_mean_reversion": reclaims}


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("rule", RECKONINGS)
def test_a_shipped_rule_says_what_an_independent_reckoning_says(
    rule: str, period: str, market_data: Path, repo_root: Path, tmp_path: Path
) -> None:
    expected = list(RECKONINGS[rule](regular_minutes(market_data / PERIODS[period])))
    said = finish(
        start(
            [
                market_data / PERIODS[period],
                *("--history", market_data / HISTORY),
                *("--symbols", "SPY"),
                *("--rules", repo_root / "config" / "rules" / f"{rule}.yaml"),
                *("--format", "csv"),
            ],
            tmp_path,
        )
    )
    names = {name for _, name in expected}
    found = [
        (int(datetime.fromisoformat(row["ts_event"]).astimezone(UTC).timestamp()) * 10**9, name)
        for row in csv.DictReader(said.splitlines())
        if row["kind"] == "signal" and (name := row["name"]) in names
    ]
    assert len(expected) >= 5
    assert found == expected
