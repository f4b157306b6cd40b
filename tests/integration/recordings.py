"""A simulated market as files: minute bars and daily bars, as a user has them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from whispr_daemon.adapters.sources.simulated import SimulatedSource, Simulation
from whispr_daemon.domain.timeframe import DAILY, DAY, MINUTE


class Recording(NamedTuple):
    """Two Parquet files of the same market."""

    minutes: Path
    days: Path


async def record(folder: Path, sessions: int, bad_every: int = 0, seed: int = 7) -> Recording:
    """Write so many sessions of three symbols; every ``bad_every``-th minute bar has no close."""
    market = SimulatedSource(
        Simulation(seed=seed, symbols=("SPY", "AAPL", "NVDA"), sessions=sessions)
    )
    parts = [part async for part in market.batches(0)]
    rows = np.concatenate([part.rows for part in parts])
    daily = rows["timeframe"] == DAILY
    files = Recording(folder / "minutes.parquet", folder / "days.parquet")
    for file, chosen, length in ((files.minutes, ~daily, MINUTE), (files.days, daily, DAY)):
        bars = rows[chosen]
        if bad_every and length == MINUTE:
            bars["close"][bad_every - 1 :: bad_every] = np.nan
        columns = {name: bars[name] for name in ("open", "high", "low", "close", "volume")}
        starts = pa.array(bars["ts"] - length, pa.timestamp("ns", "UTC"))
        symbols = [parts[0].symbols[code] for code in bars["instrument"]]
        pq.write_table(pa.table({"ts": starts, "symbol": symbols, **columns}), file)
    return files
