"""Questions to a typed tree: its operands, its spelling, whether it stands still, its value."""

from collections.abc import Sequence

from whispr_daemon.rules.nodes import (
    Arithmetic,
    Call,
    Compare,
    Const,
    DayLevel,
    DayValue,
    Logic,
    Negative,
    Node,
    Not,
    Price,
    Series,
    Text,
    Type,
)


def children(node: Node) -> tuple[Node, ...]:
    """Return the operands of a node, left to right."""
    match node:
        case Series(source=source):
            return () if source is None else (source,)
        case Arithmetic(left=left, right=right) | Compare(left=left, right=right):
            return (left, right)
        case Negative(operand=operand) | Not(operand=operand):
            return (operand,)
        case Call(arguments=operands) | Logic(operands=operands):
            return operands
        case _:
            return ()


def is_constant(node: Node) -> bool:
    """Is the value the same on every bar?"""
    if isinstance(node, Const | Text):
        return True
    below = children(node)
    return bool(below) and all(map(is_constant, below))


def stands_still(node: Node) -> bool:
    """Is it a level or a constant, so that a cross compares it at its present value (2.2)?"""
    return node.type is Type.LEVEL or is_constant(node)


def canonical(node: Node) -> str:  # noqa: C901 (one line a node)
    """Return a spelling that is equal for nodes that mean the same: the key of shared state."""
    match node:
        case Const(value=value):
            return repr(value)
        case Text(value=text):
            return repr(text)
        case Price(field=field):
            return field
        case Series(function=function, length=length, source=source):
            inner = "" if source is None else f"{canonical(source)},"
            return f"{function}({inner}{length})"
        case DayLevel(ratio=ratio, length=length):
            return f"level({ratio!r},{length})"
        case DayValue(name=name, length=length):
            return f"day.{name}({length})"
        case Arithmetic(op=op, left=a, right=b) | Compare(op=op, left=a, right=b):
            return f"({canonical(a)}{op}{canonical(b)})"
        case Negative(operand=operand):
            return f"(-{canonical(operand)})"
        case Not(operand=operand):
            return f"(not {canonical(operand)})"
        case Call(function=function, arguments=arguments):
            return f"{function}({','.join(map(canonical, arguments))})"
        case Logic(op=op, operands=operands):
            return f"({f' {op} '.join(map(canonical, operands))})"


def number_type(operands: Sequence[Node]) -> Type:
    """Return the type of arithmetic: levels and constants make a level, what moves a number."""
    levels = any(node.type is Type.LEVEL for node in operands)
    return Type.LEVEL if levels and all(map(stands_still, operands)) else Type.NUM


def constant_value(node: Node) -> float | None:
    """Return the value of a number written as such, with a sign or without; else None."""
    match node:
        case Const(type=Type.NUM, value=value):
            return value
        case Negative(operand=operand):
            inner = constant_value(operand)
            return None if inner is None else -inner
        case _:
            return None
