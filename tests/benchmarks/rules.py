"""How fast rules are folded, as written and compiled, next to a kernel written by hand.

Run it: ``python -m tests.benchmarks.rules``.

One symbol and a million minutes, with a rule of the golden gate and one of the ribbon. The kernel
by hand does the same with nothing around it: two averages, a level, a cross and two edges. It knows
nothing of sessions, gaps, warm-up or records; what the rules cost beyond it is for those. And ten
thousand rules of one shape are loaded, to see what one costs.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.domain.batch import Batch, Rows, empty_rows
from whispr_daemon.domain.events import Kind
from whispr_daemon.domain.timeframe import CODE_OF, DAY, MINUTE
from whispr_daemon.rules.columns.calendars import calendar
from whispr_daemon.rules.jit import UNCOMPILED, Compiler
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy

MINUTES: Final = 1_000_000
AS_WRITTEN: Final = 50_000  # of them; it is slow
SHAPED: Final = 10_000  # rules of one shape
FILES: Final = (
    RuleFile(
        "gate.yaml",
        """
name: golden_gate
logic:
  - {if: "cross_up(price, atr.38)", once: session, then: ["emit:GG_long"]}
  - {if: "cross_down(price, atr.-38)", once: session, then: ["emit:GG_short"]}
""",
    ),
    RuleFile(
        "ribbon.yaml",
        """
name: ribbon
logic:
  - {if: "EMA13 >= EMA48", then: ["emit:up"]}
  - {if: "EMA13 < EMA48", then: ["emit:down"]}
""",
    ),
)


def market(minutes: int) -> Rows:
    """Return regular minutes of New York sessions from 2010 on, and the daily bar after each."""
    sessions = calendar("XNYS")
    first = int(sessions.date.searchsorted(14_610))
    parts: list[Rows] = []
    random = np.random.default_rng(1)
    price, count = 100.0, 0
    for at in range(first, len(sessions)):
        if count >= minutes:
            break
        ends = np.arange(sessions.open[at] + MINUTE, sessions.close[at] + 1, MINUTE)
        walk = price * np.exp(np.cumsum(random.normal(0, 5e-4, len(ends))))
        rows = empty_rows(len(ends) + 1)
        rows["kind"], rows["timeframe"] = Kind.BAR, CODE_OF["1m"]
        rows["ts"][:-1], rows["close"][:-1] = ends, walk
        rows["open"][:-1] = [price, *walk[:-1]]
        rows["timeframe"][-1] = CODE_OF["1d"]
        rows["ts"][-1] = sessions.local_midnight(sessions.date[at : at + 1])[0] + DAY
        rows["open"][-1], rows["close"][-1] = price, walk[-1]
        rows["high"] = np.maximum(rows["open"], rows["close"])
        rows["low"] = np.minimum(rows["open"], rows["close"])
        rows["high"][-1], rows["low"][-1] = walk.max(), walk.min()
        price, count = float(walk[-1]), count + len(ends)
        parts.append(rows)
    return np.concatenate(parts)


@njit(error_model="numpy")
def by_hand(close: Any, anchor: Any, atr: Any, date: Any, out: Any) -> int:
    """Find the crosses of ±38.2 % and the turns of the ribbon."""
    fired = 0
    fast = slow = close[0]
    before = close[0]
    bull = 0
    long_on = short_on = -1
    for r in range(1, len(close)):
        x = close[r]
        fast = fast + 2.0 / 14.0 * (x - fast)
        slow = slow + 2.0 / 49.0 * (x - slow)
        upper = anchor[r] + 0.382 * atr[r]
        lower = anchor[r] - 0.382 * atr[r]
        if x > upper and before < upper and long_on != date[r]:
            long_on = date[r]
            out[fired % len(out)] = r
            fired += 1
        if x < lower and before > lower and short_on != date[r]:
            short_on = date[r]
            out[fired % len(out)] = r
            fired += 1
        now = 1 if fast >= slow else -1
        if now != bull and bull != 0:
            out[fired % len(out)] = r
            fired += 1
        bull = now
        before = x
    return fired


def seconds_by_hand(rows: Rows) -> float:
    """Return what the kernel by hand takes."""
    bars = rows[rows["timeframe"] == CODE_OF["1m"]]
    columns: list[NDArray[Any]] = [np.ascontiguousarray(bars["close"])]
    columns += [np.full(len(bars), 100.0), np.full(len(bars), 2.0), bars["ts"] // DAY]
    out = np.zeros(100_000, dtype=np.int64)
    by_hand(*columns, out)  # compiles
    began = SYSTEM_CLOCK.monotonic()
    by_hand(*columns, out)
    return SYSTEM_CLOCK.monotonic() - began


def seconds(rows: Rows, compiler: Compiler) -> tuple[float, int]:
    """Return what the rules take, and how much they say."""
    rules = RulesStrategy(load(FILES).rules, RuleSettings(), compiler)
    began = SYSTEM_CLOCK.monotonic()
    said = sum(1 for _ in rules.on_batch(Batch(rows, ["SPY"])))
    return SYSTEM_CLOCK.monotonic() - began, said


def seconds_of_a_rule() -> float:
    """Return what one of many rules of one shape takes from its text to being ready to run."""
    text = (
        "name: r{0}\nlogic:\n"
        "  - {{if: 'cross_up(price, EMA{1}) and RSI14 < {0}.5', cooldown: {1}m, then: ['emit:S']}}"
    )
    files = [RuleFile(f"{n}.yaml", text.format(n, 2 + n % 300)) for n in range(SHAPED)]
    began = SYSTEM_CLOCK.monotonic()
    RulesStrategy(load(files).rules, RuleSettings())
    return (SYSTEM_CLOCK.monotonic() - began) / SHAPED


def main() -> None:
    """Measure, and print figures with their ratios to the kernel by hand."""
    rows = market(MINUTES)
    bare = len(rows) / seconds_by_hand(rows)
    table = Table("what", "rows a second", "ratio")
    table.add_row("a kernel by hand", f"{bare:,.0f}", "1")

    def tell(what: str, count: int, taken: float) -> None:
        table.add_row(what, f"{count / taken:,.0f}", f"1/{bare / (count / taken):,.0f}")

    taken, _ = seconds(rows[:AS_WRITTEN], UNCOMPILED)
    tell("rules as written", AS_WRITTEN, taken)
    with TemporaryDirectory() as name:
        compiler = NumbaCompiler(Path(name) / "kernels")
        began = SYSTEM_CLOCK.monotonic()
        seconds(rows[:AS_WRITTEN], compiler)
        compiler.finish()
        waited = SYSTEM_CLOCK.monotonic() - began
        taken, said = seconds(rows, compiler)
        tell(f"rules compiled ({said:,} outputs)", len(rows), taken)
        compiler.close()
    console = Console()
    console.print(table)
    console.print(f"compiling took {waited:.1f} s, beside the work")
    console.print(f"a rule of a known shape takes {seconds_of_a_rule() * 1e3:.2f} ms to load")


if __name__ == "__main__":
    main()
