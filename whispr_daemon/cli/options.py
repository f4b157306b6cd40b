"""Flags that several commands take, and how they become settings."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from whispr_daemon.domain.errors import SettingsError


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Answer(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"


class Results(StrEnum):
    """How results of tests are written."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


class Findings(StrEnum):
    """How what is found in rule files is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class Drawing(StrEnum):
    """How a graph is written."""

    TEXT = "text"
    DOT = "dot"
    MERMAID = "mermaid"


Config: TypeAlias = Annotated[
    Path | None, typer.Option("--config", help="Settings file; else config/whispr.yaml.")
]
Data: TypeAlias = Annotated[Path | None, typer.Option("--data", help="Data folder; else data.")]
OwnData: TypeAlias = Annotated[
    Path | None, typer.Option("--data", help="Data folder; else a temporary one.")
]
Tier: TypeAlias = Annotated[
    int | None,
    typer.Option("--tier", help="0: SQLite, in process. 1: Postgres, Redis, Ray. Else 0."),
]
Rules: TypeAlias = Annotated[
    Path | None,
    typer.Option("--rules", help="Folder of rules, or one rule file; else config/rules."),
]
Symbols: TypeAlias = Annotated[
    str | None, typer.Option("--symbols", help="Only these, with commas: SPY,QQQ")
]
Speed: TypeAlias = Annotated[
    float | None, typer.Option("--speed", help="Market seconds in a second; 0: no pace.")
]
History: TypeAlias = Annotated[
    list[Path] | None, typer.Option("--history", help="File of daily bars (repeatable).")
]
Splits: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--splits", help="File of splits and dividends (repeatable)."),
]
RowFormat: TypeAlias = Annotated[Format, typer.Option("--format", help="How rows are written.")]
AnswerFormat: TypeAlias = Annotated[
    Answer, typer.Option("--format", help="How the answer is written.")
]
FindingsFormat: TypeAlias = Annotated[
    Findings, typer.Option("--format", help="How the findings are written.")
]
DrawingFormat: TypeAlias = Annotated[
    Drawing, typer.Option("--format", help="How the graph is written.")
]
TestFormat: TypeAlias = Annotated[
    Results, typer.Option("--format", help="How the results are written.")
]


def flags(**given: Any) -> dict[str, Any]:
    """Return the flags that were given, nested as settings are: ``health__port`` is health.port."""
    nested: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        *outer, inner = name.split("__")
        section = nested
        for key in outer:
            section = section.setdefault(key, {})
        section[inner] = value
    return nested


def files_source(
    files: Sequence[Path],
    history: Sequence[Path] | None,
    symbols: str | None,
    speed: float | None,
    splits: Sequence[Path] | None = None,
) -> dict[str, Any]:
    """Return the settings of a source of files.

    Raises:
        SettingsError: the flags go against each other.
    """
    return flags(
        kind="files",
        paths=[str(path) for path in files],
        history=[str(path) for path in history] if history else None,
        splits=[str(path) for path in splits] if splits else None,
        symbols=_split(symbols),
        speed=speed,
    )


def any_source(
    source: Sequence[str] | None,
    history: Sequence[Path] | None,
    symbols: str | None,
    speed: float | None,
    splits: Sequence[Path] | None = None,
) -> dict[str, Any] | None:
    """Return the settings of the source that the flags name, or change; None if they do neither.

    Raises:
        SettingsError: the flags go against each other.
    """
    if source and list(source) != ["simulated"]:
        return files_source([Path(each) for each in source], history, symbols, speed, splits)
    for name, given in (("history", history), ("splits", splits)):
        if given:
            raise SettingsError(
                f"--{name} goes with files: name them with --source FILE, or set source.kind, "
                f"source.paths and source.{name} in config/whispr.yaml"
            )
    kind = "simulated" if source else None
    return flags(kind=kind, symbols=_split(symbols), speed=speed) or None


def _split(symbols: str | None) -> list[str] | None:
    """Return ``SPY,QQQ`` as a list."""
    if symbols is None:
        return None
    found = [each.strip() for each in symbols.split(",") if each.strip()]
    if not found:
        raise SettingsError(f"--symbols {symbols!r} names none; should be like SPY,QQQ")
    return found
