"""Columns in both forms."""

import numpy as np

from whispr_daemon.domain.batch import empty_rows
from whispr_daemon.rules.column import TS, Column
from whispr_daemon.rules.columns.values import Values

CLOSE = Column("close")


def test_a_list_is_had_as_an_array_of_its_type() -> None:
    values = Values()
    values[CLOSE], values[TS] = [1, 2], [3, 4]
    assert (values.array(CLOSE).dtype, values.array(TS).dtype) == (np.float64, np.int64)
    assert values.array(CLOSE) is values.array(CLOSE)
    assert values[CLOSE] == [1, 2]


def test_an_array_is_had_as_python_numbers() -> None:
    values = Values()
    values[CLOSE] = np.array([1.5])
    assert type(values[CLOSE][0]) is float
    assert values[CLOSE] is values[CLOSE]


def test_the_field_of_rows_becomes_a_flat_array() -> None:
    rows = empty_rows(3)
    values = Values()
    values[CLOSE] = rows["close"]
    assert values.array(CLOSE).flags.carray
    assert values[CLOSE] == [0.0, 0.0, 0.0]


def test_the_last_that_was_given_counts() -> None:
    values = Values()
    values[CLOSE] = np.array([1.0])
    assert (CLOSE in values, TS in values) == (True, False)
    values[CLOSE] = [2.0]
    assert values.array(CLOSE).tolist() == [2.0]
    values[CLOSE] = np.array([3.0])
    assert values[CLOSE] == [3.0]
