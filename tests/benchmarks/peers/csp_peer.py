"""csp: a graph of its own nodes, all of them compiled; an event a bar of a symbol."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import csp
import numpy as np
from csp import ts

from tests.benchmarks.peers.serving import Given, Ints, Prepared, numbers, once_a_day, serve

Found = Mapping[str, tuple[Any, Any]]  # times and values, by what they are of


def prepare(given: Given) -> Prepared[Found]:
    """Return a run of the graph; that it is laid out is not timed."""
    begin, end = (_time(given.ts[at]) for at in (0, -1))
    built = csp.build_graph(lambda: _graph(given), starttime=begin, endtime=end)
    return lambda: csp.run(built, starttime=begin, endtime=end, output_numpy=True)


def _graph(given: Given) -> None:
    times = given.ts.astype("datetime64[ns]")
    days = np.flatnonzero(np.diff(given.day, prepend=-1))  # a level ticks when it changes
    zero = csp.const(0.0)
    for symbol in range(given.close.shape[1]):
        close = csp.curve(float, (times, np.ascontiguousarray(given.close[:, symbol])))
        before = csp.delay(close, 1)
        for name, levels in (("upper", given.upper), ("lower", given.lower)):
            level = csp.curve(float, (times[days], np.ascontiguousarray(levels[days, symbol])))
            now = close - level
            csp.add_graph_output(f"{name} {symbol}", _changes(now, before - level, zero))
        fast, slow = (csp.stats.ema(close, span=span, adjust=False) for span in (13, 48))
        apart = fast - slow
        csp.add_graph_output(f"turn {symbol}", _changes(apart, csp.delay(apart, 1), zero))


def _changes(now: ts[float], before: ts[float], zero: ts[float]) -> ts[float]:
    """Tick where the sign changes, with what it is now."""
    return csp.filter(now * before < zero, now)


def _time(nanos: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=int(nanos) // 1000)  # noqa: DTZ001


def told(given: Given, found: Found) -> Ints:
    """Return what ticked as numbers; of crosses the first of each day."""
    flags = {
        name: np.zeros(given.close.shape, bool) for name in ("GG_long", "GG_short", "up", "down")
    }
    for symbol in range(given.close.shape[1]):
        for name, rising, falling in (
            ("upper", "GG_long", ""),
            ("lower", "", "GG_short"),
            ("turn", "up", "down"),
        ):
            times, values = found[f"{name} {symbol}"]
            at = given.ts.searchsorted(times.astype(np.int64))
            for kind, chosen in ((rising, values > 0), (falling, values < 0)):
                if kind:
                    flags[kind][at[chosen], symbol] = True
    for kind in ("GG_long", "GG_short"):
        flags[kind] = once_a_day(flags[kind], given.day)
    return np.concatenate([numbers(each, kind) for kind, each in flags.items()])


if __name__ == "__main__":
    serve(prepare, told)
