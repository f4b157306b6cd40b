"""A change of the rules, as the store keeps it and a row of the log names it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.load import Loaded, RuleFile, load
from whispr_daemon.rules.reading.inputs import NO_UNIVERSES, Universes
from whispr_daemon.rules.rule import Rule

# Runs the tests of some files: the first mistake of each that fails, by path.
Testing: TypeAlias = Callable[[Sequence[RuleFile]], Mapping[str, str]]


class RuleChange(Value, frozen=True, kw_only=True):
    """All rule files as they are to be from one position of the log on."""

    files: tuple[RuleFile, ...] = ()  # whole; each loads; a broken one as it was before
    refs: tuple[str, ...] = ()  # symbols the rules read beside their own; sorted
    refused: tuple[str, ...] = ()  # mistakes to be told with this change: file:line:col: …
    broken: tuple[str, ...] = ()  # all mistakes of the files as found, told before or now

    def encode(self) -> bytes:
        """Return it as JSON, the same bytes for the same change."""
        return msgspec.json.encode(self)


def decode(body: bytes) -> RuleChange:
    """Read :meth:`RuleChange.encode` back."""
    return msgspec.json.decode(body, type=RuleChange)


def first(files: Sequence[RuleFile], loaded: Loaded) -> RuleChange:
    """Return the first change: files without a mistake, as :func:`load` found them."""
    return RuleChange(files=tuple(files), refs=_refs(loaded.rules))


def settled(
    found: Sequence[RuleFile],
    before: RuleChange,
    testing: Testing,
    unreadable: Mapping[str, str] = MappingProxyType({}),
    universes: Universes = NO_UNIVERSES,
) -> RuleChange:
    """Return what files as found make of the rules: a broken one stays what it was.

    Args:
        found: the files that could be read.
        before: the change in force.
        testing: asked about files that are not as they were.
        unreadable: what is wrong with files that could not be read, by path.
        universes: named lists of symbols that rules may name.
    """
    last = {PurePath(file.path).name: file for file in before.files}
    chosen = {file.path: file for file in found}
    mistakes: dict[str, str] = {}
    bad: Mapping[str, str] = unreadable
    while True:
        for path, message in bad.items():
            mistakes.setdefault(path, message)
            kept = last.get(PurePath(path).name)
            if kept is not None and (path not in chosen or chosen[path].text != kept.text):
                chosen[path] = RuleFile(path, kept.text)
            else:
                chosen.pop(path, None)
        files = [chosen[path] for path in sorted(chosen)]
        old = {file for file in files if _same(file, last.get(PurePath(file.path).name))}
        new = [file for file in files if file not in old]
        # Of two rules of one name the one that was there before is right.
        loaded = load([*(file for file in files if file in old), *new], universes=universes)
        bad = _mistakes(loaded) or (testing(new) if new else {})
        if not bad:
            break
    broken = tuple(dict.fromkeys(mistakes[path] for path in sorted(mistakes)))
    refused = tuple(message for message in broken if message not in before.broken)
    return RuleChange(files=tuple(files), refs=_refs(loaded.rules), refused=refused, broken=broken)


def differs(one: RuleChange, other: RuleChange) -> bool:
    """Whether the rules, or what is wrong with them, are not the same."""
    return (one.files, one.broken) != (other.files, other.broken)


def _same(file: RuleFile, other: RuleFile | None) -> bool:
    return other is not None and other.text == file.text


def _mistakes(loaded: Loaded) -> Mapping[str, str]:
    """Return the first mistake of each file."""
    return {error.path: str(error) for error in reversed(loaded.errors)}


def _refs(rules: Sequence[Rule]) -> tuple[str, ...]:
    return tuple(sorted({symbol for rule in rules for symbol in rule.inputs.refs.values()}))
