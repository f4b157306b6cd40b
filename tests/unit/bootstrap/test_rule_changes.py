"""Files to changes and back: a broken file stays what it was, and is told of once."""

import os
from pathlib import Path

import msgspec
import pytest

from tests.simulation.memory_store import MemoryStore
from whispr_daemon.bootstrap.rule_changes import (
    Folder,
    begin,
    first_change,
    refs_of,
    version,
    versions,
    write_back,
)
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.change import RuleChange, decode, first, settled
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Inputs

GOOD = """\
name: {name}
logic:
  - if: "close > {limit}"
    then: ["emit:{name}_up"]
"""
TESTS = """\
tests:
  - name: it crosses
    symbol: SPY
    bars: {{closes: "99 101"}}
    expect:
      - {{at: "09:32", emit: {said}}}
"""


def rule(name: str, limit: int = 100) -> str:
    return GOOD.format(name=name, limit=limit)


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good rules."""
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(rule(name))
    return tmp_path


def prepare(folder: Path, before: RuleChange) -> RuleChange | None:
    body = Folder(folder).prepare(before.encode()).body
    return None if body is None else decode(body)


def texts(change: RuleChange) -> dict[str, str]:
    return {Path(file.path).name: file.text for file in change.files}


def test_what_was_not_edited_is_no_change(folder: Path) -> None:
    assert prepare(folder, first_change(folder)) is None


def test_an_edited_an_added_and_a_deleted_file_are_a_change(folder: Path) -> None:
    before = first_change(folder)
    (folder / "a.yaml").write_text(rule("a", 200))
    (folder / "b.yaml").unlink()
    (folder / "c.yaml").write_text(rule("c"))
    change = prepare(folder, before)
    assert change is not None
    assert texts(change) == {"a.yaml": rule("a", 200), "c.yaml": rule("c")}
    assert change.refused == ()


def test_a_broken_file_stays_what_it_was_and_is_told_once_with_its_place(folder: Path) -> None:
    before = first_change(folder)
    (folder / "a.yaml").write_text(rule("a").replace("close >", "closs >"))
    (folder / "b.yaml").write_text(rule("b", 200))
    change = prepare(folder, before)
    assert change is not None
    assert texts(change) == {"a.yaml": rule("a"), "b.yaml": rule("b", 200)}
    (mistake,) = change.refused
    assert mistake.startswith(f"{folder / 'a.yaml'}:3:")
    assert prepare(folder, change) is None
    (folder / "b.yaml").write_text(rule("b", 300))
    later = prepare(folder, change)
    assert later is not None
    assert (later.refused, later.broken) == ((), (mistake,))


def test_a_file_that_is_mended_is_told_of_again_when_it_breaks_again(folder: Path) -> None:
    before = first_change(folder)
    (folder / "a.yaml").write_text("name: [")
    broken = prepare(folder, before)
    assert broken is not None
    (folder / "a.yaml").write_text(rule("a"))
    mended = prepare(folder, broken)
    assert mended is not None
    assert (texts(mended), mended.broken) == (texts(before), ())
    (folder / "a.yaml").write_text("name: [")
    again = prepare(folder, mended)
    assert again is not None
    assert again.refused == broken.refused


def test_a_new_file_that_is_broken_does_not_run(folder: Path) -> None:
    before = first_change(folder)
    (folder / "c.yaml").write_text("name: c\n")
    change = prepare(folder, before)
    assert change is not None
    assert sorted(texts(change)) == ["a.yaml", "b.yaml"]
    assert len(change.refused) == 1


@pytest.mark.parametrize("name", ["c.yaml", "0.yaml"])
def test_a_second_rule_of_a_name_is_refused_and_the_first_goes_on(folder: Path, name: str) -> None:
    before = first_change(folder)
    (folder / name).write_text(rule("a", 300))
    change = prepare(folder, before)
    assert change is not None
    assert texts(change) == texts(before)
    assert change.refused[0].startswith(f"{folder / name}:1:7: E507 ")


def test_a_file_that_cannot_be_read_stays_what_it_was(folder: Path) -> None:
    before = first_change(folder)
    (folder / "a.yaml").write_bytes(b"\xff\xfe\x00name")
    change = prepare(folder, before)
    assert change is not None
    assert texts(change) == texts(before)
    assert change.refused[0].startswith(f"{folder / 'a.yaml'}:1:1: ")


def test_a_folder_that_is_gone_stops_no_rule(folder: Path) -> None:
    before = first_change(folder)
    change = prepare(folder / "gone", before)
    assert change is not None
    assert texts(change) == texts(before)
    assert len(change.refused) == 1
    assert "there is no such file or folder" in change.refused[0]


def test_only_edited_files_are_tested_and_one_that_fails_stays_what_it_was() -> None:
    before = RuleChange(files=(RuleFile("a.yaml", rule("a")), RuleFile("b.yaml", rule("b"))))
    found = (RuleFile("a.yaml", rule("a", 5)), RuleFile("b.yaml", rule("b")))
    asked = []

    def testing(files: object) -> dict[str, str]:
        asked.append(files)
        return {"a.yaml": "a.yaml:9:5: test 'x' failed"}

    change = settled(found, before, testing)
    assert asked == [[found[0]]]
    assert change.files == before.files
    assert change.refused == ("a.yaml:9:5: test 'x' failed",)


def test_what_is_no_file_or_too_large_is_not_read(folder: Path) -> None:
    before = first_change(folder)
    os.mkfifo(folder / "c.yaml")
    with (folder / "a.yaml").open("ab") as file:
        file.truncate(1 << 30)
    change = prepare(folder, before)
    assert change is not None
    assert texts(change) == texts(before)
    assert change.refused == (
        f"{folder / 'a.yaml'}:1:1: {folder / 'a.yaml'}: 1,073,741,824 bytes; "
        "at most 67,108,864 are read",
        f"{folder / 'c.yaml'}:1:1: {folder / 'c.yaml'}: is no file",
    )


def test_golden_tests_beside_a_file_keep_an_edit_out_that_fails_them(folder: Path) -> None:
    before = first_change(folder)
    (folder / "a.test.yaml").write_text(TESTS.format(said="a_up"))
    (folder / "a.yaml").write_text(rule("a", 101))
    change = prepare(folder, before)
    assert change is not None
    assert texts(change) == texts(before)
    assert change.refused[0].startswith(f"{folder / 'a.test.yaml'}:")
    (folder / "a.yaml").write_text(rule("a").replace("100", "100.5"))
    passing = prepare(folder, change)
    assert passing is not None
    assert (texts(passing)["a.yaml"], passing.broken) == (rule("a").replace("100", "100.5"), ())


def test_tests_that_cannot_be_read_keep_the_edit_out_and_other_files_do_not_matter(
    folder: Path,
) -> None:
    before = first_change(folder)
    (folder / "a.test.yaml").write_bytes(b"\xff\xfe")
    (folder / "prices.csv").write_bytes(b"\xff\xfe")
    (folder / "a.yaml").write_text(rule("a", 101))
    (folder / "b.yaml").write_text(rule("b", 101))
    change = prepare(folder, before)
    assert change is not None
    assert texts(change) == {"a.yaml": rule("a"), "b.yaml": rule("b", 101)}
    (mistake,) = change.refused
    assert mistake.startswith(f"{folder / 'a.yaml'}:1:1: its tests: {folder / 'a.test.yaml'}: ")


def test_what_an_editor_hides_is_no_rule(folder: Path) -> None:
    before, look = first_change(folder), Folder(folder).look()
    (folder / ".#a.yaml").symlink_to("somebody@somewhere.42")
    (folder / ".a.yaml").write_text("name: [")
    assert Folder(folder).look() == look
    assert prepare(folder, before) is None


def test_a_look_differs_after_any_edit(folder: Path) -> None:
    looks = [Folder(folder).look()]
    for name in ("a.yaml", "a.test.yaml", "tests/b.test.yaml", "c.yml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x: 1")
        looks.append(Folder(folder).look())
    (folder / "b.yaml").unlink()
    looks.append(Folder(folder).look())
    (folder / "notes.txt").write_text("nothing of ours")
    assert Folder(folder).look() == looks[-1]
    assert len(set(looks)) == len(looks)


def test_what_rules_refer_to_is_in_the_change() -> None:
    loaded = load((RuleFile("a.yaml", rule("a")),))
    inputs = Inputs(refs={"vix": "VIX", "spy": "SPY", "fear": "VIX"})
    rules = tuple(msgspec.structs.replace(each, inputs=inputs) for each in loaded.rules)
    change = first((), msgspec.structs.replace(loaded, rules=rules))
    assert refs_of(change.encode()) == ("SPY", "VIX")


async def test_the_first_start_refuses_a_mistake_a_later_one_goes_on_with_what_was_good(
    folder: Path,
) -> None:
    store = MemoryStore()
    (folder / "a.yaml").write_text("name: [")
    with pytest.raises(SettingsError, match=r"a\.yaml:1:"):
        await begin(store, folder)
    assert await store.changes(1) == ()
    (folder / "a.yaml").write_text(rule("a"))
    for _ in range(2):
        await begin(store, folder)
    assert [each.number for each in await store.changes(9)] == [1]
    (folder / "a.yaml").write_text("name: [")
    await begin(store, folder)
    found = await versions(store)
    assert [each.number for each in found] == [1, 2]
    assert found[1].files == found[0].files
    assert len(found[1].broken) == 1


async def test_a_later_start_without_the_folder_is_a_mistake(folder: Path) -> None:
    store = MemoryStore()
    await begin(store, folder)
    with pytest.raises(SettingsError, match="there is no such file or folder"):
        await begin(store, folder / "gone")


async def test_an_older_version_is_written_back_and_is_a_change_again(folder: Path) -> None:
    store = MemoryStore()
    await begin(store, folder)
    (folder / "a.yaml").write_text(rule("a", 200))
    (folder / "b.yaml").unlink()
    (folder / "c.yaml").write_text(rule("c"))
    (folder / "c.test.yaml").write_text("tests: []")
    await begin(store, folder)

    touched = write_back(await version(store, 1), folder)

    assert {path.name for path in touched} == {"a.yaml", "b.yaml", "c.yaml"}
    assert _names(folder) == ["a.yaml", "b.yaml", "c.test.yaml"]
    assert write_back(await version(store, 1), folder) == []
    await begin(store, folder)
    assert (await version(store, 3)).files == (await version(store, 1)).files


async def test_a_version_that_there_never_was_is_named(folder: Path) -> None:
    store = MemoryStore()
    with pytest.raises(SettingsError, match="no version 4 of the rules; there is none yet"):
        await version(store, 4)
    await begin(store, folder)
    with pytest.raises(SettingsError, match="no version 4 of the rules; the newest is 1"):
        await version(store, 4)


def test_a_rule_may_name_a_universe_of_the_settings(tmp_path: Path) -> None:
    universes = {"tech": ("AAPL", "MSFT")}
    text = (
        "name: r\ninputs: {universe: tech}\nparams: {n: 10}\n"
        "logic: [{if: 'price > $n', then: ['emit:X']}]\n"
        "tests:\n- name: t\n  params: {n: 9}\n  bars: {closes: '8 9.5'}\n"
        "  expect: [{at: '09:32', emit: X}]\n"
    )
    (tmp_path / "r.yaml").write_text(text)
    before = first_change(tmp_path, universes)
    (tmp_path / "r.yaml").write_text(f"{text}# again\n")
    body = Folder(tmp_path, universes).prepare(before.encode()).body
    assert body is not None
    assert decode(body).broken == ()
    with pytest.raises(SettingsError, match="no universe named 'tech'"):
        first_change(tmp_path)
