"""What figures do over a run: flat, bounded, or growing. Decided by two halves and two quarters."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np

HOUR: Final = 3600.0  # seconds

Verdict: TypeAlias = Literal["flat", "bounded", "grows"]


class Course(NamedTuple):
    """A figure over time."""

    name: str
    unit: Literal["bytes", "count"]
    times: Sequence[float]  # seconds, rising
    values: Sequence[float]
    allowed: float  # growth over half a run that is no growth yet
    limit: float = 0.0  # that it is promised never to pass; 0: none is declared

    @property
    def slope(self) -> float:
        """Growth in an hour: least squares over the second half of the run."""
        times, values = self._second_half()
        if len(times) < 2:
            return 0.0
        return float(np.polyfit(times - times[0], values, 1)[0]) * HOUR

    @property
    def verdict(self) -> Verdict:
        """Flat: what is fitted to the second half does not grow by more than is allowed.

        Bounded: it does, but it stays below its limit; or, where none is declared, the last quarter
        reached no higher than the one before: a saw, as of what is cleaned up now and then.
        """
        times, values = self._second_half()
        if len(times) < 4:
            return "flat"
        if self.slope / HOUR * (times[-1] - times[0]) <= self.allowed:
            return "flat"
        if self.limit:
            return "bounded" if max(self.values) <= self.limit else "grows"
        late = times >= (times[0] + times[-1]) / 2
        rose = values[late].max() - values[~late].max()
        return "bounded" if rose <= self.allowed / 2 else "grows"

    def _second_half(self) -> tuple[np.ndarray, np.ndarray]:
        times, values = np.array(self.times, float), np.array(self.values, float)
        late = times >= (times[0] + times[-1]) / 2 if len(times) else np.zeros(0, bool)
        return times[late], values[late]
