"""``whispr backup`` and ``whispr restore``: what a daemon holds at one moment, and back."""

import os
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from whispr_daemon.bootstrap.backup import back_up
from whispr_daemon.bootstrap.backup import restore as restore_folder
from whispr_daemon.cli.progress import progress
from whispr_daemon.cli.rows import iso
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import note
from whispr_daemon.settings import load

_PRIVATE: Final = 0o077  # no bit for others: settings of strategies are in it, secrets too


def backup(config: Path | None, given: Mapping[str, Any], target: Path) -> None:
    """Make a backup, also while a daemon runs.

    Raises:
        SettingsError: there is nothing to copy, or it cannot be written there.
        Transient: it cannot be copied now.
    """
    settings = load(config, given)
    with _private(), progress() as told:
        made = back_up(settings, target, told, _run)
    note(
        f"{settings.data} is copied to {target} ({made.size / 1e6:,.1f} MB); try it with "
        f"'whispr verify --data {target}', get it back with 'whispr restore {target}'"
    )


def restore(config: Path | None, given: Mapping[str, Any], source: Path) -> None:
    """Make what a daemon of the settings' tier starts on from a backup.

    Raises:
        SettingsError: it is no whole backup, or there is something where it is to be restored.
        Transient: it cannot be copied now.
    """
    settings = load(config, given)
    with _private(), progress() as told:
        found = restore_folder(settings, source, told, note, _run)
    note(
        f"{settings.data} is what {found.data} was at {iso(found.created)}; "
        f"a daemon of tier {settings.tier} started on it goes on from there"
        + (f" (that was of tier {found.tier})" if found.tier != settings.tier else "")
    )


@contextmanager
def _private() -> Iterator[None]:
    """Let nobody else read the files that are made."""
    before = os.umask(_PRIVATE)
    try:
        yield
    finally:
        os.umask(before)


def _run(work: Coroutine[Any, Any, None]) -> None:
    serve(lambda _stop: work)
