"""A daemon that compiles its rules says the same as one that does not, whatever it finds to use."""

import json
import stat
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.replays import finish, start

SYMBOLS = ("SPY", "QQQ", "IWM", "DIA")
MINUTES = 390
OPENS = (1_709_562_600, 1_709_649_000)  # 2024-03-04 and -05, 09:30 in New York
RULES = """
name: ribbon
inputs: {warmup: {require: formed}}
logic:
  - {id: up, if: "EMA13 >= EMA48", for: 2m, then: ["emit:UP"]}
  - {id: dip, if: "cross_up(RSI14, 40)", cooldown: 5m, then: ["emit:DIP", "alert:at {price:.2f}"]}
  - {id: both, if: "emitted('DIP') and count('UP', 30m) > 0", then: ["emit:BOTH"]}
"""


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Two sessions of some symbols."""
    draw = np.random.default_rng(1)
    ts = np.concatenate([first + 60 * np.arange(MINUTES) for first in OPENS])
    shape = (len(ts), len(SYMBOLS))
    close = 100 * np.exp(draw.normal(0, 5e-4, shape).cumsum(axis=0))
    opening = np.vstack([close[:1], close[:-1]])
    prices = {
        "open": opening,
        "high": np.maximum(opening, close),
        "low": np.minimum(opening, close),
        "close": close,
        "volume": np.full(shape, 100.0),
    }
    columns = {
        "ts": pa.array(np.repeat(ts, len(SYMBOLS)) * 10**9, pa.timestamp("ns", "UTC")),
        "symbol": SYMBOLS * len(ts),
        **{name: values.reshape(-1) for name, values in prices.items()},
    }
    path = tmp_path / "bars.parquet"
    pq.write_table(pa.table(columns), path)
    (tmp_path / "ribbon.yaml").write_text(RULES)
    return path


def test_compiled_as_not(market: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = market.parent

    def replay(jit: str, data: str) -> str:
        monkeypatch.setenv("WHISPR_RULES__JIT", jit)
        rules = ("--rules", folder / "ribbon.yaml", "--format", "json")
        return finish(start([market, *rules, "--data", folder / data], folder))

    plain = replay("off", "plain")
    assert len(json.loads(plain)) > 100
    assert not (folder / "plain" / "kernels").exists()
    assert replay("auto", "short") == plain
    assert not list((folder / "short" / "kernels").iterdir())  # it was over before that paid
    assert replay("always", "cold") == plain
    kernels = folder / "cold" / "kernels"
    assert stat.S_IMODE(kernels.stat().st_mode) == 0o700
    assert list(kernels.glob("k*.py"))
    (folder / "warm").mkdir(mode=0o700)
    kernels.rename(folder / "warm" / "kernels")
    for broken in (folder / "warm" / "kernels" / "__pycache__").glob("*.nbc"):
        broken.write_bytes(b"of another machine")
    assert replay("auto", "warm") == plain
