"""One stream of records, each a line, with its context and without secrets."""

import io
import json
import logging
import warnings
from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
import structlog

from whispr_daemon import log


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    log.configure("info", "json", stream)
    return stream


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_has_its_context(stream: io.StringIO) -> None:
    journal = structlog.get_logger("whispr.unit").bind(unit="rules/0", partition=0)
    with structlog.contextvars.bound_contextvars(position="1-7"):
        journal.info("committed", signal_id="ab12")
    (record,) = records(stream)
    assert record.pop("time").endswith("Z")
    assert record == {
        "event": "committed",
        "level": "info",
        "logger": "whispr.unit",
        "unit": "rules/0",
        "partition": 0,
        "position": "1-7",
        "signal_id": "ab12",
    }


def test_the_standard_library_logs_into_the_same_stream(stream: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("slow %s", "client", extra={"partition": 3})
    logging.getLogger("uvicorn.error").info("chatter")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.configure("info", "json", stream)  # again: pytest catches warnings by other means
        warnings.warn("old", stacklevel=1)
    first, second = records(stream)
    assert (first["event"], first["level"], first["partition"]) == ("slow client", "warning", 3)
    assert second["logger"] == "py.warnings"


def test_below_its_level_nothing_is_said(stream: io.StringIO) -> None:
    structlog.get_logger().debug("detail")
    assert records(stream) == []


def test_an_exception_stays_on_one_line(stream: io.StringIO) -> None:
    try:
        int("redis://me:hunter2@cache")
    except ValueError:
        structlog.get_logger().exception("failed")
    (record,) = records(stream)
    assert "Traceback" in record["exception"]
    assert "redis://me:********@cache" in record["exception"]


@pytest.mark.parametrize(
    "said",
    [
        {"password": "hunter2"},
        {"redis_token": "hunter2"},
        {"settings": {"inner": [{"api_key": "hunter2"}]}},
        {"url": "postgresql://me:hunter2@db/w"},
        {"detail": "could not reach redis://:hunter2@cache/0, trying again"},
    ],
)
def test_secrets_are_masked(stream: io.StringIO, said: dict[str, Any]) -> None:
    structlog.get_logger().info("connecting", **said)
    assert "hunter2" not in stream.getvalue()
    assert "********" in stream.getvalue()


def test_people_get_lines_they_can_read() -> None:
    stream = io.StringIO()
    log.configure("info", "console", stream)
    structlog.get_logger("whispr").info("started", token="hunter2")
    assert "started" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


def test_people_are_told_of_warnings_and_errors_in_short_lines(stream: io.StringIO) -> None:
    told: list[tuple[str, str]] = []
    journal = structlog.get_logger("whispr.unit").bind(unit="boom/0", partition=0)
    with log.told(lambda level, line: told.append((level, line)), "whispr.ingest"):
        journal.info("signal", name="x")
        journal.error("quarantined", reason="no redis://:hunter2@cache/0")
        structlog.get_logger("whispr.ingest").warning("rows refused", rows=1)
        try:
            int("x")
        except ValueError:
            logging.getLogger("uvicorn.error").exception("failed %s", "twice")
    journal.error("afterwards")
    assert told == [
        ("error", "error: quarantined · unit boom/0 · reason no redis://:********@cache/0"),
        (
            "error",
            "error: failed twice · ValueError: invalid literal for int() with base 10: 'x'",
        ),
    ]
    assert len(records(stream)) == 5


def test_without_a_stream_only_people_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("warning", "json", None)
    told: list[str] = []
    with log.told(lambda _level, line: told.append(line)):
        structlog.get_logger("x").warning("careful")
    assert told == ["warning: careful"]
    assert capsys.readouterr() == ("", "")


def test_what_a_library_notes_on_records_for_itself_is_left_out(stream: io.StringIO) -> None:
    logging.getLogger("ray").warning("up", extra={"_noted": 5, "node": 7})
    (record,) = records(stream)
    assert (record["event"], record["node"]) == ("up", 7)
    assert not [key for key in record if key.startswith("_")]


def test_a_terminal_that_stands_still_holds_nobody_up_and_not_all_of_the_log() -> None:
    told: list[str] = []
    going = Event()

    def tell(_level: str, line: str) -> None:
        going.wait()
        told.append(line)

    log.configure("info", "json", None)
    with log.told(tell):
        for number in range(3_000):
            structlog.get_logger("whispr.test").warning("again", number=number)
        going.set()

    assert 1_000 <= len(told) < 3_000
    assert told[0] == "warning: again · number 0"
