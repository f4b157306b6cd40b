"""``sequence:``, its steps, and the keys that go with it."""

from collections.abc import Mapping
from typing import Any

from whispr_daemon.rules.check.scope import Scope
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.plain import flag, listed, mapping, text
from whispr_daemon.rules.rule import Sequence, Step


def read_sequence(
    bench: Bench, written: Mapping[str, Any], path: Path, scope: Scope
) -> Sequence | None:
    """Return the sequence of a clause; None if there is a mistake in it."""
    found = [
        _step(bench, step, (*path, "sequence", at), scope)
        for at, step in enumerate(listed(written.get("sequence")))
    ]
    steps = tuple(step for step in found if step is not None)
    until = bench.condition(written.get("until"), (*path, "until"), scope)
    within = bench.duration(written.get("within"), (*path, "within"), scope.timeframe)
    if "on_timeout" in written and not within:
        place = bench.document.key((*path, "on_timeout"))
        message = "a sequence times out only with 'within'"
        bench.document.report(place, "E511", message)
    names = [step.name for step in steps]
    for at, name in enumerate(names):
        if name in names[:at]:
            bench.refuse((*path, "sequence", at), "E509", f"the step {name!r} is there twice")
            return None
    if not steps or len(steps) < len(found) or ("until" in written and until is None):
        return None
    if steps[0].absent:
        message = "a sequence begins with something that happens, not with what is absent"
        bench.refuse((*path, "sequence", 0), "E511", message)
        return None
    return Sequence(
        steps=steps,
        within=within,
        until=until,
        same_bar=flag(written.get("same_bar")),
        overlap=flag(written.get("overlap")),
    )


def _step(bench: Bench, written: object, path: Path, scope: Scope) -> Step | None:
    if not isinstance(written, dict) or len(written) != 1:
        return None  # the schema has said so
    ((name, said),) = written.items()
    place: Path = (*path, name)
    if isinstance(said, str):
        condition = bench.condition(said, place, scope)
        return None if condition is None else Step(name=name, condition=condition)
    if isinstance(said, dict) and "absent" in said:
        said, place = said["absent"], (*place, "absent")
    absent = mapping(said)
    condition = bench.condition(absent.get("if"), (*place, "if"), scope)
    written_for = text(absent.get("for")) or None
    length = bench.duration(written_for, (*place, "for"), scope.timeframe)
    if written_for is not None and not any(digit in written_for for digit in "123456789"):
        message = f"for is {written_for!r}; expected a duration such as 30m, of more than 0"
        bench.refuse((*place, "for"), "E503", message)
    if condition is None or not length:
        return None
    last = path[-1]
    unnamed = name == "absent" and isinstance(last, int)
    return Step(name=f"absent{last}" if unnamed else name, condition=condition, absent=length)
