"""The page about rules: what it shows runs, and it leaves nothing of the language out."""

import re
from pathlib import Path

import pytest

from whispr_daemon.rules.document.golden_keys import GIVEN, TEST
from whispr_daemon.rules.functions.plugged import BUILT_IN
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.golden.case import EXPECTED
from whispr_daemon.rules.golden.judging import judged
from whispr_daemon.rules.golden.runner import prepare
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.names import CLOCK

PAGE = (Path(__file__).parents[3] / "config" / "rules" / "README.md").read_text(encoding="utf-8")
FILES = [
    RuleFile(f"{number}.yaml", text)
    for number, text in enumerate(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_what_the_page_shows_is_right_and_passes_its_tests(file: RuleFile) -> None:
    assert [str(found) for found in load([file]).errors] == []
    cases = prepare([file], {}).cases
    assert cases
    for case in cases:
        assert judged(case).failures == ()


def test_the_page_names_all_functions_names_and_keys_of_tests() -> None:
    functions = [name for name in sorted(BUILT_IN) if not FUNCTIONS[name].hidden]
    keys = [key.name for key in (*TEST, *GIVEN)]
    missing = [
        word
        for word in (*functions, *CLOCK, *keys, *EXPECTED)
        if not re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", PAGE)
    ]
    assert missing == []
