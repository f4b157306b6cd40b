"""The SQL files of a technology: its queries by name, its migrations by number."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from whispr_daemon.domain.errors import SettingsError

_ROOM: Final = "whispr_daemon.adapters.stores.sql"
_QUERIES: Final = "queries.sql"
_NAME: Final = "-- name: "


def read_queries(technology: str) -> Mapping[str, str]:
    """Return the queries of ``queries.sql``, where each begins with a line ``-- name: …``."""
    text = files(f"{_ROOM}.{technology}").joinpath(_QUERIES).read_text(encoding="utf-8")
    sections = f"\n{text}".split(f"\n{_NAME}")[1:]
    named = (section.partition("\n") for section in sections)
    return {name.strip(): query.strip() for name, _, query in named}


def read_migrations(technology: str, found: int, where: str) -> Mapping[int, str]:
    """Return the migrations a database at version ``found`` still needs, in order.

    Args:
        technology: the folder of SQL files.
        found: the version of the database, 0 if it is new.
        where: what to call the database in a refusal.

    Raises:
        SettingsError: the database is of a newer version than this program knows.
    """
    scripts = {
        int(file.name.partition("_")[0]): file.read_text(encoding="utf-8")
        for file in files(f"{_ROOM}.{technology}").iterdir()
        if file.name.endswith(".sql") and file.name != _QUERIES
    }
    known = max(scripts)
    if found > known:
        raise SettingsError(
            f"{where} is of version {found}, this Whispr knows versions up to {known}; "
            "install the newer Whispr again or use another data folder or database"
        )
    return {number: scripts[number] for number in sorted(scripts) if number > found}
