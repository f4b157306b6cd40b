"""Runs a backup or a restore that is killed in the middle: ``half_done.py WORD WHAT ARGUMENTS``.

It dies by SIGKILL when it is told that ``WHAT`` is being copied.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from whispr_daemon.cli import app, backup
from whispr_daemon.engine.copying import Told


def main() -> None:
    """Do it."""
    what, *arguments = sys.argv[1:]

    @contextmanager
    def deadly() -> Iterator[Told]:
        def told(now: str, _done: int, _whole: int) -> None:
            if now == what:
                os.kill(os.getpid(), signal.SIGKILL)

        yield told

    backup.progress = deadly
    app(arguments)


if __name__ == "__main__":
    main()
