"""Flags that several commands take, and how they become settings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

Config: TypeAlias = Annotated[
    Path | None, typer.Option("--config", help="Settings file.", show_default="config/whispr.yaml")
]
Data: TypeAlias = Annotated[
    Path | None, typer.Option("--data", help="Data folder.", show_default="data")
]
Tier: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--tier", help="0: SQLite, in process. 1: Postgres, Redis, Ray.", show_default="0"
    ),
]
Rules: TypeAlias = Annotated[
    Path | None,
    typer.Option("--rules", help="Folder of rules, or one rule file.", show_default="config/rules"),
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
) -> dict[str, Any]:
    """Return the settings of a source of files."""
    source: dict[str, Any] = {"kind": "files", "paths": [str(path) for path in files]}
    if history:
        source["history"] = [str(path) for path in history]
    if symbols:
        source["symbols"] = split(symbols)
    if speed is not None:
        source["speed"] = speed
    return source


def split(symbols: str | None) -> list[str] | None:
    """Return ``SPY,QQQ`` as a list, None for nothing."""
    return [each.strip() for each in symbols.split(",") if each.strip()] if symbols else None
