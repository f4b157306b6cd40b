"""Our numbers are TA-Lib's within 1e-9, once its seeds do not matter any more."""

import pytest

from tests.unit.rules.functions.bars import walk_of
from tests.unit.rules.functions.oracles import TA_LIB, against_ta_lib

BARS = walk_of(1_500, seed=2)


@pytest.mark.parametrize("text", TA_LIB)
def test_a_value_is_ta_libs_within_1e_9(text: str) -> None:
    first, apart = against_ta_lib(text, BARS)
    assert first == TA_LIB[text].first
    assert apart < 1e-9
