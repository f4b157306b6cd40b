"""``whispr rules …`` as people type it: what is written, and the exit statuses."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from tests.integration.commands import PRICES, Whispr, write_bars

EXAMPLES = Path(__file__).parents[1] / "unit" / "rules" / "cases"
RULE = """\
name: tenth
inputs: {symbols: [SPY]}
logic:
  - id: any
    if: "cross(price, 10.5)"
    cooldown: 2m
    then: ["emit:CROSSED", "log:crossed at {price}"]
"""
TESTS = """\
tests:
  - name: crosses once
    bars: {closes: "10 11"}
    expect: [{at: "09:32", emit: CROSSED, dir: %s}]
"""


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """A rule with a test beside it that passes."""
    (tmp_path / "rules" / "tests").mkdir(parents=True)
    (tmp_path / "rules" / "tests" / "tenth.test.yaml").write_text(TESTS % "up")
    path = tmp_path / "rules" / "tenth.yaml"
    path.write_text(RULE)
    return path


@pytest.fixture
def folder(whispr: Whispr, rule: Path, tmp_path: Path) -> Path:
    """A data folder on which the rule saw 10 11 10 11 10 11 from 09:30 of 2024-01-02."""
    write_bars(tmp_path / "bars.parquet", PRICES)
    whispr("replay", "bars.parquet", "--rules", rule, "--data", "data", "--format", "csv")
    return tmp_path / "data"


# ------------------------------------------------------------------ test
def test_all_examples_pass_their_tests(whispr: Whispr) -> None:
    ended = whispr("rules", "test", EXAMPLES)
    assert "FAIL" not in ended.stdout
    assert re.search(r"\d\d tests passed", ended.stdout)


def test_all_that_is_wrong_with_a_bad_file_is_found(whispr: Whispr) -> None:
    shown = whispr("rules", "lint", EXAMPLES / "bad.yaml", status=2).stdout
    for line in (EXAMPLES / "bad.expected.txt").read_text().splitlines():
        assert " ".join(line.split()[:2]) in shown


def test_a_file_of_tests_brings_its_rule(whispr: Whispr, rule: Path) -> None:
    ended = whispr("rules", "test", rule.parent / "tests" / "tenth.test.yaml")
    assert "1 test passed" in ended.stdout


def test_a_failure_is_told_with_its_reason_and_status_1(whispr: Whispr, rule: Path) -> None:
    (rule.parent / "tests" / "tenth.test.yaml").write_text(TESTS % "down")
    shown = whispr("rules", "test", rule, status=1).stdout
    assert "FAIL  crosses once" in shown
    assert "expected  09:32  emit CROSSED  dir=down" in shown
    assert "got       09:32  emit CROSSED  dir=up   (differs in dir)" in shown
    assert "FIRED (event)" in shown
    assert "1 test, 1 failed" in shown


def test_results_as_json_and_junit(whispr: Whispr, rule: Path, tmp_path: Path) -> None:
    found = json.loads(whispr("rules", "test", rule, "--format", "json").stdout)
    assert found["passed"] is True
    assert [one["name"] for one in found["results"]] == ["crosses once"]
    written = tmp_path / "junit.xml"
    assert whispr("rules", "test", rule, "--format", "junit", "--out", written).stdout == ""
    root = ElementTree.fromstring(written.read_text())
    assert (root.attrib["tests"], root.attrib["failures"]) == ("1", "0")


def test_mistakes_and_nothing_to_test_are_status_2(whispr: Whispr, rule: Path) -> None:
    (rule.parent / "tests" / "tenth.test.yaml").write_text("tests: [{name: x}]\n")
    assert "E502" in whispr("rules", "test", rule, status=2).stdout
    (rule.parent / "tests" / "tenth.test.yaml").unlink()
    assert "no tests" in whispr("rules", "test", rule, status=2).stderr
    rule.write_text("name: tenth\n")
    told = whispr("rules", "test", rule, status=2).stderr
    assert "key 'logic' is missing" in told
    assert "no tests" in told
    assert "there is no such file" in whispr("rules", "test", "nothing.yaml", status=2).stderr


# ------------------------------------------------------------------ lint, schema, fmt, graph
def test_findings_as_text_json_and_sarif(whispr: Whispr) -> None:
    bad = EXAMPLES / "bad.yaml"
    assert f"{bad}:4:10: E220" in whispr("rules", "lint", bad, status=2).stdout
    found = json.loads(whispr("rules", "lint", bad, "--format", "json", status=2).stdout)
    assert {"E220", "E212", "W301"} <= {one["code"] for one in found}
    sarif = json.loads(whispr("rules", "lint", bad, "--format", "sarif", status=2).stdout)
    assert sarif["version"] == "2.1.0"


def test_lint_looks_at_the_tests_too(whispr: Whispr, rule: Path) -> None:
    assert "2 files, 1 rule, 0 mistakes" in whispr("rules", "lint", rule.parent).stdout
    (rule.parent / "tests" / "tenth.test.yaml").write_text("tests: [{nam: x}]\n")
    assert "unknown key 'nam'" in whispr("rules", "lint", rule, status=2).stdout


def test_lists_of_symbols_come_from_the_settings(whispr: Whispr, rule: Path) -> None:
    rule.write_text(rule.read_text().replace("symbols: [SPY]", "universe: tech"))
    told = whispr("rules", "lint", rule, status=2)
    assert "E512" in told.output
    config = rule.parent / "whispr.yaml"
    config.write_text("universes: {tech: [SPY, AAPL]}")
    for command in ("lint", "test", "graph"):
        whispr("rules", command, rule, "--config", config)
    whispr("rules", "diff", rule, rule, "--config", config)


def test_the_schema_is_one_and_the_published(whispr: Whispr, tmp_path: Path) -> None:
    text = whispr("rules", "schema").stdout
    jsonschema.Draft7Validator.check_schema(json.loads(text))
    published = Path(__file__).parents[2] / "config" / "whispr-rules-v1.schema.json"
    assert published.read_text(encoding="utf-8") == text
    whispr("rules", "schema", "--out", tmp_path / "s.json")
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == text


def test_lint_reads_the_tests_too(whispr: Whispr, rule: Path) -> None:
    (rule.parent / "tests" / "tenth.test.yaml").write_text(TESTS % "up, klause: 5")
    shown = whispr("rules", "lint", rule, status=2).stdout
    assert "tenth.test.yaml:4:" in shown
    assert "E501 unknown key 'klause' (did you mean 'clause'?)" in shown
    assert "2 files, 1 rule, 1 mistake, 0 notes" in shown


def test_fmt_orders_keys_and_says_what_it_would_do(whispr: Whispr, rule: Path) -> None:
    assert "0 files would be changed, 2 in order" in whispr("rules", "fmt", "--check", rule).stdout
    rule.write_text("# mine\n" + RULE.replace("    cooldown: 2m\n", "") + "    cooldown: 2m  # !\n")
    assert "would be changed" in whispr("rules", "fmt", "--check", rule, status=1).stdout
    whispr("rules", "fmt", rule)
    assert rule.read_text() == "# mine\n" + RULE.replace("2m\n", "2m  # !\n")
    rule.write_text("name: [\n")
    assert "E500" in whispr("rules", "fmt", rule, status=2).stdout


def test_the_graph_as_text_and_dot(whispr: Whispr, rule: Path) -> None:
    text = whispr("rules", "graph", rule).stdout
    assert "any: cross(price, 10.5) → cooldown 2m → emit:CROSSED" in text
    assert whispr("rules", "graph", rule, "--format", "dot").stdout.startswith("digraph")


# ------------------------------------------------------------------ explain
def test_explain_folds_the_log_again(whispr: Whispr, folder: Path) -> None:
    def told(at: str, *flags: str) -> str:
        asked = ("rules", "explain", "tenth", "--symbol", "SPY", "--at", at, "--data", folder)
        return whispr(*asked, *flags).stdout

    fired = told("09:32").splitlines()
    assert fired[0].endswith("any  SPY  2024-01-02T09:32:00-05:00  FIRED (event)")
    assert fired[1:3] == [
        "cross(price, 10.5) = true, dir=up, gap=true",
        "  price = 11.00   previous 10.00   (bar 09:31, SPY 1m)",
    ]
    assert 'actions: emit CROSSED; log "crossed at 11"' in fired
    held = told("2024-01-02T09:33-05:00")
    assert "SUPPRESSED (cooldown)" in held
    assert "fired 09:32; 1m of cooldown 2m left" in held
    assert "NO (false)" in told("09:31")
    (plain,) = json.loads(told("2024-01-02 14:32+00:00", "--format", "json"))
    assert (plain["outcome"], plain["symbol"]) == ("fired", "SPY")


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        (("tent", "SPY", "09:32"), 2, "there was no rule 'tent' at that time (did you mean"),
        (("tenth", "QQQ", "09:32"), 2, "the log holds nothing of QQQ; it has SPY"),
        (("tenth", "SPY", "soon"), 2, "--at 'soon' is no moment"),
        (("tenth", "SPY", "15:00"), 1, "from 2024-01-02T09:31:00-05:00 to 2024-01-02T09:36"),
    ],
)
def test_what_cannot_be_explained_is_a_sentence(
    whispr: Whispr, folder: Path, asked: tuple[str, str, str], status: int, words: str
) -> None:
    name, symbol, at = asked
    command = ("rules", "explain", name, "--symbol", symbol, "--at", at, "--data", folder)
    assert words in whispr(*command, status=status).stderr.replace("\n", " ")


def test_bars_made_of_trades_and_trades_are_explained(whispr: Whispr, tmp_path: Path) -> None:
    trades = ("09:30:00,100", "09:30:20,100.5", "09:31:05,100.4", "09:31:30.250,101")
    later = ("09:32:00.400,100", "09:33:10,100")
    lines = [f"2026-06-24T{at.replace(',', '-04:00,SPY,')},10" for at in (*trades, *later)]
    (tmp_path / "trades.csv").write_text("\n".join(("ts,symbol,price,size", *lines, "")))
    rule = EXAMPLES / "08_ticks.yaml"
    whispr("replay", "trades.csv", "--rules", rule, "--data", "d", "--format", "csv")

    def told(at: str) -> str:
        asked = ("rules", "explain", "break_of_the_last_bar", "--symbol", "SPY", "--at", at)
        return whispr(*asked, "--data", "d").stdout

    assert "price = 101.00   (trade at 09:31:30.250, SPY)" in told("09:31:30.250")
    assert "held  SPY  2026-06-24T09:32:00-04:00  FIRED" in told("09:32")
    command = ("rules", "explain", "break_of_the_last_bar", "--symbol", "SPY", "--at", "09:31:40")
    words = whispr(*command, "--data", "d", status=1).stderr.replace("\n", " ")
    assert "evaluations next to it: 2026-06-24T09:31:30.250-04:00 and" in words


def test_explain_without_a_log_is_a_sentence(whispr: Whispr) -> None:
    command = ("rules", "explain", "r", "--symbol", "SPY", "--at", "09:32", "--data", "nothing")
    assert "holds no store yet" in whispr(*command, status=2).stderr


def test_what_is_for_the_audit_is_no_signal(whispr: Whispr, folder: Path) -> None:
    shown = whispr("signals", "--data", folder, "--format", "csv", "-n", "2").stdout
    assert [line.split(",")[3:5] for line in shown.splitlines()[1:]] == [["signal", "CROSSED"]] * 2


# ------------------------------------------------------------------ versions
def test_diff_compares_files_and_versions(whispr: Whispr, rule: Path, folder: Path) -> None:
    other = rule.with_name("other.yaml")
    other.write_text(RULE.replace("10.5", "11"))
    line = "~ tenth  any: if: cross(price, 10.5) → cross(price, 11)\n"
    assert whispr("rules", "diff", rule, other).stdout == line
    assert whispr("rules", "diff", "1", other, "--data", folder).stdout == line
    assert "mean the same" in whispr("rules", "diff", rule, rule).stderr
    assert "no version 7" in whispr("rules", "diff", "7", other, "--data", folder, status=2).stderr


def test_history_and_rollback(whispr: Whispr, rule: Path, folder: Path) -> None:
    assert "rules: tenth" in whispr("rules", "history", "--data", folder).stdout
    rule.write_text(RULE.replace("10.5", "11"))
    asked = ("rules", "rollback", "1", "--data", folder, "--rules", rule)
    assert str(rule) in whispr(*asked).stdout
    assert rule.read_text() == RULE
    assert "already" in whispr(*asked).stderr
