"""Results of golden tests as JUnit XML, for whatever reads that."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from whispr_daemon.rules.diagnostics import Diagnostic
from whispr_daemon.rules.golden.report import Report, Result

_ILLEGAL = {code: "\ufffd" for code in range(32) if chr(code) not in "\t\n\r"}


def junit(report: Report, seconds: Mapping[tuple[str, int], float] | None = None) -> str:
    """Return a document with a suite a file. ``seconds`` is by path and line of a test."""
    took = seconds or {}
    tests, failures = len(report.results), sum(not one.passed for one in report.results)
    errors = len(report.diagnostics)
    total = sum(took.values())
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="whispr rules" tests="{tests + errors}" failures="{failures}" '
        f'errors="{errors}" time="{total:.3f}">',
    ]
    for path, results in groupby(report.results, key=lambda result: result.path):
        lines += _suite(path, list(results), took)
    for path, found in groupby(report.diagnostics, key=lambda each: each.path):
        lines += _mistakes(path, list(found))
    return "\n".join((*lines, "</testsuites>", ""))


def _suite(
    path: str, results: Sequence[Result], took: Mapping[tuple[str, int], float]
) -> list[str]:
    failures = sum(not one.passed for one in results)
    total = sum(took.get((one.path, one.line), 0.0) for one in results)
    lines = [
        f'  <testsuite name={_quoted(path)} tests="{len(results)}" failures="{failures}" '
        f'errors="0" time="{total:.3f}">'
    ]
    for one in results:
        seconds = took.get((one.path, one.line), 0.0)
        lines.append(
            f"    <testcase classname={_quoted(one.rule)} name={_quoted(one.name)} "
            f'file={_quoted(one.path)} line="{one.line}" time="{seconds:.3f}">'
        )
        for failure in one.failures:
            message = f"expected {failure.expected}; got {failure.got}"
            place = f"{one.path}:{failure.line}:{failure.column}"
            text = "\n".join((place, message, *failure.why))
            lines.append(
                f"      <failure type={_quoted(failure.kind)} message={_quoted(message)}>"
                f"{escape(_legal(text))}</failure>"
            )
        lines.append("    </testcase>")
    return [*lines, "  </testsuite>"]


def _mistakes(path: str, found: Sequence[Diagnostic]) -> list[str]:
    count = len(found)
    lines = [
        f'  <testsuite name={_quoted(path)} tests="{count}" failures="0" errors="{count}" '
        f'time="0.000">'
    ]
    for each in found:
        name = _quoted(f"{each.code} line {each.line}")
        lines += [
            f"    <testcase classname={_quoted(path)} name={name} "
            f'file={_quoted(path)} line="{each.line}" time="0.000">',
            f"      <error type={_quoted(each.code)} message={_quoted(each.message)}>"
            f"{escape(_legal(str(each)))}</error>",
            "    </testcase>",
        ]
    return [*lines, "  </testsuite>"]


def _quoted(text: str) -> str:
    return quoteattr(_legal(text), {"\n": "&#10;"})


def _legal(text: str) -> str:
    """Return a text without the characters that XML does not have."""
    return text.translate(_ILLEGAL)
