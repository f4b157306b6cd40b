"""All built-in functions by name. An entry here is checked, compiled and documented."""

from typing import Final

from whispr_daemon.rules.functions.arithmetic import ARITHMETIC
from whispr_daemon.rules.functions.averages import AVERAGES
from whispr_daemon.rules.functions.crosses import CROSSES
from whispr_daemon.rules.functions.function import Folded, Function
from whispr_daemon.rules.functions.history import HISTORY
from whispr_daemon.rules.functions.momentum import MOMENTUM
from whispr_daemon.rules.functions.ranges import RANGES

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function for function in (*CROSSES, *ARITHMETIC, *AVERAGES, *RANGES, *MOMENTUM)
}


def fold_of(name: str) -> Folded:
    """Return how the column of a Series is computed: that of a function, or of ``hist``: x[n]."""
    if name == "hist":
        return HISTORY
    lowering = FUNCTIONS[name].lowering
    assert isinstance(lowering, Folded)  # noqa: S101 (else the checker made it no Series)
    return lowering
