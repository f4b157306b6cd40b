"""The tables of a store: the same names and columns in every technology, so rows can be moved."""

from typing import Final, NamedTuple


class Table(NamedTuple):
    """A table as it is copied; what a database numbers for itself is numbered again."""

    name: str
    columns: tuple[str, ...]
    order: str  # columns that it is read in the order of
    times: tuple[str, ...] = ()  # columns that are moments: ns UTC in an image
    page: int = 5_000  # rows that are held in memory together

    def read_all(self, time: str = "{}") -> str:
        """Return the statement that reads the rows; ``time`` makes ns of a column of moments."""
        columns = ", ".join(
            time.format(column) if column in self.times else column for column in self.columns
        )
        return f"SELECT {columns} FROM {self.name} ORDER BY {self.order}"  # noqa: S608 - our names

    def add_row(self) -> str:
        """Return the statement that adds a row, its values as question marks."""
        places = ", ".join("?" * len(self.columns))
        columns = ", ".join(self.columns)
        return f"INSERT INTO {self.name} ({columns}) VALUES ({places})"  # noqa: S608 - our names

    def counting(self, most: int = -1) -> str:
        """Return the statement that counts the rows, or looks whether there are so many."""
        limit = f" LIMIT {most}" if most >= 0 else ""
        return f"SELECT count(*) FROM (SELECT 1 FROM {self.name}{limit}) AS found"  # noqa: S608


TABLES: Final = (  # each after those it refers to
    Table(
        "unit",
        ("unit_id", "partition", "epoch", "owner", "start", "wm", "out_seq", "out_hash"),
        "unit_id",
    ),
    Table("quarantine", ("unit_id", "pos", "reason", "since"), "unit_id", ("since",)),
    Table(
        "snapshot",
        ("unit_id", "pos", "out_seq", "out_hash", "code_version", "codec", "crc", "body"),
        "unit_id, pos",
        page=20,  # they may be large
    ),
    Table(
        "output",
        (
            *("unit_id", "out_seq", "id", "kind", "ts_event", "instrument", "origin", "name"),
            *("body", "created"),
        ),
        "unit_id, out_seq",
        ("created",),
    ),
    Table("relay", ("route", "epoch", "receipt"), "route"),
    Table("relay_cursor", ("route", "unit_id", "out_seq"), "route, unit_id"),
    Table("producer", ("producer", "epoch", "state"), "producer"),
    Table("producer_mark", ("producer", "source", "seq"), "producer, source"),
    Table("instrument", ("code", "symbol"), "code"),
    Table("dead_letter", ("source", "seq", "reason", "detail"), "place"),
    Table("desired", ("one", "body"), "one"),
    Table("change", ("number", "body", "created"), "number", ("created",)),
)
TABLE: Final = {table.name: table for table in TABLES}

# Of outputs there may be a hundred million: units have counted theirs, without gaps.
_OUTPUTS: Final = "SELECT coalesce(sum(out_seq), 0) FROM unit"
_COUNTS: Final = [_OUTPUTS if each.name == "output" else each.counting() for each in TABLES]
COUNT_ALL: Final = f"SELECT {' + '.join(f'({count})' for count in _COUNTS)}"
