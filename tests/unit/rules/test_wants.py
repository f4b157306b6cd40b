"""Which instruments rules look at, by slot."""

from whispr_daemon.rules.wants import Wants

EVERY = ("*",)
TECH = ("AAPL", "MSFT")


def rows(wants: Wants, count: int) -> list[list[int]]:
    """Return the truths of all lists, of so many slots."""
    return [row[:count].tolist() for row in wants.table]


def test_a_list_is_there_once_however_many_rules_have_it() -> None:
    wants = Wants(lambda _: True)
    assert [wants.number(each) for each in (EVERY, TECH, EVERY, TECH)] == [0, 1, 0, 1]


def test_instruments_are_known_as_they_come() -> None:
    wants = Wants(lambda symbol: symbol != "VIX")
    wants.number(EVERY)
    wants.number(TECH)
    wants.meet(["SPY", "MSFT"])
    assert rows(wants, 2) == [[1, 1], [0, 1]]
    symbols = ["SPY", "MSFT", "VIX", "AAPL", *map(str, range(20))]
    wants.meet(symbols)
    assert rows(wants, 5) == [[1, 1, 0, 1, 1], [0, 1, 0, 1, 0]]
    wants.clear()
    wants.meet(["AAPL"])
    assert rows(wants, 1) == [[1], [1]]


def test_who_is_in_no_list_is_in_none() -> None:
    wants = Wants(lambda symbol: symbol != "MSFT")
    wants.number(TECH)
    assert [wants.has(symbol) for symbol in ("AAPL", "MSFT", "SPY")] == [True, False, False]
    wants.number(EVERY)
    assert [wants.has(symbol) for symbol in ("AAPL", "MSFT", "SPY")] == [True, False, True]


def test_a_list_has_one_of_some_instruments_or_none() -> None:
    wants = Wants(lambda _: True)
    tech = wants.number(TECH)
    wants.meet(["SPY", "MSFT", "VIX"])
    assert [wants.any_of(tech, slots) for slots in ([0, 1], [1], [0, 2], [])] == [
        *(True, True),
        *(False, False),
    ]
