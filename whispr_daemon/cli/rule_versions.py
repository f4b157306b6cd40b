"""``whispr rules history|rollback|diff``: the versions of the rules that a daemon had."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from whispr_daemon.bootstrap.look import running, store_to_read
from whispr_daemon.bootstrap.rule_changes import Version, version, versions, write_back
from whispr_daemon.bootstrap.rule_functions import plug_in_functions
from whispr_daemon.cli.options import Answer
from whispr_daemon.cli.rows import iso
from whispr_daemon.cli.rule_paths import rules_at, universes_for
from whispr_daemon.cli.serving import serve
from whispr_daemon.cli.terminal import machine, note, out
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.diff import Difference, difference
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule
from whispr_daemon.settings import Settings
from whispr_daemon.settings import load as load_settings

_STYLES = {"added": "green", "removed": "red", "changed": "yellow", "restarts": "dim"}


def history(config: Path | None, given: Mapping[str, Any], form: Answer) -> None:
    """Print the versions of the rules, oldest first, each with what it changed.

    Raises:
        SettingsError: there is no store to read.
    """
    settings = load_settings(config, given)
    found = serve(lambda _stop: _versions(settings))
    if form is Answer.JSON:
        rows = [
            {
                "number": one.number,
                "created": iso(one.created),
                "files": [file.path for file in one.files],
                "broken": one.broken,
            }
            for one in found
        ]
        machine(msgspec.json.format(msgspec.json.encode(rows), indent=1).decode() + "\n")
        return
    plug_in_functions()
    before: Sequence[Rule] = ()
    for place, one in enumerate(found):
        rules = load(one.files, universes=settings.universes).rules
        out.print(f"version {one.number}  {iso(one.created)}", style="bold", markup=False)
        if place:
            _show(difference(before, rules))
        else:
            out.print(f"  rules: {', '.join(rule.name for rule in rules) or 'none'}", markup=False)
        for mistake in one.broken:
            out.print(f"  kept as before: {mistake}", style="red", markup=False, soft_wrap=True)
        before = rules
    if not found:
        note("no version of the rules is kept yet")


async def _versions(settings: Settings) -> Sequence[Version]:
    async with store_to_read(settings) as store:
        return await versions(store)


async def _version(settings: Settings, number: int) -> Version:
    async with store_to_read(settings) as store:
        return await version(store, number)


def rollback(config: Path | None, given: Mapping[str, Any], number: int) -> None:
    """Make the rule files what they were in a version; a running daemon follows.

    Raises:
        SettingsError: there is no such version, or the folder cannot be written.
    """
    settings = load_settings(config, given)
    folder = settings.rules.dir
    if folder is None:
        raise SettingsError("rules.dir is null: there is no folder to write to")
    found = serve(lambda _stop: _version(settings, number))
    touched = write_back(found, folder)
    for path in touched:
        verb = "written" if path.exists() else "removed"
        out.print(f"{path}: {verb}", markup=False, soft_wrap=True)
    if not touched:
        note(f"the files are those of version {number} already")
    elif running(settings) is not None:
        note("the running daemon follows, as any other edit")


def diff(config: Path | None, given: Mapping[str, Any], one: str, other: str, form: Answer) -> None:
    """Print what differs in meaning: of files, folders, or versions by their numbers.

    Raises:
        SettingsError: there is no such file or version, or a rule has a mistake.
    """
    plug_in_functions()
    before, after = (_rules(config, given, each) for each in (one, other))
    found = difference(before, after)
    if form is Answer.JSON:
        machine(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
    elif found:
        _show(found, "")
    else:
        note("the rules mean the same")


def _rules(config: Path | None, given: Mapping[str, Any], named: str) -> Sequence[Rule]:
    files: Sequence[RuleFile]
    if named.isdecimal() and not Path(named).exists():
        settings = load_settings(config, given)
        files = serve(lambda _stop: _version(settings, int(named))).files
    else:
        files = rules_at([Path(named)])
    loaded = load(files, universes=universes_for(files, config))
    if loaded.errors:
        raise SettingsError("\n".join(map(str, loaded.errors)))
    return loaded.rules


def _show(found: Sequence[Difference], indent: str = "  ") -> None:
    for each in found:
        text = f"{indent}{each.text}"
        out.print(text, style=_STYLES[each.kind], markup=False, soft_wrap=True)
