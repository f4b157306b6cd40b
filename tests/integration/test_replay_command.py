"""``whispr replay`` as people type it: what is written, and the exit statuses."""

import csv
import io
import json
import re
from pathlib import Path

from tests.integration.commands import PRICES, Whispr, write_bars
from whispr_daemon.cli.rows import COLUMNS


def test_a_replay_writes_the_same_rows_in_every_format(
    whispr: Whispr, bars: Path, rule: Path, tmp_path: Path
) -> None:
    command = ("replay", bars, "--rules", rule, "--format")
    rows = list(csv.DictReader(io.StringIO(whispr(*command, "csv").stdout)))
    assert [(row["ts_event"], row["name"], row["direction"]) for row in rows] == [
        (f"2024-01-02T14:{30 + n + 1}:00+00:00", "CROSSED", "up" if price > 10 else "down")
        for n, price in enumerate(PRICES)
        if n
    ]
    written = tmp_path / "rows.json"
    assert whispr(*command, "json", "--out", written).stdout == ""
    assert [each["id"] for each in json.loads(written.read_text())] == [row["id"] for row in rows]
    table = whispr(*command, "table").stdout
    assert all(row["ts_event"] in table for row in rows)


def test_where_rows_cannot_go_nothing_is_replayed(whispr: Whispr, bars: Path, rule: Path) -> None:
    ended = whispr("replay", bars, "--rules", rule, "--out", "no/x", "--data", "made", status=2)
    assert ended.stderr == "--out no/x cannot be written: No such file or directory\n"
    assert not Path("made").exists()


def test_a_strategy_that_raises_is_named_once_with_a_status_of_its_own(
    whispr: Whispr, bars: Path, boom: Path
) -> None:
    ended = whispr("replay", bars, "--strategy", "boom", "--format", "csv", status=4)
    assert ended.stdout == ",".join(COLUMNS) + "\n"
    (line,) = ended.stderr.splitlines()
    assert line.startswith("boom is quarantined on 4 partitions: raised ValueError('boom: always')")
    assert "at position 1-" in line


def test_who_hears_nothing_is_told_what_was_waited_for(
    whispr: Whispr, bars: Path, tmp_path: Path
) -> None:
    cold = tmp_path / "cold.yaml"
    cold.write_text('name: cold\nlogic:\n  - if: "cross(atr.38, price)"\n    then: ["emit:X"]\n')
    ended = whispr("replay", bars, "--rules", cold)
    assert "nothing was said; still waited for when all rows were read:" in ended.stderr
    assert re.search(r"  cold SPY: warming 0/\d+ daily bars\n", ended.stderr)
    assert "daily bars come with --history FILE" in ended.stderr


def test_rows_that_are_refused_are_told_after_the_others(
    whispr: Whispr, rule: Path, tmp_path: Path
) -> None:
    file = write_bars(tmp_path / "bars.parquet", [10, -1, 11])
    ended = whispr("replay", file, "--rules", rule, "--format", "csv", status=3)
    assert "CROSSED" in ended.stdout
    assert ended.stderr.startswith("1 row was refused and put aside; all others were taken in.")


def test_a_split_in_a_file_is_no_cross(whispr: Whispr, tmp_path: Path) -> None:
    bars = write_bars(tmp_path / "bars.parquet", [100, 101, 102, 51, 51.5, 52, 45, 51])
    rule = tmp_path / "rule.yaml"
    rule.write_text("name: r\nlogic:\n  - {if: 'cross(price, sma(close, 3))', then: ['emit:X']}\n")
    splits = tmp_path / "splits.csv"
    splits.write_text("symbol,ts,ratio\nSPY,2024-01-02T14:33:00Z,2:1\n")

    def times(*flags: str | Path) -> list[str]:
        said = whispr("replay", bars, "--rules", rule, "--format", "csv", *flags).stdout
        return [line[11:16] for line in said.splitlines()[1:]]

    assert times() == ["14:34", "14:36", "14:37", "14:38"]
    assert times("--splits", splits) == ["14:37", "14:38"]
