"""Diagnostics as text, JSON and SARIF 2.1.0."""

import json
import re
from pathlib import Path

from whispr_daemon import rules
from whispr_daemon.rules.codes import CODES
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.report import report

FOUND = load([RuleFile("a b.yaml", "name: r\nlogic:\n  - {if: prcie > 1, then: ['emit:X']}\n")])


def test_text_has_a_line_for_each() -> None:
    assert report(FOUND.diagnostics) == (
        "a b.yaml:3:10: E201 unknown name 'prcie' (did you mean 'price'?)"
    )


def test_json_has_the_fields_of_each() -> None:
    (one,) = json.loads(report(FOUND.diagnostics, "json"))
    assert (one["path"], one["line"], one["column"]) == ("a b.yaml", 3, 10)
    assert (one["code"], one["severity"]) == ("E201", "error")


def test_sarif_has_what_its_schema_requires() -> None:
    said = json.loads(report(FOUND.diagnostics, "sarif"))
    assert said["version"] == "2.1.0"
    (run,) = said["runs"]
    assert run["tool"]["driver"]["name"]
    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "E201"
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("unknown name")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 10}


def test_sarif_says_of_each_code_what_code_hosts_ask_for() -> None:
    (run,) = json.loads(report(FOUND.diagnostics, "sarif"))["runs"]
    for rule in run["tool"]["driver"]["rules"]:
        assert rule["shortDescription"]["text"] == CODES[rule["id"]]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]


def test_sarif_names_a_file_anywhere_by_its_address() -> None:
    away = load([RuleFile("/a b/c:d.yaml", "name: r\n")]).diagnostics
    (run,) = json.loads(report(away, "sarif"))["runs"]
    artifact = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact["uri"] == "file:///a%20b/c%3Ad.yaml"


def test_every_code_that_is_said_has_its_sentence() -> None:
    said: set[str] = set()
    for path in Path(rules.__file__).parent.rglob("*.py"):
        said |= set(re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8")))
    assert said == CODES.keys()


def test_nothing_found_is_a_report_too() -> None:
    assert report([]) == ""
    assert json.loads(report([], "sarif"))["runs"][0]["results"] == []
