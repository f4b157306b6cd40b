"""The daemon's own log: structlog and the standard library's logging in one stream, no secrets."""

import logging
import logging.config
import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat: TypeAlias = Literal["json", "console"]

_MASK: Final = "********"
_SECRET_KEY: Final = re.compile(
    r"passw|secret|token|credential|authorization|api_?key|private_?key", re.IGNORECASE
)
_SECRET_IN_URL: Final = re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]+@")
# Talkative below warning, and of no help to who runs Whispr.
_QUIETER: Final = ("asyncio", "uvicorn", "ray", "redis", "asyncpg")


def configure(level: str, format: LogFormat, stream: TextIO) -> None:  # noqa: A002 (its name in whispr.yaml)
    """Send every log record of this process to ``stream``, as one line each.

    Context such as unit, partition, position or signal_id is bound by who has it, with
    ``structlog.contextvars.bind_contextvars`` or ``logger.bind``.

    Args:
        level: debug, info, warning or error.
        format: ``json`` for machines, ``console`` for people.
        stream: where lines go; it stays open and is the caller's.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # modules hold loggers from before this call
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask_secrets,
                *_renderers(format, colors=stream.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIETER:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(root.level, logging.WARNING))
    logging.captureWarnings(capture=True)


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask the values of keys that look like secrets, and passwords within URLs anywhere."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key) and not isinstance(value, bool | int | None):
        return _MASK
    match value:
        case str():
            return _SECRET_IN_URL.sub(rf"\1:{_MASK}@", value)
        case Mapping():
            return {inner: _masked(str(inner), found) for inner, found in value.items()}
        case list() | tuple():
            return [_masked("", found) for found in value]
        case _:
            return value


def _renderers(format: LogFormat, *, colors: bool) -> list[Processor]:  # noqa: A002
    if format == "console":
        return [structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time")]
    return [structlog.processors.JSONRenderer(default=str, ensure_ascii=False)]
