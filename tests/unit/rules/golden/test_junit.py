"""Results as JUnit XML."""

from xml.etree import ElementTree

from tests.unit.rules.golden.runs import report_of
from whispr_daemon.rules.golden.junit import junit


def test_a_failure_is_in_it_with_its_place_and_reason() -> None:
    report = report_of('bars: {closes: "9 11"}\nexpect: [{at: "09:31", emit: UP}]')
    root = ElementTree.fromstring(junit(report, {("r.test.yaml", 2): 0.25}))
    assert root.attrib["tests"] == "1"
    assert root.attrib["failures"] == "1"
    (case,) = root.iter("testcase")
    assert (case.attrib["classname"], case.attrib["name"]) == ("tenth", "it")
    assert case.attrib["time"] == "0.250"
    first = next(case.iter("failure"))
    assert first.attrib["message"].startswith("expected 09:31  emit UP; got 09:32  emit UP")
    assert "r.test.yaml:4:14" in (first.text or "")
    assert "cross_up(price, 10) = " in (first.text or "")


def test_a_mistake_is_an_error_and_no_text_breaks_the_document() -> None:
    report = report_of('bars: {closes: "\\x01 <&"}\nexpect: []')
    root = ElementTree.fromstring(junit(report))
    assert root.attrib["errors"] == "1"
    (error,) = root.iter("error")
    assert error.attrib["type"] == "E520"
