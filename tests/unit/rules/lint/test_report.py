"""Diagnostics as text, JSON and SARIF 2.1.0."""

import json

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


def test_nothing_found_is_a_report_too() -> None:
    assert report([]) == ""
    assert json.loads(report([], "sarif"))["runs"][0]["results"] == []
