"""An example of a function for rules: ``slope(x)``, used as ``slope(close) > 0.02``."""

from typing import Final

from whispr_daemon.ports.function import RuleFunction

_BARS: Final = 20


def slope(values: list[float]) -> float:
    """Return by how much the least-squares line through the values rises a bar."""
    middle = (len(values) - 1) / 2
    above = sum((place - middle) * value for place, value in enumerate(values))
    return above / sum((place - middle) ** 2 for place in range(len(values)))


SLOPE: Final = RuleFunction(
    name="slope",
    series=("x",),
    warmup=_BARS,
    pure=True,
    about=f"rise a bar of the least-squares line through the last {_BARS} values",
    compute=slope,
)
