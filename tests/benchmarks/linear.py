"""Whether each of many costs no more than each of few: linear growth, or less."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.benchmarks.figures import Figure

KEPT: Final = 0.8  # of what one costs among fewer; two runs that are alike differ by a tenth here


class Size(NamedTuple):
    """So many, and what all of them cost together."""

    named: str
    many: float
    cost: float


def each(what: str, unit: str, sizes: Sequence[Size], kept: float = KEPT) -> list[Figure]:
    """Return what one costs at each size, in the unit of the costs; sizes in growing order.

    Each but the first stands beside the one before it, of which it has to keep a part: a ratio of 1
    is linear, more is better. What is there once for all makes the first ones dear, so a step is
    judged by itself, not by the way from the first to the last.
    """
    found: list[Figure] = []
    for size in sizes:
        one = Figure(f"{what}: {size.named}", size.cost / size.many, unit)
        if found:
            ratio = found[-1].value / one.value
            one = one._replace(against="the size before", ratio=ratio, bound=kept)
        found.append(one)
    return found
