"""The folder that compiled kernels are kept in: nobody else may write there, as numba unpickles."""

import os
import stat
from pathlib import Path
from threading import get_ident
from typing import Final

from whispr_daemon.adapters.kernels.link import Linked
from whispr_daemon.domain.errors import SettingsError

_PRIVATE: Final = 0o700
_MOST: Final = 2_000  # kernels; some hundred KB each


class Shelf:
    """Modules and what numba made of them, by the hash of their content. Processes may share it.

    Attributes:
        filled: whether there was any when it was opened.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder if it is missing; the oldest of very many kernels are thrown away.

        Raises:
            SettingsError: it cannot be written, or others may write there.
        """
        self.folder = folder.absolute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            status = self.folder.lstat()
            mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
            if not mine or stat.S_IMODE(status.st_mode) & ~_PRIVATE:
                raise SettingsError(
                    f"folder {self.folder} of compiled kernels is not private: code is run from "
                    f"there; remove it, or set its mode to {_PRIVATE:o} and its owner to this user"
                )
            modules = sorted(self.folder.glob("k*.py"), key=lambda file: file.stat().st_mtime_ns)
            for module in modules[:-_MOST]:
                self.remove(module.stem)
            self.filled = bool(modules)
        except OSError as error:
            raise SettingsError(
                f"folder {self.folder} of compiled kernels cannot be written: {error.strerror}"
            ) from error

    def put(self, linked: Linked) -> bool:
        """Write a module if it is new; say whether numba has compiled it already."""
        path = self.folder / f"{linked.name}.py"
        if path.exists():
            os.utime(path)  # it is in use: others are thrown away first
        else:
            draft = path.with_suffix(f".{os.getpid()}-{get_ident()}")
            draft.write_text(linked.text)
            draft.replace(path)
        return self.has(linked.name)

    def has(self, name: str) -> bool:
        """Say whether numba has compiled a module already."""
        return any(self._made(name, "nbi"))

    def remove(self, name: str) -> None:
        """Forget a kernel."""
        for path in (self.folder / f"{name}.py", *self._made(name, "nb?")):
            path.unlink(missing_ok=True)

    def _made(self, name: str, suffix: str) -> list[Path]:
        return list((self.folder / "__pycache__").glob(f"{name}.*.{suffix}"))
