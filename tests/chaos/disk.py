"""A small disk of its own for a daemon, to be filled: a tmpfs, which only root may mount."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

_SIZE: Final = 400  # MiB: more than a round writes
_CHUNK: Final = bytes(65_536)


class SmallDisk:
    """Mounted on an empty folder until closed."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, and mount the disk.

        Raises:
            OSError: this user may not, or not here.
        """
        self._folder = folder
        folder.mkdir(mode=0o700)
        options = f"size={_SIZE}m,mode=0700"
        command = ["mount", "-t", "tmpfs", "-o", options, "whispr-chaos", str(folder)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            raise OSError(f"{' '.join(command)}: {ended.stderr.strip()}")

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Take what room there is, and give it back."""
        ballast = self._folder / "ballast"
        try:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(_CHUNK):
                    pass
            yield
        finally:
            ballast.unlink()

    def close(self) -> None:
        """Unmount it, also while somebody still has a file there."""
        subprocess.run(["umount", "-l", str(self._folder)], check=True)


@cache
def can_be_had() -> bool:
    """Whether this user may mount a disk."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            SmallDisk(Path(folder) / "disk").close()
        except OSError:
            return False
    return True
