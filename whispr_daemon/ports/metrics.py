"""The figures Whispr shows, declared in one place, and how stages record them."""

from typing import Final, Literal, Protocol, TypeAlias

from whispr_daemon.domain.unit import Sample
from whispr_daemon.domain.value import Value

MetricKind: TypeAlias = Literal["counter", "gauge", "histogram"]


class Metric(Value, frozen=True, kw_only=True):
    """A metric family. Names follow Prometheus: base units, ``_total`` is added to counters."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()


ROWS_INGESTED: Final = Metric(
    name="whispr_ingested_rows", kind="counter", help="Rows made durable.", labels=("source",)
)
ROWS_REFUSED: Final = Metric(
    name="whispr_dead_letters",
    kind="counter",
    help="Rows refused and put aside.",
    labels=("source", "reason"),
)
ROWS_CORRECTED: Final = Metric(
    name="whispr_corrected_rows",
    kind="counter",
    help="Bars of the past that came again or late: they correct history, nothing said.",
    labels=("source",),
)
ROWS_REPEATED: Final = Metric(
    name="whispr_repeated_rows",
    kind="counter",
    help="Rows a source sent again that were already in the log.",
    labels=("source",),
)
SOURCE_GAPS: Final = Metric(
    name="whispr_source_gap_rows",
    kind="counter",
    help="Sequence numbers a source skipped.",
    labels=("source",),
)
RULE_CHANGES: Final = Metric(
    name="whispr_rule_changes", kind="counter", help="Changes of the rules put into the log."
)
RULE_REFUSALS: Final = Metric(
    name="whispr_rule_refusals",
    kind="counter",
    help="Rule files that were broken or failed their tests: the version before was kept.",
)
APPEND_SECONDS: Final = Metric(
    name="whispr_append_seconds", kind="histogram", help="Time to make an append durable."
)
ROWS_TRIMMED: Final = Metric(
    name="whispr_trimmed_rows",
    kind="counter",
    help="Rows of the log that nobody needs any more and that were forgotten.",
    labels=("partition",),
)
LOG_BYTES: Final = Metric(
    name="whispr_log_bytes",
    kind="gauge",
    help="Size of the log when it was last trimmed: on disk, or in the memory of its server.",
)
LOG_EXCESS_BYTES: Final = Metric(
    name="whispr_log_excess_bytes",
    kind="gauge",
    help="Size of the log beyond keep_bytes that stays, for a unit needs it.",
)
LETTERS_DROPPED: Final = Metric(
    name="whispr_dead_letters_dropped",
    kind="counter",
    help="Old dead letters dropped: the newest 100,000 are kept.",
)
READ_AHEAD_BYTES: Final = Metric(
    name="whispr_read_ahead_bytes",
    kind="gauge",
    help="Rows of the source that wait for their append; the source waits for room.",
    labels=("source",),
)
EVENTS: Final = Metric(
    name="whispr_events",
    kind="counter",
    help="Events folded, without those of a recovery.",
    labels=("unit",),
)
OUTPUTS: Final = Metric(
    name="whispr_outputs", kind="counter", help="Outputs committed.", labels=("unit", "kind")
)
LAG_ROWS: Final = Metric(
    name="whispr_lag_rows",
    kind="gauge",
    help="Rows in the partition that the unit has not folded yet.",
    labels=("unit", "partition"),
)
COMMIT_SECONDS: Final = Metric(
    name="whispr_commit_seconds", kind="histogram", help="Time of one commit.", labels=("unit",)
)
TICK_TO_SIGNAL_SECONDS: Final = Metric(
    name="whispr_tick_to_signal_seconds",
    kind="histogram",
    help="From taking an event in to its output being durable.",
    labels=("unit",),
)
SNAPSHOT_BYTES: Final = Metric(
    name="whispr_snapshot_bytes", kind="gauge", help="Size of the last snapshot.", labels=("unit",)
)
UNIT_STATE: Final = Metric(
    name="whispr_unit_state",
    kind="gauge",
    help="1 for the state the unit is in, 0 for the others.",
    labels=("unit", "state"),
)
QUARANTINES: Final = Metric(
    name="whispr_quarantines",
    kind="counter",
    help="Times a unit was put into quarantine.",
    labels=("unit",),
)
HOST_UP: Final = Metric(
    name="whispr_host_up",
    kind="gauge",
    help="1 while the host answers and makes progress.",
    labels=("supervised",),
)
RESTARTS: Final = Metric(
    name="whispr_host_restarts",
    kind="counter",
    help="Times a host was started again.",
    labels=("supervised",),
)
STALLED_SECONDS: Final = Metric(
    name="whispr_stalled_seconds",
    kind="gauge",
    help="How long the event loop has stood still, and at what; only told while it does.",
    labels=("task",),
)
STALLS: Final = Metric(
    name="whispr_stalls",
    kind="gauge",
    help="Times of late, at the start, that a task stopped the event loop and ended the process.",
    labels=("task",),
)
DELIVERED: Final = Metric(
    name="whispr_delivered", kind="counter", help="Outputs an outlet confirmed.", labels=("route",)
)
UNDELIVERED: Final = Metric(
    name="whispr_undelivered",
    kind="gauge",
    help="Outputs in the store that the route has not passed yet.",
    labels=("route",),
)
DELIVERY_FAILURES: Final = Metric(
    name="whispr_delivery_failures",
    kind="counter",
    help="Sends that failed and are tried again.",
    labels=("route",),
)
PORT_UP: Final = Metric(
    name="whispr_port_up",
    kind="gauge",
    help="0 while calls of the log or the store fail in a process and are tried again.",
    labels=("port",),
)
PORT_FAILURES: Final = Metric(
    name="whispr_port_failures",
    kind="counter",
    help="Calls of the log or the store that failed for a passing reason.",
    labels=("port", "doing"),
)
CLOCK_JUMPS: Final = Metric(
    name="whispr_clock_jumps",
    kind="counter",
    help="Times the wall clock jumped against the monotonic one.",
)
CLOCK_JUMP_SECONDS: Final = Metric(
    name="whispr_clock_jump_seconds",
    kind="gauge",
    help="By how much it jumped since the start, in sum.",
)

CATALOGUE: Final[tuple[Metric, ...]] = (
    ROWS_INGESTED,
    ROWS_REFUSED,
    ROWS_CORRECTED,
    ROWS_REPEATED,
    SOURCE_GAPS,
    RULE_CHANGES,
    RULE_REFUSALS,
    APPEND_SECONDS,
    ROWS_TRIMMED,
    LOG_BYTES,
    LOG_EXCESS_BYTES,
    LETTERS_DROPPED,
    READ_AHEAD_BYTES,
    EVENTS,
    OUTPUTS,
    LAG_ROWS,
    COMMIT_SECONDS,
    TICK_TO_SIGNAL_SECONDS,
    SNAPSHOT_BYTES,
    UNIT_STATE,
    QUARANTINES,
    HOST_UP,
    RESTARTS,
    STALLED_SECONDS,
    STALLS,
    DELIVERED,
    UNDELIVERED,
    DELIVERY_FAILURES,
    PORT_UP,
    PORT_FAILURES,
    CLOCK_JUMPS,
    CLOCK_JUMP_SECONDS,
)


class Metrics(Protocol):
    """Recording. Label values come in the order of the metric's ``labels``."""

    def count(self, metric: Metric, amount: float = 1, *labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        ...

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Record one value of a histogram."""
        ...

    def samples(self) -> tuple[Sample, ...]:
        """Return every figure as plain data, to be carried to another process."""
        ...
