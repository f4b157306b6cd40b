"""The gate and the ribbon as a kernel written by hand: the floor of the rules.

It does what the rules of :data:`RULES` do, with nothing around it: it is told the levels, and knows
nothing of sessions, gaps, warm-up or records. What rules cost beyond it is for those.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from tests.benchmarks.bars import Bars, Ints
from whispr_daemon.rules.load import RuleFile

RULES: Final = (
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


def by_hand(bars: Bars, *, compiled: bool = True) -> Ints:
    """Return what is said, in order: see :mod:`tests.benchmarks.said`.

    For few bars it is quicker not ``compiled``, which takes a second the first time.
    """
    symbols = len(bars.symbols)
    out = np.empty(2 * bars.size, np.int64)  # at most a cross and a turn a bar
    state = np.zeros((symbols, 3))
    memory = np.full((symbols, 3), -1)
    fold = _fold if compiled else _fold.py_func
    said = fold(bars.close, bars.upper, bars.lower, bars.day, state, memory, out)
    return out[:said]


@njit(error_model="numpy")
def _fold(close: Any, upper: Any, lower: Any, day: Any, state: Any, memory: Any, out: Any) -> int:
    """Find the crosses of ±38.2 %, each once a session, and the turns of the ribbon."""
    said = 0
    symbols = close.shape[1]
    for s in range(symbols):
        state[s, :] = close[0, s]
        memory[s, 2] = 1
    for t in range(1, close.shape[0]):
        for s in range(symbols):
            x, before = close[t, s], state[s, 2]
            fast = state[s, 0] + 2.0 / 14.0 * (x - state[s, 0])
            slow = state[s, 1] + 2.0 / 49.0 * (x - state[s, 1])
            state[s, 0], state[s, 1], state[s, 2] = fast, slow, x
            at = (t * symbols + s) * 4
            if x > upper[t, s] and before < upper[t, s] and memory[s, 0] != day[t]:
                memory[s, 0] = day[t]
                out[said] = at
                said += 1
            if x < lower[t, s] and before > lower[t, s] and memory[s, 1] != day[t]:
                memory[s, 1] = day[t]
                out[said] = at + 1
                said += 1
            now = 1 if fast >= slow else 0
            if now != memory[s, 2]:
                memory[s, 2] = now
                out[said] = at + 3 - now
                said += 1
    return said
