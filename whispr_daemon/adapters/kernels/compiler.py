"""The Compiler port over numba: compiles in another process, loads in another thread.

The loop that folds never waits for it. numba compiles for a second a kernel and holds the
interpreter for most of it, so that is a process's work; a compiled kernel is loaded in 10 ms, the
first one in half a second, of which one hundredth of a second at a time holds the interpreter.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Condition, Thread
from typing import Final

import structlog

from whispr_daemon.adapters.kernels import build
from whispr_daemon.adapters.kernels.link import Linked, UnlinkableError, link
from whispr_daemon.adapters.kernels.shelf import Shelf
from whispr_daemon.rules.jit import Function, Recipe

_SHOWN: Final = 1_000  # characters of what it said last
_AT_ONCE: Final = 16  # kernels a process compiles, so that the first ones are not waited for long


class NumbaCompiler:
    """Compiles what it is asked for, in the order it was first asked."""

    def __init__(self, folder: Path, least_rows: int = 200) -> None:
        """Nothing is compiled, nor numba imported, before somebody asks.

        For fewer rows than ``least_rows`` it costs more to make arrays than they save.

        Raises:
            SettingsError: ``folder`` is not private, or cannot be written.
        """
        self._shelf = Shelf(folder)
        self._least_rows = least_rows
        self._journal = structlog.get_logger("whispr.kernels")
        self._functions: dict[Recipe, Function | None] = {}
        self._waiting: list[Recipe] = []
        self._changed = Condition()
        self._thread: Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._closed = False

    def compiled(self, recipe: Recipe, rows: int) -> Function | None:
        """Return the compiled function if there is one by now, and rows enough for it."""
        if rows < self._least_rows:
            return None
        if recipe not in self._functions:
            self._functions[recipe] = None
            with self._changed:
                self._waiting.append(recipe)
                if self._thread is None and not self._closed:
                    self._thread = Thread(target=self._work, name="kernels", daemon=True)
                    self._thread.start()
        return self._functions[recipe]

    def finish(self) -> None:
        """Wait until all that was asked for is compiled, or is known not to be compilable."""
        with self._changed:
            self._changed.wait_for(lambda: self._thread is None)

    def close(self) -> None:
        """Stop compiling. What is compiled stays usable."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            if self._process is not None:
                self._process.kill()
        self.finish()

    # ------------------------------------------------------------------ in the thread
    def _work(self) -> None:
        try:
            while recipes := self._taken():
                self._make(recipes)
        except Exception:  # noqa: BLE001 (everything goes on as it was: uncompiled)
            self._journal.exception("kernels_stay_uncompiled")
            with self._changed:
                self._thread = None
                self._changed.notify_all()

    def _taken(self) -> list[Recipe]:
        with self._changed:
            taken = self._waiting[:_AT_ONCE]
            del self._waiting[:_AT_ONCE]
            if not taken:
                self._thread = None
                self._changed.notify_all()
        return taken

    def _make(self, recipes: Sequence[Recipe]) -> None:
        linked = dict(self._linked(recipes))
        new = [each.name for each in linked.values() if not self._shelf.put(each)]
        refused = self._compile(new) if new else set()
        for recipe, module in linked.items():
            if self._closed or module.name in refused:
                continue
            try:
                function = build.build(self._shelf.folder, module.name)
            except Exception as error:  # noqa: BLE001 (a cache can be broken in many ways)
                self._shelf.remove(module.name)  # the next run makes it anew
                self._journal.warning("kernel_not_loaded", kernel=module.name, why=str(error))
            else:
                self._functions[recipe] = function

    def _linked(self, recipes: Sequence[Recipe]) -> Iterator[tuple[Recipe, Linked]]:
        for recipe in recipes:
            try:
                yield recipe, link(recipe)
            except UnlinkableError as error:
                self._journal.warning("kernel_not_compilable", kernel=recipe.name, why=str(error))

    def _compile(self, names: Sequence[str]) -> set[str]:
        """Compile modules in a process; return those that it did not compile."""
        command = [sys.executable, "-m", build.__name__, str(self._shelf.folder), *names]
        with self._changed:
            if self._closed:
                return set(names)
            process = subprocess.Popen(  # noqa: S603 (our own module, names are hashes)
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._process = process
        said, complaints = process.communicate()
        self._process = None
        if process.returncode and not self._closed:
            why = f"status {process.returncode}: {complaints[-_SHOWN:]}"
            self._journal.warning("kernel_compiler_ended", why=why)
        missing = set(names)
        for line in said.splitlines():
            name, _, why = line.partition(": ")
            if why:
                self._journal.warning("kernel_not_compilable", kernel=name, why=why)
            else:
                missing.discard(name)
        return missing
