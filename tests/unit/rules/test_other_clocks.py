"""Every indicator means the same on another timeframe, of another symbol, of bars ago, forming."""

import numpy as np
import pytest

from tests.unit.rules.bars import bar_rows, ns
from tests.unit.rules.market import engine, fold
from whispr_daemon.domain.batch import Rows
from whispr_daemon.domain.outputs import Audit
from whispr_daemon.domain.timeframe import MINUTE
from whispr_daemon.rules.load import RuleFile, load

START = ns("2026-06-24", "09:30")
MINUTES = 255
PAIR = ("SPY", "VIX")

INDICATORS = (
    "price", "hlc3", "volume", "EMA3", "HIGHEST3", "sma(close, 3)", "ema(hl2, 3)", "rma(close, 3)",
    "wma(close, 3)", "hma(close, 4)", "vwma(close, 3)", "vwap", "vwap('week')", "tr()", "atr(3)",
    "stdev(close, 3)", "bb(4, 2).upper", "bb(4, 2).mid", "bb(4, 2).lower", "bb(4, 2).width",
    "keltner(3, 2).upper", "keltner(3, 2).lower", "rsi(close, 3)", "macd(2, 4, 3).line",
    "macd(2, 4, 3).signal", "macd(2, 4, 3).hist", "stoch(4, 2, 2).k", "stoch(4, 2, 2).d",
    "roc(close, 2)", "mom(close, 2)", "cci(4)", "adx(3)", "di_plus(3)", "di_minus(3)", "mfi(3)",
    "obv()", "highest(high, 3)", "lowest(low, 3)", "supertrend(3, 2).line",
    "supertrend(3, 2).dir", "donchian(3).upper", "donchian(3).lower", "po()", "change(close, 2)",
    "pct_change(close)", "ema(sma(close, 2), 3)", "abs(close - open)", "max(open, close, hl2)",
    "close[2]", "sum(volume, 3)", "if(rising(close, 2), 1, 0)", "if(compressed(), 1, 0)",
)  # fmt: skip
WORDS = ("ribbon.state", "ribbon.bias", "po().zone")


def walk() -> Rows:
    """Two instruments minute by minute: VIX before SPY, as ingest appends what others refer to."""
    draw = np.random.default_rng(3)
    bars = []
    for code in (0, 1):
        close = 100 + 20 * code + np.cumsum(draw.normal(0, 0.3, MINUTES))
        first = np.concatenate([close[:1], close[:-1]])
        high = np.maximum(first, close) + draw.uniform(0, 0.2, MINUTES)
        low = np.minimum(first, close) - draw.uniform(0, 0.2, MINUTES)
        ends = START + MINUTE * np.arange(1, MINUTES + 1)
        rows = bar_rows(list(zip(ends.tolist(), first, high, low, close, strict=True)))
        rows["volume"] = draw.integers(1, 50, MINUTES)
        rows["instrument"] = code
        bars.append(rows)
    return np.concatenate([bars[1], bars[0]]).reshape(2, -1).T.reshape(-1)


MARKET = walk()


def told(expressions: list[str], inputs: str) -> list[dict[int, str]]:
    """Return what expressions are at each minute, all in one engine."""
    files = [
        RuleFile(
            f"r{place}.yaml",
            f"name: r{place}\ninputs: {inputs}\nlogic:\n  - if: 'price > 0'\n    edge: every\n"
            f'    then: ["log:{{{each}}}"]\n',
        )
        for place, each in enumerate(expressions)
    ]
    loaded = load(files)
    assert [str(found) for found in loaded.errors] == []
    found: dict[str, dict[int, str]] = {file.path[:-5]: {} for file in files}
    for output in fold(engine(*loaded.rules), MARKET, PAIR):
        if isinstance(output, Audit) and output.name == "log":
            found[output.origin][(output.ts_event - START) // MINUTE] = output.message
    assert all(found.values())
    return list(found.values())


def same(one: dict[int, str], other: dict[int, str], *, least: int = 4) -> bool:
    """Do they agree wherever both are there, which is often?"""
    common = one.keys() & other.keys()
    return len(common) >= least and all(
        one[at] == other[at] or float(one[at]) == pytest.approx(float(other[at]), rel=1e-9)
        for at in common
    )


@pytest.fixture(scope="module")
def here() -> dict[str, dict[int, str]]:
    """What everything is on bars of one minute of SPY."""
    forms = ("{}", "({})@5m", "({})[2]", "forming(({})@5m)", "vix.{}")
    asked = [form.format(each) for form in forms for each in INDICATORS]
    asked += [form.format(each) for form in ("({})@5m", "vix.{}") for each in WORDS]
    wanted = [each for each in asked if not each.startswith(_OPERATORS)]
    values = told(wanted, "{symbols: [SPY], refs: {vix: VIX}}")
    return dict(zip(wanted, values, strict=True))


@pytest.fixture(scope="module")
def on_five() -> dict[str, dict[int, str]]:
    """What everything is to a rule of five minutes."""
    every = (*INDICATORS, *WORDS)
    return dict(zip(every, told([*every], "{symbols: [SPY], timeframe: 5m}"), strict=True))


Values = dict[str, dict[int, str]]


@pytest.mark.parametrize("name", [*INDICATORS, *WORDS])
def test_at_five_minutes_it_is_what_a_rule_of_five_minutes_sees(
    name: str, here: Values, on_five: Values
) -> None:
    there = here[f"({name})@5m"]
    assert same(on_five[name], {at: value for at, value in there.items() if at % 5 == 0})
    assert same(there, {at: there[at - at % 5] for at in there if at - at % 5 in there})


@pytest.mark.parametrize("name", INDICATORS)
def test_bars_ago_it_is_what_it_was(name: str, here: Values) -> None:
    assert same({at + 2: value for at, value in here[name].items()}, here[f"({name})[2]"])


@pytest.mark.parametrize("name", INDICATORS)
def test_with_the_forming_bar_it_is_the_complete_value_at_its_end(
    name: str, here: Values, on_five: Values
) -> None:
    forming = here[f"forming(({name})@5m)"]
    assert same(on_five[name], {at: value for at, value in forming.items() if at % 5 == 0})


def test_of_another_symbol_it_is_what_a_rule_about_that_sees(here: Values) -> None:
    named = [name.removeprefix("vix.") for name in here if name.startswith("vix.")]
    for name, value in zip(named, told(named, "{symbols: [VIX]}"), strict=True):
        assert same(value, here[f"vix.{name}"]), name


# Calls of several values: each has its symbol of its own.
_OPERATORS = ("vix.abs", "vix.max", "vix.if")
