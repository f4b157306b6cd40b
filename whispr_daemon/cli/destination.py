"""Where rows go: standard output, or a file that appears whole or not at all."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from whispr_daemon.cli.terminal import machine
from whispr_daemon.domain.errors import SettingsError


@contextmanager
def destination(to: Path | None) -> Iterator[Callable[[str], None]]:
    """Yield what writes a text to ``to`` (None: standard output), to be called once, at the end.

    Raises:
        SettingsError: it cannot be written. Most of what can be wrong is found before the block.
    """
    if to is None:
        yield machine
        return
    with _in_words(to):
        file = _File(Path(os.path.realpath(to)))

    def write(text: str) -> None:
        with _in_words(to):
            file.write(text)

    try:
        yield write
    finally:
        file.close()


class _File:
    """A file that takes its place once it is written and on disk: until then an older one stays."""

    def __init__(self, target: Path) -> None:
        self._target = target
        # A device or a pipe cannot be replaced: it is written as it is.
        self._special = target.exists() and not target.is_file()
        if target.is_file() and not os.access(target, os.W_OK):
            raise PermissionError(None, "Permission denied")
        fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
        self._made = target if self._special else fresh
        self._file = self._made.open("w", encoding="utf-8", newline="")

    def write(self, text: str) -> None:
        with self._file:
            self._file.write(text)
            self._file.flush()
            if not self._special:
                os.fsync(self._file.fileno())
        if self._special:
            return
        if self._target.exists():
            shutil.copymode(self._target, self._made)
        self._made.replace(self._target)

    def close(self) -> None:
        self._file.close()
        if not self._special:
            self._made.unlink(missing_ok=True)


@contextmanager
def _in_words(to: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(f"--out {to} cannot be written: {error.strerror or error}") from error
