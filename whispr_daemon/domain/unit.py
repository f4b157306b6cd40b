"""Units (one strategy on one partition), the hosts that run them, and what each reports."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from whispr_daemon.domain.position import ORIGIN, Position
from whispr_daemon.domain.trouble import Trouble
from whispr_daemon.domain.value import Value

Isolation: TypeAlias = Literal["shared", "dedicated"]
UnitState: TypeAlias = Literal["starting", "recovering", "live", "quarantined", "stopped"]


class UnitSpec(Value, frozen=True, kw_only=True):
    """One strategy on one partition: the thing that has state."""

    strategy: str  # its configured id
    partition: int
    start: Position = ORIGIN  # if it was never seen before: outputs up to here are not wanted

    @property
    def unit_id(self) -> str:
        """``strategy/partition``."""
        return f"{self.strategy}/{self.partition}"


class HostSpec(Value, frozen=True, kw_only=True):
    """Which units run together in one process."""

    host_id: str
    units: tuple[UnitSpec, ...]


class UnitReport(Value, frozen=True, kw_only=True):
    """How one unit stands, as its host sees it."""

    unit_id: str
    partition: int
    state: UnitState
    position: Position = ORIGIN  # read and folded so far
    committed: Position = ORIGIN  # all outputs up to here are durable
    rows: int = 0  # rows of the partition folded so far
    lag_rows: int = 0  # rows in the partition not yet folded
    outputs: int = 0
    turns: int = 0  # of the unit's loop: stands still only if the loop does
    reason: str = ""  # of a quarantine
    warmup: Mapping[
        str, str
    ] = {}  # what is not ready yet, in words: {"rule SPY": "warming 210/332"}


class Sample(Value, frozen=True, kw_only=True, gc=False):
    """One figure of a metric family, carried from a host's registry to the supervisor's."""

    family: str
    name: str  # family name plus _total, _bucket, _sum, _count
    labels: Mapping[str, str]
    value: float


class HostReport(Value, frozen=True, kw_only=True):
    """What a host tells the supervisor with each progress question."""

    host_id: str
    pid: int
    units: tuple[UnitReport, ...] = ()
    metrics: tuple[Sample, ...] | None = ()  # None: as told before, for it takes long to say
    troubles: tuple[Trouble, ...] = ()  # of its own log and store
    fatal: str = ""  # why it has ended and must not be started again


class HostStatus(Value, frozen=True, kw_only=True):
    """How a host stands, as the supervisor sees it."""

    host_id: str
    up: bool
    restarts: int = 0
    report: HostReport | None = None  # the last one it gave
