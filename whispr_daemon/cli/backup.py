"""``whispr backup`` and ``whispr restore``: a data folder as it is at one moment, and back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from whispr_daemon.adapters.sqlite_copy import Told
from whispr_daemon.bootstrap.backup import back_up
from whispr_daemon.bootstrap.backup import restore as restore_folder
from whispr_daemon.cli.rows import iso
from whispr_daemon.cli.terminal import err, note
from whispr_daemon.settings import load


def backup(config: Path | None, given: Mapping[str, Any], target: Path) -> None:
    """Copy the data folder, also while a daemon runs on it.

    Raises:
        SettingsError: there is nothing to copy, on tier 1, or it cannot be written there.
        Transient: the files cannot be copied now.
    """
    settings = load(config, given)
    with _progress() as told:
        size = back_up(settings, target, told)
    note(
        f"{settings.data} is copied to {target} ({size / 1e6:,.1f} MB); try it with "
        f"'whispr verify --data {target}', get it back with 'whispr restore {target}'"
    )


def restore(config: Path | None, given: Mapping[str, Any], source: Path) -> None:
    """Make the data folder from a backup.

    Raises:
        SettingsError: it is no whole backup, or the data folder is not empty.
        Transient: the files cannot be copied now.
    """
    settings = load(config, given)
    with _progress() as told:
        about = restore_folder(settings, source, told)
    note(
        f"{settings.data} is what {about.data} was at {iso(about.created)}; "
        "a daemon started on it goes on from there"
    )


@contextmanager
def _progress() -> Iterator[Told]:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("pages", total=None)

        def told(file: str, done: int, pages: int) -> None:
            progress.update(task, description=f"pages of {file}", completed=done, total=pages)

        yield told
