"""Shows how far something is that takes long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from whispr_daemon.cli.terminal import err


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield what is told how far it is: what is done, how much so far, of how much.

    It is shown where a terminal looks.
    """
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as shown:
        task = shown.add_task("", total=None)

        def told(what: str, done: int, whole: int) -> None:
            shown.update(task, description=what, completed=done, total=whole)

        yield told
