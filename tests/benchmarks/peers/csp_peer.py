"""csp: a node of Python for each symbol, an event a bar.

A graph of csp's own nodes, compiled, with its averages, took twice as long when it was tried.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import csp
import numpy as np
from csp import ts

from tests.benchmarks.peers.serving import (
    KINDS,
    Given,
    Ints,
    Prepared,
    numbers,
    once_a_day,
    serve,
)

Found = Mapping[int, tuple[Any, Any]]  # by symbol: times, and sums of 2 ** kind


@csp.node  # type: ignore[untyped-decorator,unused-ignore]
def gate_and_ribbon(close: ts[float], upper: ts[float], lower: ts[float]) -> ts[int]:
    """Tick where there is something to say, with the sum of 2 ** kind."""
    with csp.state():
        s_begun = False
        s_before = 0.0
        s_fast = 0.0
        s_slow = 0.0
        s_bull = True

    if csp.ticked(close):
        if not s_begun:
            s_begun = True
            s_before = s_fast = s_slow = close
        s_fast += 2 / 14 * (close - s_fast)
        s_slow += 2 / 49 * (close - s_slow)
        bull = s_fast >= s_slow
        said = 0
        if close > upper and s_before < upper:
            said = 1
        if close < lower and s_before > lower:
            said += 2
        if bull != s_bull:
            said += 4 if bull else 8
            s_bull = bull
        s_before = close
        if said:
            csp.output(said)


def prepare(given: Given) -> Prepared[Found]:
    """Return a run of the graph; that it is laid out is not timed."""
    begin, end = (_time(given.ts[at]) for at in (0, -1))
    built = csp.build_graph(lambda: _graph(given), starttime=begin, endtime=end)
    return lambda: csp.run(built, starttime=begin, endtime=end, output_numpy=True)


def _graph(given: Given) -> None:
    times = given.ts.astype("datetime64[ns]")
    days = np.flatnonzero(np.diff(given.day, prepend=-1))  # a level ticks when it changes
    for symbol in range(given.close.shape[1]):
        close = csp.curve(float, (times, np.ascontiguousarray(given.close[:, symbol])))
        upper, lower = (
            csp.curve(float, (times[days], np.ascontiguousarray(levels[days, symbol])))
            for levels in (given.upper, given.lower)
        )
        csp.add_graph_output(symbol, gate_and_ribbon(close, upper, lower))


def _time(nanos: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(microseconds=int(nanos) // 1000)  # noqa: DTZ001


def told(given: Given, found: Found) -> Ints:
    """Return what was found as numbers; of crosses the first of each day."""
    said = np.zeros(given.close.shape, np.int64)
    for symbol in range(given.close.shape[1]):
        times, values = found[symbol]
        said[given.ts.searchsorted(times.astype(np.int64)), symbol] = values
    flags = [said & 2**kind != 0 for kind in range(len(KINDS))]
    flags[:2] = [once_a_day(each, given.day) for each in flags[:2]]
    return np.concatenate([numbers(*each) for each in zip(flags, KINDS, strict=True)])


if __name__ == "__main__":
    serve(prepare, told)
