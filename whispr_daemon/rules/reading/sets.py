"""``set:x=expression``, ``{set: {x: expression}}``."""

from whispr_daemon.rules.actions import Assign
from whispr_daemon.rules.diagnostics import suggestion
from whispr_daemon.rules.reading.place import Place, shortened


def read_set(place: Place, rest: str, start: int) -> Assign | None:
    """Read what stands behind ``set:``, ``start`` characters into the action."""
    name, equals, expression = rest.partition("=")
    if not equals:
        place.refuse("E410", "set takes a variable and an expression: set:x=x + 1", start)
        return None
    offset = start + len(name) + 1
    return _assign(place, name, expression, offset)


def read_set_mapping(place: Place, value: object) -> Assign | None:
    """Read the value of ``{set: {x: expression}}``."""
    if not isinstance(value, dict) or len(value) != 1:
        place.refuse("E410", "set takes one variable and an expression: {set: {x: x + 1}}")
        return None
    ((name, expression),) = value.items()
    written = repr(expression) if type(expression) in (int, float) else expression
    return _assign(place.at(name), name, written, 0)


def _assign(place: Place, name: str, expression: object, start: int) -> Assign | None:
    variables = place.scope.vocabulary.variables
    lower = name.strip().lower()
    if lower not in variables:
        hint = suggestion(lower, variables)
        place.refuse("E410", f"set needs a variable of vars, found {shortened(name)!r}{hint}")
        return None
    place.scope.ledger.names.add(lower)
    node = place.bench.number(expression, place.path, place.scope, start)
    return None if node is None else Assign(name=lower, value=node)
