"""``whispr rules test``: the golden tests of rule files, with what failed and why."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from whispr_daemon.adapters.clock import SYSTEM_CLOCK
from whispr_daemon.bootstrap.rule_functions import plug_in_functions
from whispr_daemon.cli.destination import destination
from whispr_daemon.cli.options import Results
from whispr_daemon.cli.rule_paths import tests_at, universes_for
from whispr_daemon.cli.terminal import FAILED, MISUSED, err, out, plural
from whispr_daemon.domain.errors import SettingsError
from whispr_daemon.rules.golden.judging import judged
from whispr_daemon.rules.golden.junit import junit
from whispr_daemon.rules.golden.report import Failure, Report, Result
from whispr_daemon.rules.golden.runner import Prepared, prepare

_INDENT: Final = "      "
_STYLES: Final = {"error": "red", "warning": "yellow", "info": "dim"}


def test(paths: Sequence[Path], form: Results, to: Path | None, config: Path | None) -> None:
    """Run the golden tests of files and folders and write what came of them.

    Raises:
        SettingsError: there is no such file, there are no tests, or a setting is wrong.
        typer.Exit: a test failed (1), or a file has a mistake (2).
    """
    plug_in_functions()
    found = tests_at(paths)
    prepared = prepare(found.files, found.daily, universes_for(found.files, config))
    if not prepared.cases and not prepared.diagnostics:
        none = (
            f"{', '.join(map(str, paths))}: no tests (a rule's 'tests:', or X.test.yaml beside it)"
        )
        raise SettingsError("\n".join((*map(str, prepared.untested), none)))
    with destination(to) as write:
        begun = SYSTEM_CLOCK.monotonic()
        results, seconds = _run(prepared)
        report = Report(
            results=results, diagnostics=prepared.diagnostics, untested=prepared.untested
        )
        write(_rendered(report, seconds, SYSTEM_CLOCK.monotonic() - begun, form, styled=to is None))
    if report.diagnostics:
        raise typer.Exit(MISUSED)
    if not report.passed:
        raise typer.Exit(FAILED)


def _run(prepared: Prepared) -> tuple[tuple[Result, ...], dict[tuple[str, int], float]]:
    results: list[Result] = []
    seconds: dict[tuple[str, int], float] = {}
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task("", total=len(prepared.cases))
        for case in prepared.cases:
            progress.update(task, description=case.name)
            begun = SYSTEM_CLOCK.monotonic()
            results.append(judged(case))
            seconds[case.path, case.mark.line] = SYSTEM_CLOCK.monotonic() - begun
            progress.advance(task)
    return tuple(results), seconds


def _rendered(
    report: Report,
    seconds: dict[tuple[str, int], float],
    took: float,
    form: Results,
    *,
    styled: bool,
) -> str:
    if form is Results.JUNIT:
        return junit(report, seconds)
    if form is Results.JSON:
        return msgspec.json.format(msgspec.json.encode(_plain(report)), indent=1).decode() + "\n"
    console = out if styled else Console(width=out.width, no_color=True, highlight=False)
    with console.capture() as capture:
        for line in _lines(report, seconds, took):
            console.print(line, soft_wrap=True)
    return capture.get()


def _plain(report: Report) -> dict[str, object]:
    results = [{**msgspec.to_builtins(one), "passed": one.passed} for one in report.results]
    return {**msgspec.to_builtins(report), "passed": report.passed, "results": results}


def _lines(report: Report, seconds: dict[tuple[str, int], float], took: float) -> list[Text]:
    lines = [Text(str(each), _STYLES[each.severity]) for each in report.untested]
    if lines:
        lines.append(Text("the files above have no tests", "dim"))
    lines += [Text(str(each), _STYLES[each.severity]) for each in report.diagnostics]
    path = ""
    for one in report.results:
        if one.path != path:
            path = one.path
            lines.append(Text(path, "bold"))
        word = Text("  ok    ", "green") if one.passed else Text("  FAIL  ", "bold red")
        spent = seconds.get((one.path, one.line), 0.0)
        counted = [plural(one.bars, "bar")] if one.bars or not one.ticks else []
        counted += [plural(one.ticks, "tick")] if one.ticks else []
        detail = f"  {', '.join(counted)}, {spent * 1000:.0f} ms"
        lines.append(word + Text(one.name, "") + Text(detail, "dim"))
        for failure in one.failures:
            lines += _failure(one, failure)
    failed = sum(not one.passed for one in report.results)
    counts = [plural(len(report.results), "test"), f"{failed} failed"]
    if not report.results:
        counts = ["no test was run"]
    if report.diagnostics:
        counts.append(plural(len(report.diagnostics), "mistake"))
    style = "green" if report.passed else "red"
    words = ", ".join(counts) if not report.passed else f"{counts[0]} passed"
    lines.append(Text(words, style) + Text(f" in {took:.1f} s", "dim"))
    return lines


def _failure(one: Result, failure: Failure) -> list[Text]:
    place = f"{one.path}:{failure.line}:{failure.column}"
    lines = [Text(f"    {place}  {failure.kind}", "dim")]
    lines.append(Text(f"{_INDENT}expected  ", "green") + Text(failure.expected, ""))
    lines.append(Text(f"{_INDENT}got       ", "red") + Text(failure.got, ""))
    for number, line in enumerate(failure.why):
        head = "why       " if number == 0 else " " * 10
        lines.append(Text(f"{_INDENT}{head}", "yellow") + Text(line, ""))
    return lines
