"""``whispr run``: the daemon, until it is told to stop."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from whispr_daemon import log
from whispr_daemon.bootstrap.assembly import Assembled, assembled
from whispr_daemon.bootstrap.folder import DataFolder
from whispr_daemon.cli.serving import Stop, serve
from whispr_daemon.cli.terminal import err, machine, note, out, warn
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.settings import Settings, SimulatedSource, load

_PRIVATE: Final = 0o077  # no bit for others: the data is the user's own


def print_settings(config: Path | None, given: Mapping[str, Any]) -> None:
    """Print the settings in effect, secrets masked.

    Raises:
        SettingsError: they are wrong; with every mistake.
    """
    machine(load(config, given).masked())


def run(config: Path | None, given: Mapping[str, Any]) -> None:
    """Run the daemon until Ctrl-C, SIGTERM or the end of its terminal.

    Raises:
        WhisprError: it cannot start, or cannot go on.
    """
    settings = load(config, given)
    DataFolder(settings.data).check()
    os.umask(_PRIVATE)
    with _journal(settings):
        serve(lambda stop: _serve(settings, stop))


async def _serve(settings: Settings, stop: Stop) -> None:
    with err.status("starting") as status:
        tell = status.update if err.is_terminal else _say
        async with assembled(settings, out, tell) as made:
            stop.by(made.daemon.stop)

            def started() -> None:
                status.stop()
                _greet(settings, made)

            await made.daemon.run(to_end=False, started=started)
    note("stopped; the next start goes on here", "dim")


def _greet(settings: Settings, made: Assembled) -> None:
    url = made.announce()
    if isinstance(settings.source, SimulatedSource):
        note("SIMULATED market: made-up prices, not real data", "bold yellow")
    note(f"tier {settings.tier} · source {made.source.name} · data {settings.data}")
    note(f"metrics {url}/metrics")
    note(f"health {url}/readyz · Ctrl-C stops")


def _say(what: str) -> None:
    note(f"{what} …", "dim")


@contextmanager
def _journal(settings: Settings) -> Iterator[None]:
    """Send the log to its file, or to standard error, unless a person looks at that.

    Where it goes to a file, warnings and errors are told on standard error too.
    """
    file = settings.log.file
    if file is None and err.is_terminal:
        file = settings.data / "logs" / "daemon.log"
    if file is None:
        log.configure(settings.log.level, settings.log.format, sys.stderr)
        yield
        return
    with _opened(file) as stream:
        log.configure(settings.log.level, settings.log.format, stream)
        with log.told(warn):
            yield


def _opened(file: Path) -> TextIO:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("a", encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"log.file {file} cannot be written: {error.strerror}") from error
