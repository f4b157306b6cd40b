"""Bars to compute on, and the value of a typed tree over them without an engine around it."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from whispr_daemon.rules.column import Column, Need
from whispr_daemon.rules.compile.codegen import Translation
from whispr_daemon.rules.functions.folds import Input, Output, State, fold
from whispr_daemon.rules.functions.table import fold_of
from whispr_daemon.rules.nodes import Named, Node, Series, Type
from whispr_daemon.rules.tree import canonical, children, walk

NAN = float("nan")


class Bars(NamedTuple):
    """Bars of one instrument, oldest first."""

    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]
    date: list[int]


class Told(NamedTuple):
    """An event at a row."""

    truth: int
    direction: int
    gap: int
    level: float


def walk_of(count: int, seed: int = 1) -> Bars:
    """Return a random walk with prices on a tick of 0.01, a date every 60 bars."""
    draw = random.Random(seed)
    bars = Bars([], [], [], [], [], [])
    close = 100.0
    for place in range(count):
        first, close = close, round(close + draw.uniform(-1.0, 1.0), 2)
        bars.open.append(first)
        bars.high.append(round(max(first, close) + draw.choice([0.0, 0.1, 0.25]), 2))
        bars.low.append(round(min(first, close) - draw.choice([0.0, 0.1, 0.25]), 2))
        bars.close.append(close)
        bars.volume.append(100.0 * draw.randrange(1, 90))
        bars.date.append(15_000 + place // 60)
    return bars


def of_closes(closes: Sequence[float]) -> Bars:
    """Return bars with these closes, each opening at the close before; volume 1, one date."""
    opens = [*closes[:1], *closes[:-1]]
    high, low = list(map(max, opens, closes)), list(map(min, opens, closes))
    return Bars(opens, high, low, list(closes), [1.0] * len(closes), [15_000] * len(closes))


def values(node: Node, bars: Bars) -> list[float]:
    """Return the value of a node on every bar; of a truth 1, 0, -1."""
    if isinstance(node, Named):
        return values(node.node, bars)
    if isinstance(node, Series):
        return _folded(node, bars)
    return [row[0] for row in _rows(node, bars)]


def events(node: Node, bars: Bars) -> list[Told]:
    """Return an event on every bar."""
    return [Told(int(t), int(d), int(g), level) for t, d, g, level in _rows(node, bars)]


def _folded(node: Series, bars: Bars) -> list[float]:
    folded = fold_of(node.function)
    place = folded.place(node.numbers)
    count = len(bars.close)
    sources = [values(source, bars) for source in children(node)] or [bars.close]
    given = Input(
        slot=[0] * count,
        x=sources[0],
        open=bars.open,
        high=bars.high,
        low=bars.low,
        volume=bars.volume,
        date=bars.date,
        others=tuple(sources[1:]),
    )
    out = Output([NAN] * count, [0] * count)
    step = folded.step_for(node.numbers, [])
    fold(count, given, State([NAN] * place.width, [0]), place, out, step)
    return list(out.value)


def _rows(node: Node, bars: Bars) -> list[tuple[float, ...]]:
    source = Translation()
    with source.own_state():
        told = source.event(node) if node.type is Type.EVENT else None
        if told is None:
            told = (source.number(node),)
        source.line(f"out.append(({', '.join(told)},))")
    head = [
        "def fold(rows, columns, F, I, P, Q, N, out):",
        *(f"    c{place} = columns[{place}]" for place in range(len(source.columns))),
        *(f"    p{place} = P[{place}]" for place in range(len(source.literals))),
        *(f"    q{place} = Q[{place}]" for place in range(len(source.wholes))),
        *(f"    n{place} = N[{place}]" for place in range(len(source.needs))),
        "    for r in range(rows):",
        "        s = 0",
    ]
    found: dict[str, Any] = {"NAN": NAN, "sqrt": math.sqrt, "log": math.log, "exp": math.exp}
    exec("\n".join((*head, source.lines())), found)
    count = len(bars.close)
    columns = [_column(column, node, bars) for column in source.columns]
    state = [NAN] * source.floats, [0] * source.ints
    least = [_least(need) for need in source.needs]
    out: list[tuple[float, ...]] = []
    found["fold"](count, columns, *state, source.literals, source.wholes, least, out)
    return out


def _least(need: Need) -> int:
    return need.formed


def _column(column: Column, node: Node, bars: Bars) -> list[float]:
    fields: Mapping[str, list[float]] = bars._asdict()
    if column.key in fields:
        return fields[column.key]
    if column.key == "hlc3":
        return [sum(three) / 3 for three in zip(bars.high, bars.low, bars.close, strict=True)]
    series = next(
        below
        for below in walk(node)
        if isinstance(below, Series) and canonical(below) == column.key
    )
    found = values(series, bars)
    if column.part == "value":
        return found
    return [sum(x == x for x in found[: place + 1]) * 10**6 for place in range(len(found))]
