"""What people type about rules: the commands of ``whispr rules`` and their flags."""

from pathlib import Path
from typing import Annotated

import typer

from whispr_daemon.cli import options
from whispr_daemon.cli.terminal import failures_in_words

rules_app = typer.Typer(help="Rule files.", no_args_is_help=True)

_Files = Annotated[list[Path], typer.Argument(help="Rule files, or folders of them.")]
_Out = Annotated[Path | None, typer.Option("--out", help="Write to this file.")]
_Check = Annotated[bool, typer.Option("--check", help="Change nothing; status 1 if it would.")]
_Side = Annotated[str, typer.Argument(help="A rule file, a folder, or the number of a version.")]
_Number = Annotated[int, typer.Argument(min=1, help="Of the version; see whispr rules history.")]
_Name = Annotated[str, typer.Argument(help="The rule's name.")]
_Symbol = Annotated[str, typer.Option("--symbol", help="The instrument.")]
_At = Annotated[
    str,
    typer.Option(
        "--at", help="09:36 or 09:36:05.250 (of the last session), 2026-06-24T09:36-04:00."
    ),
]


@rules_app.command("lint")
def lint_rules(
    paths: _Files,
    form: options.FindingsFormat = options.Findings.TEXT,
    to: _Out = None,
    config: options.Config = None,
) -> None:
    """Check rule files and their tests: every mistake of every file, with its place.

    Warnings and notes are shown too, and cost nothing. Exit status 2: there are mistakes.
    """
    from whispr_daemon.cli import rules as work

    with failures_in_words():
        work.lint(paths, form, to, config)


@rules_app.command("test")
def run_rule_tests(
    paths: _Files,
    form: options.TestFormat = options.Results.TEXT,
    to: _Out = None,
    config: options.Config = None,
) -> None:
    """Run the golden tests of rule files: those in a rule's ``tests:``, and of X.test.yaml beside.

    Every test also shows that the rule does not look ahead, that a restart leaves no trace, and
    that bars which come again or late change nothing. Exit status 1: a test failed. 2: a file with
    tests has a mistake, or there are no tests.
    """
    from whispr_daemon.cli import rule_tests as work

    with failures_in_words():
        work.test(paths, form, to, config)


@rules_app.command("explain")
def explain_rule(
    name: _Name,
    symbol: _Symbol,
    at: _At,
    form: options.AnswerFormat = options.Answer.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Say why a rule fired at a moment, was held back, or stayed silent: each clause, evaluated.

    The log of the data folder is folded again up to then; a running daemon does not notice. Exit
    status 1: the rule was not evaluated at that moment.
    """
    from whispr_daemon.cli import explain as work

    with failures_in_words():
        work.run(config, options.flags(data=data), (name, symbol, at), form)


@rules_app.command("fmt")
def format_rules(paths: _Files, check: _Check = False) -> None:  # noqa: FBT002 - a flag
    """Put rule files into their canonical order and layout; comments stay.

    Exit status 1: with --check, a file would be changed. 2: a file is no YAML.
    """
    from whispr_daemon.cli import rules as work

    with failures_in_words():
        work.fmt(paths, check=check)


@rules_app.command("graph")
def draw_rules(
    paths: _Files,
    form: options.DrawingFormat = options.Drawing.TEXT,
    to: _Out = None,
    config: options.Config = None,
) -> None:
    """Show rules in order of evaluation, the way through each clause, who hears whose signals."""
    from whispr_daemon.cli import rules as work

    with failures_in_words():
        work.draw(paths, form, to, config)


@rules_app.command("schema")
def write_schema(to: _Out = None) -> None:
    """Write the JSON Schema of rule files, for editors."""
    from whispr_daemon.cli import rules as work

    with failures_in_words():
        work.schema(to)


@rules_app.command("diff")
def diff_rules(
    one: _Side,
    other: _Side,
    form: options.AnswerFormat = options.Answer.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Show what differs in meaning, clause by clause: of files, folders, or versions kept."""
    from whispr_daemon.cli import rule_versions as work

    with failures_in_words():
        work.diff(config, options.flags(data=data), one, other, form)


@rules_app.command("history")
def show_history(
    form: options.AnswerFormat = options.Answer.TABLE,
    data: options.Data = None,
    config: options.Config = None,
) -> None:
    """Show the versions of the rules that the daemon had, and what each changed."""
    from whispr_daemon.cli import rule_versions as work

    with failures_in_words():
        work.history(config, options.flags(data=data), form)


@rules_app.command("rollback")
def roll_back(
    number: _Number,
    data: options.Data = None,
    rules: options.Rules = None,
    config: options.Config = None,
) -> None:
    """Make the rule files what they were in a version; a running daemon follows."""
    from whispr_daemon.cli import rule_versions as work

    with failures_in_words():
        work.rollback(config, options.flags(data=data, rules__dir=rules), number)
