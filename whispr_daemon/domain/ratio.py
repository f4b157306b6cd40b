"""The ratio of a split as people write it: 2:1 is two new shares for one."""

import re
from typing import Final, NamedTuple

_RATIO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*[:/]\s*(\d+(?:\.\d+)?)")


class Rescaling(NamedTuple):
    """What earlier prices and volumes are multiplied by."""

    price: float
    volume: float


def rescaling_of(ratio: str) -> Rescaling | None:
    """Return what a ratio does, None if it is none: 0.5 and 2 of 2:1, 10 and 0.1 of 1:10."""
    found = _RATIO.fullmatch(ratio.strip())
    new, old = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    return Rescaling(old / new, new / old) if new and old else None
