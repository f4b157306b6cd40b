"""Two sequences side by side: which of one answers which of the other, in order."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Left = TypeVar("Left")
Right = TypeVar("Right")

_MOST = 400  # of either that are aligned; longer ones are compared place by place


def aligned(
    left: Sequence[Left], right: Sequence[Right], same: Callable[[Left, Right], bool]
) -> list[tuple[int | None, int | None]]:
    """Return pairs of places, in order; None: it has no partner.

    As many as possible have one (a longest common subsequence).
    """
    if max(len(left), len(right)) > _MOST:
        return _by_place(left, right, same)
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    equal = [[same(one, other) for other in right] for one in left]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            skipped = max(best[i + 1][j], best[i][j + 1])
            best[i][j] = max(skipped, best[i + 1][j + 1] + 1) if equal[i][j] else skipped
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if equal[i][j] and best[i][j] == best[i + 1][j + 1] + 1:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    pairs += [(place, None) for place in range(i, len(left))]
    pairs += [(None, place) for place in range(j, len(right))]
    return pairs


def _by_place(
    left: Sequence[Left], right: Sequence[Right], same: Callable[[Left, Right], bool]
) -> list[tuple[int | None, int | None]]:
    pairs: list[tuple[int | None, int | None]] = []
    for place in range(max(len(left), len(right))):
        if place < min(len(left), len(right)) and same(left[place], right[place]):
            pairs.append((place, place))
        else:
            pairs += [(place, None)] if place < len(left) else []
            pairs += [(None, place)] if place < len(right) else []
    return pairs
