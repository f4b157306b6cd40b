"""The canonical layout of a file: order of keys, blank lines; nothing is lost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whispr_daemon.rules.document.document import read
from whispr_daemon.rules.format import formatted
from whispr_daemon.rules.load import RuleFile, load

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))

UNTIDY = """\
# about the file

# about logic
logic:
  # the first
  - then: ["emit:X"]   # says X
    # why
    if: "price > 1 # no comment"


  # the second
  -  then:
       - "emit:Y"
     if: "a"
     id: b
# the name
name: x
inputs:
  symbols: [SPY]
  # the clock
  timeframe: 1m
"""

TIDY = """\
# about the file

# the name
name: x
inputs:
  # the clock
  timeframe: 1m
  symbols: [SPY]
# about logic
logic:
  # the first
  # why
  - if: "price > 1 # no comment"
    then: ["emit:X"]   # says X

  # the second
  - id: b
    if: "a"
    then:
      - "emit:Y"
"""


def test_keys_come_in_their_order_with_the_comments_above_them() -> None:
    assert formatted(UNTIDY) == TIDY


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_examples_stay_what_they_mean(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert read("", formatted(text)).data == read("", text).data
    assert formatted(formatted(text)) == formatted(text)


WIDE = """\
# yaml-language-server: $schema=../s.json
logic:
    # of the first
    - id:   a
      if: 'price > 1'   # why
      then: ['emit:X',
             "emit:it's"]
      # the end of it
    -   if: "b"
        then:
        - "emit:Y"
        - order:
             side: buy
             qty: 1
tests:
- name: t
  bars: |
        09:30 1 1 1 1
        09:31 1 1 1 1
name: x
"""
NARROW = """\
# yaml-language-server: $schema=../s.json
name: x
logic:
  # of the first
  - id: a
    if: "price > 1"   # why
    then: ["emit:X",
           "emit:it's"]
    # the end of it
  - if: "b"
    then:
      - "emit:Y"
      - order:
          side: buy
          qty: 1
tests:
  - name: t
    bars: |
          09:30 1 1 1 1
          09:31 1 1 1 1
"""


def test_blocks_are_indented_by_two_and_what_heads_the_file_stays() -> None:
    assert formatted(WIDE) == NARROW
    assert formatted(NARROW) == NARROW


def test_a_running_rule_does_not_notice() -> None:
    text = (
        WIDE.replace('"b"', '"price > 2"').replace("emit:it's", "log:it's").split("tests:")[0]
        + "name: x\n"
    )
    files = [RuleFile("r.yaml", each) for each in (text, formatted(text))]
    assert files[0] != files[1]
    one, other = (load([file]).rules[0] for file in files)
    assert one.hash == other.hash


def test_ends_of_lines_and_of_the_file_are_made_equal() -> None:
    assert formatted("name: x  \r\n\r\n\r\n\r\nlogic: []\r\n\r\n") == "name: x\n\nlogic: []\n"


def test_what_a_scalar_holds_is_not_touched() -> None:
    block = "name: x\ntests:\n  - bars: |\n      09:30 1   \n\n\n\n      09:31 1\n"  # spaces count
    assert formatted(block) == block


def test_what_is_no_yaml_stays() -> None:
    assert formatted("a: [1\n") == "a: [1\n"
    assert formatted("{name: x, logic: []}\n") == "{name: x, logic: []}\n"


LINES = st.sampled_from(
    ["name: x", "logic:", "  - if: a", "    then: [b]", "    # c", "# d", "", "  - then: [b]",
     "    if: 'a # b'", "inputs:", "  timeframe: 1m", "  symbols: [S]", "when: c  # e", "x-y: |",
     "  text # no comment", "    id: q   "]
)  # fmt: skip


@given(st.lists(LINES, max_size=12))
def test_nothing_that_is_written_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    once = formatted(text)
    assert read("", once).data == read("", text).data
    words = sorted(once.replace("'", '"').split())
    assert words == sorted(text.replace("'", '"').split())
