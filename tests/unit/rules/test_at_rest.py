"""The collector rests while something is made, and does as before then."""

import gc
from collections.abc import Iterator

import pytest

from whispr_daemon.rules.at_rest import collector_at_rest


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    was = gc.isenabled()
    yield
    (gc.enable if was else gc.disable)()


@collector_at_rest()
def fails() -> None:
    assert not gc.isenabled()
    raise ZeroDivisionError


@pytest.mark.parametrize("was", [True, False])
def test_it_goes_on_as_before_whatever_happens_meanwhile(was: bool) -> None:
    (gc.enable if was else gc.disable)()
    with pytest.raises(ZeroDivisionError):
        fails()
    assert gc.isenabled() is was


def test_one_within_another_ends_nothing() -> None:
    gc.enable()
    with collector_at_rest():
        with collector_at_rest():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
