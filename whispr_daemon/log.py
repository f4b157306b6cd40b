"""The daemon's own log: structlog and the standard library's logging in one stream, no secrets."""

import logging
import logging.config
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from queue import Full, Queue
from typing import Any, Final, Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger
from typing_extensions import override

from whispr_daemon.domain.address import MASK, SECRET, masked_in

LogFormat: TypeAlias = Literal["json", "console"]

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
)
# The unit's name says the partition; ``message`` is what another handler made of the event.
_NOT_FOR_PEOPLE: Final = ("time", "logger", "partition", "message", "stack")
_UNTOLD: Final = 1_000  # records that wait for a terminal at most
# Talkative below warning, and of no help to who runs Whispr.
_QUIETER: Final = ("asyncio", "uvicorn", "ray", "redis", "asyncpg")


def configure(level: str, format: LogFormat, stream: TextIO | None) -> None:  # noqa: A002 (its name in whispr.yaml)
    """Send every log record of this process to ``stream``, as one line each.

    Context such as unit, partition, position or signal_id is bound by who has it, with
    ``structlog.contextvars.bind_contextvars`` or ``logger.bind``.

    Args:
        level: debug, info, warning or error.
        format: ``json`` for machines, ``console`` for people.
        stream: where lines go, None for nowhere; it stays open and is the caller's.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # modules hold loggers from before this call
    )
    root = logging.getLogger()
    root.handlers.clear()
    if stream is not None:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(_formatter(*_renderers(format, colors=stream.isatty())))
        root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIETER:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)


@contextmanager
def told(tell: Callable[[str, str], None], *but: str) -> Iterator[None]:
    """Also tell people of warnings and errors, while the block runs; ``but`` names loggers to skip.

    ``tell`` gets the level and a short line without secrets, in a thread of its own: a terminal
    that was stopped with Ctrl-S must not stop the daemon's loop.
    """
    queue: Queue[logging.LogRecord] = Queue(_UNTOLD)
    sender = _Sender(queue)
    sender.setLevel(logging.WARNING)
    sender.setFormatter(_formatter(_short))
    sender.addFilter(lambda record: record.name not in but)
    listener = _Listener(queue, _Teller(tell))
    root = logging.getLogger()
    root.addHandler(sender)
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(sender)
        listener.stop()


class _Sender(QueueHandler):
    """Drops what a terminal that stands still has no room for: the log itself has it."""

    @override
    def enqueue(self, record: logging.LogRecord) -> None:
        with suppress(Full):
            self.queue.put_nowait(record)


class _Listener(QueueListener):
    """Waits for room to say that it is over."""

    def __init__(self, waiting: Queue[Any], teller: logging.Handler) -> None:
        super().__init__(waiting, teller)
        self._waiting = waiting

    @override
    def enqueue_sentinel(self) -> None:
        self._waiting.put(None)


class _Teller(logging.Handler):
    """Hands over records whose message is the whole line."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        super().__init__()
        self._tell = tell

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._tell(record.levelname.lower(), record.getMessage())
        except OSError:
            self.handleError(record)


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask the values of keys that look like secrets, and passwords within URLs anywhere."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: Any) -> Any:
    if SECRET.search(key) and not isinstance(value, bool | int | None):
        return MASK
    match value:
        case str():
            return masked_in(value)
        case Mapping():
            return {inner: _masked(str(inner), found) for inner, found in value.items()}
        case list() | tuple():
            return [_masked("", found) for found in value]
        case _:
            return value


def _short(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Write ``error: quarantined · unit ema_cross/0 · reason …``: what a person must know of it."""
    failure = str(event.pop("exception", "")).strip().rpartition("\n")[2]
    words = [f"{event.pop('level')}: {event.pop('event')}"]
    words += [f"{key} {value}" for key, value in event.items() if key not in _NOT_FOR_PEOPLE]
    return " · ".join([*words, failure] if failure else words)


def _without_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Leave out what libraries note on records for themselves, as Ray does in every process."""
    return {key: value for key, value in event.items() if not key.startswith("_")}


def _formatter(*renderers: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_private,
            structlog.processors.format_exc_info,
            mask_secrets,
            *renderers,
        ],
    )


def _renderers(format: LogFormat, *, colors: bool) -> list[Processor]:  # noqa: A002
    if format == "console":
        return [structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time")]
    return [structlog.processors.JSONRenderer(default=str, ensure_ascii=False)]
