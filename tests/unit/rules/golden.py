"""Runs the golden tests of a rule file over the rules engine, and the invariants every test has."""

import random
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import yaml

from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.outputs import Output, Signal
from whispr_daemon.domain.timeframe import CODE_OF, MINUTE
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

NEW_YORK = ZoneInfo("America/New_York")
A_WEDNESDAY = "2026-06-24"

_STEP = re.compile(r"^(?P<first>-?[\d.]+)(?P<step>[+-][\d.]+)?(?:x(?P<more>\d+))?$")


class Case(NamedTuple):
    """One golden test, ready to run."""

    name: str
    rule: Rule
    settings: RuleSettings
    rows: Rows
    symbol: str
    expect: list[dict[str, str]]


def ns(day: str, clock: str) -> int:
    """Return ns UTC of a New York time of day."""
    local = datetime.fromisoformat(f"{day}T{clock}:00").replace(tzinfo=NEW_YORK)
    return int(local.timestamp()) * 1_000_000_000


def bar_rows(bars: Sequence[tuple[int, float, float, float, float]], timeframe: str = "1m") -> Rows:
    """Return rows of (end, open, high, low, close)."""
    rows = empty_rows(len(bars))
    rows["kind"] = Kind.BAR
    rows["timeframe"] = CODE_OF[timeframe]
    for row, (end, *prices) in zip(rows, bars, strict=True):
        row["ts"] = end
        row["open"], row["high"], row["low"], row["close"] = prices
    return rows


def close_rows(closes: Sequence[float | None], start: int) -> Rows:
    """Return 1-minute rows that begin at ``start``, each opening at the close before."""
    bars = []
    before = None
    for minute, close in enumerate(closes):
        if close is not None:
            first = close if before is None else before
            end = start + (minute + 1) * MINUTE
            bars.append((end, first, max(first, close), min(first, close), close))
            before = close
    return bar_rows(bars)


def cases(rule: RuleFile, tests: str) -> Iterator[Case]:
    """Yield the golden tests of ``tests`` (YAML) for one rule file."""
    (checked,) = load([rule]).rules
    for written in yaml.load(tests, Loader=yaml.BaseLoader)["tests"]:
        symbol = written.get("symbol", "SPY")
        day = written.get("date", A_WEDNESDAY)
        settings = RuleSettings(
            watchlist=(symbol,),
            require=written.get("warmup", "formed"),
            pinned_levels=dict(_pins(symbol, written.get("given", {}).get("atr"))),
        )
        rows = _rows(written["bars"], day)
        yield Case(written["name"], checked, settings, rows, symbol, _expected(written, day))


def run(case: Case) -> list[Output]:
    """Return all outputs of a case, folded in one batch."""
    return list(_strategy(case).on_batch(Batch(case.rows, [case.symbol])))


def seen(case: Case, outputs: Sequence[Output]) -> list[dict[str, str]]:
    """Return the outputs as ``expect`` writes them, only with the keys it has at that place."""
    told = [_told(output) for output in outputs]
    keys = [expected.keys() for expected in case.expect]
    return [
        {key: value for key, value in one.items() if place >= len(keys) or key in keys[place]}
        for place, one in enumerate(told)
    ]


def check_invariants(case: Case) -> None:
    """No lookahead, no trace of a restart, nothing from repeats and late rows."""
    whole = run(case)
    strategy = _strategy(case)
    restarted: list[Output] = []
    for end in range(1, len(case.rows) + 1):
        restarted += strategy.on_batch(Batch(case.rows[end - 1 : end], [case.symbol]))
        fresh = _strategy(case)
        fresh.restore(strategy.snapshot())
        assert fresh.snapshot() == strategy.snapshot()
        strategy = fresh
        assert restarted == whole[: len(restarted)]
    assert restarted == whole

    draw = random.Random(case.name)
    echoed: list[Any] = []
    for place in range(len(case.rows)):
        echoed.append(case.rows[place])
        echoed += [case.rows[draw.randrange(place + 1)] for _ in range(draw.randrange(3))]
    repeated = np.array(echoed, dtype=case.rows.dtype)
    assert list(_strategy(case).on_batch(Batch(repeated, [case.symbol]))) == whole


def _strategy(case: Case) -> RulesStrategy:
    return RulesStrategy([case.rule], case.settings)


def _told(output: Output) -> dict[str, str]:
    local = datetime.fromtimestamp(output.ts_event // 1_000_000_000, NEW_YORK)
    told = {"at": f"{local:%Y-%m-%d %H:%M}", "dir": output.direction}
    if isinstance(output, Signal):
        return {**told, "emit": output.name}
    return {**told, "alert": output.severity, "message": output.message}


def _expected(written: dict[str, Any], day: str) -> list[dict[str, str]]:
    return [
        {**one, "at": one["at"] if " " in one["at"] else f"{day} {one['at']}"}
        for one in written["expect"]
    ]


def _pins(
    symbol: str, given: dict[str, Any] | None
) -> Iterator[tuple[tuple[str, date | None], tuple[float, float]]]:
    if given is None:
        return
    by_day = {None: given} if "anchor" in given else given
    for day, pin in by_day.items():
        when = None if day is None else date.fromisoformat(day)
        yield (symbol, when), (float(pin["anchor"]), float(pin["atr"]))


def _rows(written: str | dict[str, Any], day: str) -> Rows:
    if isinstance(written, dict):
        start = ns(day, written.get("start", "09:30"))
        return close_rows(list(_closes(written["closes"])), start)
    bars = []
    for line in written.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 1:
            day = words[0]
        elif words:
            prices = [float(word) for word in words[1:5]]
            first, high, low, close = prices
            bars.append((ns(day, words[0]) + MINUTE, first, high, low, close))
    return bar_rows(bars)


def _closes(notation: str) -> Iterator[float | None]:
    for word in notation.split():
        if word.startswith("_"):
            yield from [None] * int(word.removeprefix("_x") if "x" in word else 1)
            continue
        step = _STEP.match(word)
        assert step is not None, word
        first, by = float(step["first"]), float(step["step"] or 0)
        yield from (first + by * count for count in range(int(step["more"] or 0) + 1))
