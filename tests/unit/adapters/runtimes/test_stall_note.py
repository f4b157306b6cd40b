"""A host whose loop stands still cannot be asked, but what it wrote just now can be read."""

from pathlib import Path

import msgspec

from tests.contract.counting_host import open_counting_host
from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.adapters.runtimes.ray import RayCluster, RayRuntime, StallNote
from whispr_daemon.domain.stall import Stall


def stall() -> Stall:
    return Stall(task="spin/0", seconds=7.0, at=SYSTEM_CLOCK.now())


async def test_the_runtime_knows_who_has_the_loop_of_which_host(tmp_path: Path) -> None:
    runtime = RayRuntime(RayCluster(), open_counting_host, b"", tmp_path)
    assert await runtime.held_by("a b/c") == ""
    StallNote(tmp_path, "a b/c").write(stall())
    StallNote(tmp_path, "a b/c").write(stall())
    assert await runtime.held_by("a b/c") == "spin/0"
    assert await runtime.held_by("other") == ""


def test_what_was_written_long_ago_says_nothing_of_now(tmp_path: Path) -> None:
    note, told = StallNote(tmp_path, "a"), stall()
    note.write(msgspec.structs.replace(told, at=told.at - 60 * 10**9))
    assert note.read() == ""


def test_without_a_folder_nothing_is_written_and_nothing_known() -> None:
    note = StallNote("", "a")
    note.write(stall())
    assert note.read() == ""
