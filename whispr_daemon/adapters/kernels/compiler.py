"""The Compiler port over numba: compiles in another process, loads in another thread.

The loop that folds never waits for it. numba compiles for a second a kernel and holds the
interpreter for most of it, so that is a process's work; a compiled kernel is loaded in 10 ms, the
first one in half a second, of which one hundredth of a second at a time holds the interpreter.
"""

from pathlib import Path
from threading import Condition, Thread
from typing import Final

import structlog

from whispr_daemon.adapters.kernels import build
from whispr_daemon.adapters.kernels.link import UnlinkableError, link
from whispr_daemon.adapters.kernels.process import BuildProcess, EndedError
from whispr_daemon.adapters.kernels.shelf import Shelf
from whispr_daemon.rules.jit import Function, Recipe

_DEATHS: Final = 3  # of processes in a row, after which no other is started


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
        self._process: BuildProcess | None = None
        self._deaths = 0
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
            while (recipe := self._next()) is not None:
                self._make(recipe)
        except Exception:  # noqa: BLE001 (everything goes on as it was: uncompiled)
            self._journal.exception("kernels_stay_uncompiled")
            with self._changed:
                process, self._process, self._thread = self._process, None, None
                self._changed.notify_all()
            if process is not None:
                process.kill()
                process.close()

    def _next(self) -> Recipe | None:
        """Return what is to be made next; None if there is nothing, and the thread is to end."""
        while True:
            with self._changed:
                if self._waiting:
                    return self._waiting.pop(0)
                process, self._process = self._process, None
                if process is None:
                    self._thread = None
                    self._changed.notify_all()
                    return None
            process.close()  # and nobody who asks meanwhile waits for that

    def _make(self, recipe: Recipe) -> None:
        try:
            module = link(recipe)
        except UnlinkableError as error:
            self._journal.warning("kernel_not_compilable", kernel=recipe.name, why=str(error))
            return
        if not self._shelf.put(module) and not self._compile(module.name):
            return
        try:
            self._functions[recipe] = build.build(self._shelf.folder, module.name)
        except Exception as error:  # noqa: BLE001 (a cache can be broken in many ways)
            self._shelf.remove(module.name)  # the next run makes it anew
            self._journal.warning("kernel_not_loaded", kernel=module.name, why=str(error))

    def _compile(self, name: str) -> bool:
        """Compile a module in the process; say if it did."""
        with self._changed:
            if self._closed or self._deaths >= _DEATHS:
                return False
            if self._process is None:
                self._process = BuildProcess(self._shelf.folder)
            process = self._process
        try:
            why = process.build(name)
        except EndedError as error:
            with self._changed:
                self._process = None
            process.close()
            if not self._closed:
                self._deaths += 1
                self._journal.warning("kernel_compiler_ended", kernel=name, why=str(error))
            return False
        self._deaths = 0
        if why:
            self._journal.warning("kernel_not_compilable", kernel=name, why=why)
        return not why
