"""What a function of a plug-in is to Whispr: a value of the last bars, by a name in rules.

A package offers one under the entry point group ``whispr.functions``::

    [project.entry-points."whispr.functions"]
    slope = "my_package.functions:SLOPE"

Rules then call it as they call built-ins: ``slope(close, 2.5) > 0``, also ``@5m``.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec

Faults: TypeAlias = list[tuple[int, str]]  # row of a batch, what was raised there

Compute: TypeAlias = Callable[..., float | bool | None]


class RuleFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the last values of some series.

    ``compute`` is called once a bar, with a list for each of ``series`` (its last ``warmup`` values
    of this timeframe, oldest first, the bar just closed last, none of them na), then with each of
    ``numbers``. It returns a number or, where ``gives`` is ``bool``, whether something holds; None
    or NaN is na. What it raises is na and an error in the audit. It must not change what it is
    given.

    Attributes:
        name: in rules; letters, digits, ``_``, lower case. No built-in's.
        series: names of the arguments that vary bar by bar; at least one.
        numbers: names of the arguments after those, which are written as numbers in the rule.
        gives: what it returns.
        warmup: how many values of each series it needs; there is no value before them.
        pure: that the same arguments give the same value, always and everywhere: replays depend
            on it. Functions that are not pure are refused.
        about: what it says, in a sentence.
    """

    name: str
    series: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    gives: Literal["num", "bool"] = "num"
    warmup: int
    pure: bool
    about: str
    compute: Compute
