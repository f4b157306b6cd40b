"""What was seen of a daemon, look by look, and how much of it may grow."""

from collections import defaultdict
from typing import Final, NamedTuple

from tests.soak.course import Course
from tests.soak.report import Report
from tests.soak.watcher import Watcher
from whispr_daemon.domain.batch import EVENT_DTYPE

_MB: Final = 2**20
_LEAST_MEMORY: Final = 4 * _MB  # growth in half a run that is none yet; of large processes …
_OF_MEMORY: Final = 0.03  # … this part of what they have
_LEAST_COUNT, _OF_COUNT = 3.0, 0.05  # likewise of open files and threads
_OUTPUT: Final = 4096  # bytes that an output may take in the store, with its places in indexes
_LINES: Final = 1024  # bytes that an output may take in the daemon's own log
_CHURN: Final = 16 * _MB  # what dead versions of snapshots may take, until they are cleaned up
_WAL: Final = 64 * _MB  # four segments of Postgres
_OF_A_BACKEND: Final = 100  # open files: the tables have some 60, with indexes and large values
_MINUTE: Final = 60.0  # seconds between two trims of the log


class Plan(NamedTuple):
    """What to do."""

    tier: int
    seconds: float
    rate: int  # events a second
    keep_bytes: int = 64 * _MB  # of the log: some minute of 20,000 events a second
    command: str = ""  # that repeats it


class Seen:
    """All looks so far."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._times: dict[str, list[float]] = defaultdict(list)
        self._values: dict[str, list[float]] = defaultdict(list)

    def look(self, now: float, watcher: Watcher) -> None:
        """Look once; ``now`` is in seconds since the first time."""
        figures = watcher.figures()
        if figures:
            self._add("events", now, figures["whispr_ingested_rows_total"])
            self._add("outputs", now, figures["whispr_outputs_total"])
            self._add("lag", now, figures["whispr_lag_rows"])
            self._add("undelivered", now, figures["whispr_undelivered"])
        self._add("cpu", now, sum(watcher.cpu().values()))
        for name, sizes in watcher.processes().items():
            for what, value in sizes.items():
                self._add(f"{what} {name}", now, value)
        for what, size in watcher.sizes().items():
            self._add(f"size {what}", now, size)

    def words(self) -> str:
        """Return how it goes, in a line."""
        memory = sum(each[-1] for name, each in self._values.items() if name.startswith("memory "))
        return (
            f"{self._rate('events'):,.0f} events/s · lag {self._last('lag'):,.0f} rows · "
            f"{self._rate('cpu'):.2f} cores · memory {memory / _MB:,.0f} MB · "
            f"log {self._last('size log') / _MB:,.0f} MB · "
            f"store {self._last('size store') / _MB:,.1f} MB · "
            f"{self._last('outputs'):,.0f} outputs"
        )

    def report(self, wrong: str) -> Report:
        """Return what is to be said of it; ``wrong``: what went wrong at its end, if anything."""
        courses = tuple(
            Course(
                name=name,
                unit="bytes" if name.startswith(("memory ", "size ")) else "count",
                times=self._times[name],
                values=values,
                allowed=self._allowed(name),
                limit=self._limit(name),
            )
            for name, values in sorted(self._values.items())
            if name.startswith(("memory ", "files ", "threads ", "size "))
            or name in ("lag", "undelivered")
        )
        times, taken = self._times["events"], self._values["events"]
        seconds, events = (times[-1] - times[0], taken[-1] - taken[0]) if times else (0.0, 0.0)
        return Report(
            command=self._plan.command,
            tier=self._plan.tier,
            rate=self._plan.rate,
            seconds=seconds,
            missing=max(0.0, self._plan.rate * seconds - events),
            cores=self._rate("cpu"),
            outputs=int(self._grown("outputs")),
            courses=courses,
            wrong=wrong,
        )

    def _allowed(self, name: str) -> float:
        """Return how much a figure may grow in half the run and yet count as one that does not."""
        kind, _, what = name.partition(" ")
        outputs = self._grown("outputs")
        level = self._values[name][-1]
        match kind:
            case "memory":
                return max(_LEAST_MEMORY, _OF_MEMORY * level)
            case "files" | "threads":
                return max(_LEAST_COUNT, _OF_COUNT * level)
            case "lag" | "undelivered":
                return float(self._plan.rate)
        return {
            "journal": 100_000 + _LINES * outputs,
            "store": (_CHURN if self._plan.tier else _MB) + _OUTPUT * outputs,
            "outputs": _MB + _OUTPUT * outputs,
            "log": _LEAST_MEMORY,  # it has a limit
            "log AOF": _LEAST_MEMORY,
            "store WAL": _WAL,
        }.get(what, _CHURN)

    def _limit(self, name: str) -> float:
        """Return what a figure is promised never to pass, 0 where nothing is declared."""
        minute = self._plan.rate * _MINUTE * EVENT_DTYPE.itemsize
        log = 1.5 * (self._plan.keep_bytes + 1.5 * minute)  # a trim may come late; keys, headers
        limits = {
            "size log": log,
            "size log AOF": 3 * log,
            "memory valkey-server": 2 * log,  # with what differs in a fork that rewrites its file
            # Each backend comes to open the files of all tables, and keeps them.
            "files postgres": _OF_A_BACKEND * max(self._values["threads postgres"], default=0),
        }
        return limits.get(name, 0.0)

    def _add(self, name: str, now: float, value: float) -> None:
        self._times[name].append(now)
        self._values[name].append(value)

    def _last(self, name: str) -> float:
        return self._values[name][-1] if self._values[name] else 0.0

    def _grown(self, name: str) -> float:
        """Return by how much a figure has grown over the second half."""
        _, grown = self._second_half(name)
        return grown

    def _rate(self, name: str) -> float:
        """Return the growth of a figure in a second, over the second half."""
        seconds, grown = self._second_half(name)
        return grown / seconds if seconds else 0.0

    def _second_half(self, name: str) -> tuple[float, float]:
        times, values = self._times[name], self._values[name]
        if len(times) < 2:
            return 0.0, 0.0
        start = next(i for i, at in enumerate(times) if at >= (times[0] + times[-1]) / 2)
        start = min(start, len(times) - 2)
        return times[-1] - times[start], values[-1] - values[start]
