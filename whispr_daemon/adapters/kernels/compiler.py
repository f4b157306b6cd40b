"""The Compiler port over numba: compiles in another process, loads in another thread.

The loop that folds never waits for it. numba compiles for a second a kernel and holds the
interpreter for most of it, so that is a process's work; a compiled kernel is loaded in 10 ms, the
first one in half a second, of which one hundredth of a second at a time holds the interpreter.
"""

from pathlib import Path
from threading import Condition, Thread
from typing import Final, NamedTuple

import structlog

from whispr_daemon.adapters.kernels import build
from whispr_daemon.adapters.kernels.link import UnlinkableError, link
from whispr_daemon.adapters.kernels.process import BuildProcess, EndedError
from whispr_daemon.adapters.kernels.shelf import Shelf
from whispr_daemon.rules.jit import Function, Recipe

_DEATHS: Final = 3  # of processes in a row, after which no other is started


class _Wish(NamedTuple):
    """What is to be made."""

    recipe: Recipe
    only_kept: bool  # to be loaded, not to be compiled


class NumbaCompiler:
    """Compiles what it is asked for, in the order it was first worth it."""

    def __init__(self, folder: Path, least_rows: int = 200, patience: int = 0) -> None:
        """Nothing is compiled, nor numba imported, before somebody asks.

        For fewer rows than ``least_rows`` it costs more to make arrays than they save. What lies in
        the folder is loaded when it is first asked for; what does not is compiled when it was asked
        for ``patience`` rows in all: a short run is over before that pays.

        Raises:
            SettingsError: ``folder`` is not private, or cannot be written.
        """
        self._shelf = Shelf(folder)
        self._least_rows = least_rows
        self._journal = structlog.get_logger("whispr.kernels")
        self._patience = patience
        self._functions: dict[Recipe, Function | None] = {}
        self._folded: dict[Recipe, int] = {}  # rows, of those that are not compiled yet
        self._waiting: list[_Wish] = []
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
            self._functions[recipe], self._folded[recipe] = None, 0
            if self._patience > 0 and self._shelf.filled:
                self._wish(_Wish(recipe, only_kept=True))
        if recipe in self._folded:
            self._folded[recipe] += rows
            if self._folded[recipe] >= self._patience:
                del self._folded[recipe]
                self._wish(_Wish(recipe, only_kept=False))
        return self._functions[recipe]

    def _wish(self, wish: _Wish) -> None:
        with self._changed:
            self._waiting.append(wish)
            if self._thread is None and not self._closed:
                self._thread = Thread(target=self._work, name="kernels", daemon=True)
                self._thread.start()

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
            while (wish := self._next()) is not None:
                if self._functions[wish.recipe] is None:
                    self._make(wish)
        except Exception:  # noqa: BLE001 (everything goes on as it was: uncompiled)
            self._journal.exception("kernels_stay_uncompiled")
            with self._changed:
                process, self._process, self._thread = self._process, None, None
                self._changed.notify_all()
            if process is not None:
                process.kill()
                process.close()

    def _next(self) -> _Wish | None:
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

    def _make(self, wish: _Wish) -> None:
        recipe = wish.recipe
        try:
            module = link(recipe)
        except UnlinkableError as error:
            self._journal.warning("kernel_not_compilable", kernel=recipe.name, why=str(error))
            return
        if wish.only_kept and not self._shelf.has(module.name):
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
