"""``whispr rules lint|schema|fmt|graph``: rule files looked at without running them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import typer

from whispr_daemon.bootstrap.rule_functions import plug_in_functions
from whispr_daemon.cli.destination import destination
from whispr_daemon.cli.options import Drawing, Findings
from whispr_daemon.cli.rule_paths import Tested, rules_at, tests_at, universes_for
from whispr_daemon.cli.terminal import FAILED, MISUSED, out, plural
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.document.document import read
from whispr_daemon.rules.document.rule_keys import schema_text
from whispr_daemon.rules.drawing import as_dot, as_mermaid
from whispr_daemon.rules.format import formatted
from whispr_daemon.rules.golden.runner import prepare
from whispr_daemon.rules.graph import as_text, graph
from whispr_daemon.rules.load import Loaded, load
from whispr_daemon.rules.reading.inputs import Universes
from whispr_daemon.rules.report import report

_STYLES: Final = {"error": "red", "warning": "yellow", "info": "dim"}


def lint(paths: Sequence[Path], form: Findings, to: Path | None, config: Path | None) -> None:
    """Write all that is to be said of rule files and their tests.

    Raises:
        SettingsError: there is no such file, or a setting is wrong.
        typer.Exit: there are mistakes.
    """
    found = tests_at(paths)
    files = found.files
    plug_in_functions()
    universes = universes_for(files, config)
    loaded = _with_tests(load(files, universes=universes), found, universes)
    if form is Findings.TEXT and to is None:
        _show(loaded, len(files))
    else:
        with destination(to) as write:
            text = report(loaded.diagnostics, form.value)
            write(f"{text}\n" if text else "")
    if loaded.errors:
        raise typer.Exit(MISUSED)


def _with_tests(loaded: Loaded, tested: Tested, universes: Universes) -> Loaded:
    """Return what was found with the mistakes that only who runs the tests would see."""
    known = set(loaded.diagnostics)
    read_too = prepare(tested.files, tested.daily, universes).diagnostics
    place = {file.path: number for number, file in enumerate(tested.files)}
    found = [*loaded.diagnostics, *(one for one in read_too if one not in known)]
    found.sort(key=lambda one: (place.get(one.path, len(place)), one.line, one.column))
    return Loaded(rules=loaded.rules, diagnostics=tuple(found))


def _show(loaded: Loaded, files: int) -> None:
    for diagnostic in loaded.diagnostics:
        style = _STYLES[diagnostic.severity]
        out.print(str(diagnostic), style=style, markup=False, soft_wrap=True)
    mistakes = len(loaded.errors)
    counts = (
        plural(files, "file"),
        plural(len(loaded.rules), "rule"),
        plural(mistakes, "mistake"),
        plural(len(loaded.diagnostics) - mistakes, "note"),
    )
    out.print(", ".join(counts))


def schema(to: Path | None) -> None:
    """Write the JSON Schema of rule files.

    Raises:
        SettingsError: it cannot be written.
    """
    with destination(to) as write:
        write(schema_text())


def fmt(paths: Sequence[Path], *, check: bool) -> None:
    """Put files into their canonical layout; with ``check`` only say which are not in it.

    Raises:
        SettingsError: there is no such file, or one cannot be written.
        typer.Exit: one is no YAML (2), or with ``check``, not in the layout (1).
    """
    broken = changed = 0
    files = tests_at(paths).files
    for file in files:
        mistakes = read(file.path, file.text).diagnostics
        if mistakes:
            broken += 1
            out.print(str(mistakes[0]), style="red", markup=False, soft_wrap=True)
            continue
        text = formatted(file.text)
        if text == file.text:
            continue
        changed += 1
        verb = "would be changed" if check else "changed"
        out.print(f"{file.path}: {verb}", markup=False, soft_wrap=True)
        if not check:
            with destination(Path(file.path)) as write:
                write(text)
    verb = "would be changed" if check else "changed"
    counts = [f"{plural(changed, 'file')} {verb}", f"{len(files) - changed - broken} in order"]
    out.print(", ".join(counts + ([f"{broken} not read"] if broken else [])))
    if broken:
        raise typer.Exit(MISUSED)
    if check and changed:
        raise typer.Exit(FAILED)


def draw(paths: Sequence[Path], form: Drawing, to: Path | None, config: Path | None) -> None:
    """Write who says and who hears what.

    Raises:
        SettingsError: there is no such file, or a rule or a setting has a mistake.
    """
    plug_in_functions()
    files = rules_at(paths)
    loaded = load(files, universes=universes_for(files, config))
    if loaded.errors:
        raise SettingsError("\n".join(map(str, loaded.errors)))
    found = graph(loaded.rules)
    with destination(to) as write:
        write(_DRAWN[form](found))


_DRAWN: Final = {Drawing.TEXT: as_text, Drawing.DOT: as_dot, Drawing.MERMAID: as_mermaid}
