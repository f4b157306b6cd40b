"""Kernels compiled by numba: what may be linked, where they are kept, that nobody waits."""

import errno
import importlib
import math
import os
import shutil
import signal
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from llvmlite import binding

from whispr_daemon.adapters.kernels.compiler import NumbaCompiler
from whispr_daemon.adapters.kernels.link import Linked, UnlinkableError, link
from whispr_daemon.adapters.kernels.process import BuildProcess, EndedError
from whispr_daemon.adapters.kernels.shelf import Shelf
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.functions.folds import State
from whispr_daemon.rules.jit import UNCOMPILED, Group, Recipe, fold_recipe

MANY = 1_000_000
SCALE = 2.0
NAN = math.nan


def scaled(x: float) -> float:
    """Refers to a number of its module."""
    return x * SCALE


def shifted(x: float, by: float) -> float:
    """Refers to another function."""
    return scaled(x) + by


def applied(state: State, how: Any) -> float:
    """Takes a function."""
    total = 0.0
    for place in range(len(state.floats)):
        total += how(state.floats[place], state.ints[place])
    return total


SUM = Recipe(
    "kernel",
    "def kernel(state):\n    return applied(state)\n",
    (("applied", partial(applied, how=shifted)),),
    (Group(("floats", "ints"), State),),
)
QUOTIENT = Recipe("f", "def f(x):\n    return 1.0 / x\n", (), ("float",))
NO_TYPE = Recipe("f", "def f(x):\n    return x.colour\n", (), ("float",))


@pytest.fixture
def compiler(tmp_path: Path) -> Iterator[NumbaCompiler]:
    made = NumbaCompiler(tmp_path / "kernels")
    yield made
    made.close()


def test_a_recipe_becomes_one_module_with_all_it_refers_to() -> None:
    text = link(SUM).text
    assert "SCALE = 2.0" in text
    assert [line for line in text.splitlines() if line.startswith("def ")] == [
        "def scaled(x: float) -> float:",
        "def how(x: float, by: float) -> float:",
        "def applied(state: State) -> float:",
        "def kernel(state):",
    ]


def test_a_recipe_may_refer_to_another(compiler: NumbaCompiler) -> None:
    loop = "def f(state, n):\n    y = 0.0\n    for _ in range(n):\n        y += kernel(state)\n"
    takes = (*SUM.takes, "int")
    many = Recipe("f", f"{loop}    return y\n", (("kernel", SUM),), takes)
    compiler.compiled(many, MANY)
    compiler.finish()
    function = compiler.compiled(many, MANY)
    assert function is not None
    assert function(State(np.array([1.0, 2.5]), np.array([1, 2])), 3) == 30.0


def test_a_module_is_named_by_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    before = link(SUM)
    assert link(SUM) == before
    monkeypatch.setitem(globals(), "SCALE", 3.0)
    assert link(SUM).name != before.name


def test_a_module_is_for_one_kind_of_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a folder that moved numba takes nothing, and would compile in the daemon's process."""
    before = link(SUM)
    monkeypatch.setattr(binding, "get_host_cpu_name", lambda: "another")
    assert link(SUM).name != before.name


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ((("g", {}),), "cannot refer to 'g', which is dict"),
        ((("g", os),), "cannot refer to 'g', which is a module"),
        ((("SCALE", 5.0), ("g", scaled)), "two things are called 'SCALE': 5.0 and 2.0"),
        ((("g", lambda x: x),), "'g' is decorated or a lambda"),
        ((("g", fold_recipe),), "which is _lru_cache_wrapper"),
        ((("g", partial(max, key=1)),), "which is partial"),
    ],
)
def test_what_cannot_stand_by_itself_is_refused(names: Any, why: str) -> None:
    with pytest.raises(UnlinkableError, match=why):
        link(Recipe("f", "def f(x):\n    return g(x)\n", names, ("float",)))


def test_a_source_that_was_edited_since_it_was_imported_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade under a daemon that runs: the file says something else than what is at work."""
    file = tmp_path / "edited_since.py"
    file.write_text("def half(x):\n    return x / 2.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    half = importlib.import_module("edited_since").half
    recipe = Recipe("f", "def f(x):\n    return half(x)\n", (("half", half),), ("float",))
    assert "x / 2.0" in link(recipe).text
    file.write_text("def half(x):\n    return x / 3.0  # by now\n")
    with pytest.raises(UnlinkableError, match="the source of 'half' is not what runs"):
        link(recipe)


def test_nobody_waits_for_a_kernel_that_is_not_compiled_yet(compiler: NumbaCompiler) -> None:
    assert compiler.compiled(SUM, MANY) is None
    compiler.finish()
    kernel = compiler.compiled(SUM, MANY)
    assert kernel is not None
    assert kernel(State(np.array([1.0, 2.5]), np.array([1, 2]))) == 10.0
    with pytest.raises(TypeError, match="No matching definition"):
        kernel(State(np.array([1, 2]), np.array([1, 2])))


def test_tuples_of_one_type_and_of_several(compiler: NumbaCompiler) -> None:
    text = "def f(given, named, nothing):\n    return given[0] + given[1] + named.floats[0]\n"
    takes = (Group(("float", "int")), Group(("floats", "floats"), State), Group(()))
    mixed = Recipe("f", text, (), takes)
    alike = mixed._replace(takes=(Group(("float", "float")), *takes[1:]))
    for recipe in (mixed, alike):
        compiler.compiled(recipe, MANY)
    compiler.finish()
    named = State(np.array([3.0]), np.array([4.0]))
    for recipe, given in ((mixed, (1.0, 2)), (alike, (1.0, 2.0))):
        kernel = compiler.compiled(recipe, MANY)
        assert kernel is not None
        assert kernel(given, named, ()) == 6.0


def test_a_few_rows_are_not_worth_it(compiler: NumbaCompiler) -> None:
    assert compiler.compiled(QUOTIENT, 10) is None
    compiler.compiled(QUOTIENT, MANY)
    compiler.finish()
    assert compiler.compiled(QUOTIENT, 10) is None
    assert compiler.compiled(QUOTIENT, MANY) is not None


def test_it_is_compiled_when_enough_was_folded_without_it_but_loaded_at_once(
    tmp_path: Path,
) -> None:
    asked: list[list[bool]] = []
    for _ in range(2):
        compiler = NumbaCompiler(tmp_path / "kernels", patience=1_000)
        found = []
        for rows in (100, 500, 500, 500):
            found.append(compiler.compiled(QUOTIENT, rows) is not None)
            compiler.finish()
        compiler.close()
        asked.append(found)
    assert asked == [[False, False, False, True], [False, False, True, True]]


def test_a_kernel_is_compiled_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    for _ in range(2):
        compiler = NumbaCompiler(folder)
        compiler.compiled(QUOTIENT, MANY)
        compiler.finish()
        kernel = compiler.compiled(QUOTIENT, MANY)
        assert kernel is not None
        assert kernel(4.0) == 0.25
        assert kernel(0.0) == math.inf  # no error, as everywhere in what is compiled
        kept = list(folder.glob("__pycache__/*"))
        assert len(kept) == 2  # an index and the code
        for file in kept:
            os.utime(file, ns=(1, 1))  # which it would not keep if it were written again
    assert {file.stat().st_mtime_ns for file in kept} == {1}


def test_threads_that_put_the_same_module_into_a_folder_do_not_meet(tmp_path: Path) -> None:
    shelf, together = Shelf(tmp_path / "kernels"), Barrier(8)

    def put(number: int) -> bool:
        together.wait()
        return shelf.put(Linked(f"k{number}", "x = 1\n"))

    with ThreadPoolExecutor(8) as threads:
        for number in range(40):
            assert list(threads.map(put, [number] * 8)) == [False] * 8


def test_two_that_share_a_folder_may_compile_the_same_at_once(tmp_path: Path) -> None:
    both = [NumbaCompiler(tmp_path / "kernels") for _ in range(2)]
    for compiler in both:
        compiler.compiled(QUOTIENT, MANY)
    for compiler in both:
        compiler.finish()
        kernel = compiler.compiled(QUOTIENT, MANY)
        assert kernel is not None
        assert kernel(4.0) == 0.25


def test_a_folder_that_became_read_only_is_told_and_hurts_nobody(
    compiler: NumbaCompiler, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "write_text", refuse)
    compiler.compiled(QUOTIENT, MANY)
    compiler.finish()
    assert compiler.compiled(QUOTIENT, MANY) is None
    assert "kernels_stay_uncompiled" in capsys.readouterr().out


def test_what_numba_cannot_compile_is_told_and_stays_uncompiled(
    compiler: NumbaCompiler, capsys: pytest.CaptureFixture[str]
) -> None:
    compiler.compiled(NO_TYPE, MANY)
    compiler.compiled(Recipe("f", "def f(x):\n    return g(x)\n", (("g", os),), ("float",)), MANY)
    compiler.compiled(QUOTIENT, MANY)
    compiler.finish()
    assert compiler.compiled(NO_TYPE, MANY) is None
    assert compiler.compiled(QUOTIENT, MANY) is not None
    said = capsys.readouterr().out
    assert said.count("kernel_not_compilable") == 2
    assert "of type float64" in said
    assert "which is a module" in said


def test_a_broken_cache_is_told_and_made_anew_the_next_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "kernels"
    found = []
    for _ in range(3):
        compiler = NumbaCompiler(folder)
        compiler.compiled(QUOTIENT, MANY)
        compiler.finish()
        found.append(compiler.compiled(QUOTIENT, MANY) is not None)
        if len(found) == 1:
            for file in folder.glob("__pycache__/*.nbc"):
                file.write_bytes(b"not code")
    assert found == [True, False, True]
    assert "kernel_not_loaded" in capsys.readouterr().out


def test_a_compiler_process_that_dies_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    compiler = NumbaCompiler(tmp_path / "kernels")
    compiler.compiled(QUOTIENT, MANY)
    compiler.finish()
    assert compiler.compiled(QUOTIENT, MANY) is None
    assert "status 1" in capsys.readouterr().out


def test_a_compiler_process_that_keeps_dying_is_not_started_forever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", shutil.which("false"))
    compiler = NumbaCompiler(tmp_path / "kernels")
    for number in range(9):
        compiler.compiled(QUOTIENT._replace(text=f"def f(x):\n    return x + {number}.0\n"), MANY)
    compiler.finish()
    assert capsys.readouterr().out.count("kernel_compiler_ended") == 3


def test_a_process_that_is_killed_says_so_and_is_waited_for(tmp_path: Path) -> None:
    process = BuildProcess(tmp_path)
    process.kill()
    with pytest.raises(EndedError, match=f"status {-signal.SIGKILL}"):
        process.build("k1")
    process.close()


def test_to_close_while_it_compiles_leaves_no_process_and_no_thread(
    compiler: NumbaCompiler, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(9):
        compiler.compiled(QUOTIENT._replace(text=f"def f(x):\n    return x - {number}.0\n"), MANY)
    compiler.close()
    assert (compiler._thread, compiler._process) == (None, None)
    assert capsys.readouterr().out == ""


def test_the_folder_is_private(tmp_path: Path) -> None:
    folder = tmp_path / "kernels"
    NumbaCompiler(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o755)
    with pytest.raises(SettingsError, match="is not private"):
        NumbaCompiler(folder)
    (tmp_path / "link").symlink_to(folder)
    folder.chmod(0o700)
    with pytest.raises(SettingsError, match="is not private"):
        NumbaCompiler(tmp_path / "link")
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        NumbaCompiler(tmp_path / "file")


def test_a_closed_compiler_compiles_nothing_more(compiler: NumbaCompiler) -> None:
    compiler.compiled(SUM, MANY)
    compiler.close()
    assert compiler.compiled(QUOTIENT, MANY) is None
    compiler.finish()
    assert compiler.compiled(QUOTIENT, MANY) is None


def test_without_a_compiler_nothing_is_compiled() -> None:
    assert UNCOMPILED.compiled(SUM, MANY) is None
