"""Saty Mahajan's indicators: pivot ribbon, phase oscillator, compression."""

from typing import Final

from whispr_daemon.rules.functions.function import Composed, Function
from whispr_daemon.rules.nodes import Type

_PO: Final = "ema((close - ema(close, 21)) / (3 * atr(14)) * 100, 3)"
_ZONE: Final = (
    f"if({_PO} >= 100, 0, if({_PO} >= 61.8, 1, if({_PO} > 23.6, 2, if({_PO} >= -23.6, 3, "
    f"if({_PO} > -61.8, 4, if({_PO} > -100, 5, 6))))))"
)
_ZONES: Final = (
    "extended_up",
    "distribution",
    "mark_up",
    "launch",
    "mark_down",
    "accumulation",
    "extended_down",
)

_COMPRESSION: Final = "(2 * stdev(close, 21) - 2 * atr(14))"
_EXPANSION: Final = "2 * stdev(close, 21) - 1.854 * atr(14)"
_OPENING: Final = f"hist({_COMPRESSION}, 1) <= {_COMPRESSION} and {_EXPANSION} > 0"

_BULL: Final = "ema(close, 8) > ema(close, 21) and ema(close, 21) > ema(close, 48)"
_BEAR: Final = "ema(close, 8) < ema(close, 21) and ema(close, 21) < ema(close, 48)"

SATY: Final = (
    Function(
        "ribbon",
        (),
        Type.STR,
        Composed(
            {
                "state": f"if({_BULL}, 0, if({_BEAR}, 1, 2))",
                "bias": "if(ema(close, 8) >= ema(close, 21), 0, 1)",
            },
            {"state": ("bull", "bear", "mixed"), "bias": ("bull", "bear")},
        ),
        "pivot ribbon: state is bull while EMA 8 > 21 > 48, bear while 8 < 21 < 48, else mixed; "
        "bias is bull while EMA 8 >= 21",
    ),
    Function(
        "po",
        (),
        Type.NUM,
        Composed({"": _PO, "zone": _ZONE}, {"zone": _ZONES}),
        "phase oscillator: EMA(3) of the close's distance to EMA(21), in percent of 3 ATR(14)",
    ),
    Function(
        "compressed",
        (),
        Type.BOOL,
        Composed({"": f"not ({_OPENING}) and {_COMPRESSION} <= 0"}),
        "2 deviations (21) are within 2 ATR(14), and are not widening beyond 1.854 ATR",
    ),
)
