"""Raw prices of 15 years with their splits and dividends: rules say what they say of adjusted."""

import csv
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from whispr_daemon.adapters.sources.files import FileSource, Splits
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output
from whispr_daemon.domain.timeframe import DAY
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.logged import Logged
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

SYMBOL = "AAPL"
PRICES = ("open", "high", "low", "close")
RULE = """
name: daily
inputs: {timeframe: 1d}
logic:
  - {if: "cross(ema(close, 5), ema(close, 20))", then: ["emit:averages"]}
  - {if: "cross(price, atr.38)", then: ["emit:level"]}
  - {if: "cross(rsi(close, 14), 50)", then: ["emit:rsi"]}
  - {if: "cross(volume, sma(volume, 20))", then: ["emit:volume"]}
"""


def write_splits(market_data: Path, to: Path) -> Path:
    """Write what the cumulative factors change: each holds to the end of its date."""
    table = pq.read_table(market_data / "equity_adjust_factors_to_2013-10-09.parquet").to_pylist()
    factors = [row for row in table if row["symbol"] == SYMBOL]
    with to.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("symbol", "date", "price_factor", "volume_factor"))
        for old, new in pairwise(factors):
            day = datetime.fromisoformat(old["session"]).date() + timedelta(days=1)
            before, after = (each["price_factor"] * each["split_factor"] for each in (old, new))
            volume = new["split_factor"] / old["split_factor"]
            lines.writerow((SYMBOL, day.isoformat(), before / after, volume))
    return to


async def read(market_data: Path, folder: Path) -> Rows:
    splits = write_splits(market_data, folder / "splits.csv")
    source = await FileSource.open(
        [market_data / "equity_daily_raw_13sym_1998_to_2013-10-09.parquet"],
        symbols=[SYMBOL],
        splits=Splits([splits], lambda _symbol: "America/New_York"),
    )
    return np.concatenate([batch.rows async for batch in source.batches(0)])


def adjusted(rows: Rows) -> Rows:
    made = rows[rows["kind"] == Kind.BAR].copy()
    for split in rows[rows["kind"] == Kind.SPLIT]:
        before = made["ts"] - DAY // 2 < split["ts"]
        for field in PRICES:
            made[field][before] *= split["open"]
        made["volume"][before] *= split["volume"]
    return made


def said(rows: Rows) -> list[Output]:
    rules = load([RuleFile("daily.yaml", RULE)]).rules
    settings = RuleSettings(require="formed")
    return Logged(RulesStrategy(rules, settings)).on_batch(Batch(rows, [SYMBOL]))


async def test_rules_say_of_raw_prices_what_they_say_of_adjusted(
    market_data: Path, tmp_path: Path
) -> None:
    rows = await read(market_data, tmp_path)
    splits = rows[rows["kind"] == Kind.SPLIT]
    assert len(splits) == 7
    bars = rows[rows["kind"] == Kind.BAR]["ts"]
    first = {int(bars[bars - DAY // 2 >= split["ts"]][0]) for split in splits}
    found, wanted = (
        [(one.ts_event, one.name, one.direction) for one in each if one.ts_event not in first]
        for each in (said(rows), said(adjusted(rows)))
    )
    assert found == wanted
    assert len(found) > 2000
