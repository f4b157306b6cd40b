"""Runs rules over markets in every way that must make no difference."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tests.unit.rules.properties.random_markets import SYMBOLS
from whispr_daemon.domain.batch import Batch, Rows
from whispr_daemon.domain.outputs import Output
from whispr_daemon.rules.jit import UNCOMPILED, Compiler, Function, Recipe
from whispr_daemon.rules.load import RuleFile, load
from whispr_daemon.rules.rule import Rule
from whispr_daemon.rules.settings import RuleSettings
from whispr_daemon.rules.strategy import RulesStrategy


class Run(NamedTuple):
    """What came out, and the state that was left."""

    said: list[str]
    state: bytes


def loaded(files: Iterable[RuleFile]) -> tuple[Rule, ...]:
    """Return checked rules; none has an error."""
    found = load(list(files))
    assert [str(error) for error in found.errors] == []
    return found.rules


def interpreted(recipe: Recipe) -> Function:
    """Return what is compiled elsewhere, run as it is written; it takes arrays."""
    found: dict[str, Any] = {
        name: interpreted(value) if isinstance(value, Recipe) else value
        for name, value in recipe.names
    }
    exec(recipe.text, found)
    made: Function = found[recipe.name]
    return made


def strategy(rules: Sequence[Rule], compiler: Compiler = UNCOMPILED) -> RulesStrategy:
    """Return rules at work, cold."""
    return RulesStrategy(rules, RuleSettings(require="formed"), compiler)


def written(outputs: Iterable[Output]) -> list[str]:
    """Return outputs with every digit; a value that is na is equal to itself."""
    return [repr(output) for output in outputs]


def run(
    rules: Sequence[Rule],
    rows: Rows,
    cuts: Sequence[int] = (),
    *,
    compiler: Compiler = UNCOMPILED,
    restart: bool = False,
) -> Run:
    """Fold rows, in one batch or cut. ``restart``: by another process after every cut."""
    at_work = strategy(rules, compiler)
    said: list[str] = []
    for first, last in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        said += written(at_work.on_batch(Batch(rows[first:last], SYMBOLS)))
        if restart:
            body = at_work.snapshot()
            at_work = strategy(rules, compiler)
            at_work.restore(body)
    return Run(said, at_work.snapshot())
