"""All built-in functions by name. An entry here is checked, compiled and documented."""

from typing import Final

from whispr_daemon.rules.functions.arithmetic import ARITHMETIC
from whispr_daemon.rules.functions.averages import AVERAGES
from whispr_daemon.rules.functions.crosses import CROSSES
from whispr_daemon.rules.functions.crossovers import CROSSOVERS
from whispr_daemon.rules.functions.direction import DIRECTION
from whispr_daemon.rules.functions.extremes import EXTREMES
from whispr_daemon.rules.functions.function import Folded, Function
from whispr_daemon.rules.functions.history import HISTORY
from whispr_daemon.rules.functions.memory import MEMORY
from whispr_daemon.rules.functions.missing import MISSING
from whispr_daemon.rules.functions.momentum import MOMENTUM
from whispr_daemon.rules.functions.ranges import RANGES
from whispr_daemon.rules.functions.saty import SATY
from whispr_daemon.rules.functions.spreads import SPREADS
from whispr_daemon.rules.functions.touches import TOUCHES
from whispr_daemon.rules.functions.trend import TREND
from whispr_daemon.rules.functions.volumes import VOLUMES

_EVENTS: Final = (*CROSSES, *CROSSOVERS, *TOUCHES)
_ROWS: Final = (*ARITHMETIC, *MISSING, *MEMORY)
_PRICES: Final = (*AVERAGES, *SPREADS, *RANGES, *MOMENTUM, *DIRECTION, *EXTREMES, *HISTORY, *TREND)

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function for function in (*_EVENTS, *_ROWS, *_PRICES, *VOLUMES, *SATY)
}


def fold_of(name: str) -> Folded:
    """Return how the column of a Series is computed: that of a function, or of ``hist``: x[n]."""
    lowering = FUNCTIONS[name].lowering
    assert isinstance(lowering, Folded)  # noqa: S101 (else the checker made it no Series)
    return lowering
