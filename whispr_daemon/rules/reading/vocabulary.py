"""The names a rule gives: ``let``, ``vars``, ``refs``, and indicators by a name of their own."""

from collections.abc import Iterable, Mapping
from typing import Final

from lark import Token, Tree

from whispr_daemon.rules.check.expression import check
from whispr_daemon.rules.check.parse import SyntaxRefusedError, parse
from whispr_daemon.rules.check.parse_tree import dotted
from whispr_daemon.rules.check.scope import Given, Scope, Vocabulary
from whispr_daemon.rules.document.document import Path
from whispr_daemon.rules.names import CLOCK, PRICES, RESERVED, SHORTHAND, SPACES
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.reading.bench import Bench
from whispr_daemon.rules.reading.plain import mapping
from whispr_daemon.rules.rule import Held

_WORDS: Final = ("and", "or", "not", "in", "crosses", "above", "below")
_TAKEN: Final = frozenset((*PRICES, *CLOCK, *SPACES, *RESERVED, *_WORDS))
_SPACES: Final[tuple[Path, ...]] = (
    ("inputs", "refs"),
    ("inputs", "indicators"),
    ("vars",),
    ("let",),
)


def check_names(bench: Bench, scope: Scope) -> None:
    """Report names that mean something already."""
    seen: dict[str, str] = {}
    for space in _SPACES:
        found = bench.data
        for key in space:
            found = mapping(found.get(str(key)))
        for name in found:
            lower = name.lower()
            where = ".".join(map(str, space))
            message = ""
            function = scope.functions.get(lower)
            built_in = function is not None and not function.hidden
            if lower in _TAKEN or SHORTHAND.fullmatch(name) or built_in:
                message = f"{name!r} means something already; take another name"
            elif lower in seen:
                message = f"the name {name!r} is taken in {seen[lower]} (case does not matter)"
            if message:
                bench.document.report(bench.document.key((*space, name)), "E510", message)
            seen.setdefault(lower, where)


def read_variables(bench: Bench) -> tuple[Held, ...]:
    """Return the entries of ``vars``."""
    found = []
    for name, value in mapping(bench.data.get("vars")).items():
        init = mapping(value).get("init", 0.0)
        reset = mapping(value).get("reset", "never")
        if isinstance(init, int | float) and reset in ("session", "day", "never"):
            found.append(Held(name=name.lower(), init=float(init), reset=reset))
    return tuple(found)


def read_refs(bench: Bench) -> dict[str, str]:
    """Return symbols by alias."""
    refs = mapping(mapping(bench.data.get("inputs")).get("refs"))
    return {name.lower(): symbol for name, symbol in refs.items() if isinstance(symbol, str)}


class Lets:
    """The entries of ``let``, each read once for bars and, where wanted, once for ticks."""

    def __init__(self, bench: Bench, names: Vocabulary) -> None:
        """Find out which entry needs which, and report what needs itself."""
        self._bench = bench
        self._names = names
        self._written = {
            name.lower(): (name, text)
            for name, text in mapping(bench.data.get("let")).items()
            if isinstance(text, str)
        }
        self._needs = {word: self._needed(text) for word, (_, text) in self._written.items()}
        self._order = _sorted(self._needs)
        rest = self._written.keys() - set(self._order)
        tangled = {word: self._needs[word] & rest for word in self._written if word in rest}
        for cycle in _cycles(tangled):
            shown = " → ".join(self._written[word][0] for word in (*cycle, cycle[0]))
            place = bench.document.key(("let", self._written[cycle[0]][0]))
            bench.document.report(place, "E601", f"let entries need each other: {shown}")

    def scope(self, scope: Scope, *, again: bool = False) -> Scope:
        """Return the scope with all entries in its vocabulary; ``again``: nothing is reported."""
        lets: dict[str, Node | None] = dict.fromkeys(self._written)
        bench = self._bench
        for word in self._order:
            name, text = self._written[word]
            known = self._names._replace(lets=lets)
            if any(lets[needed] is None for needed in self._needs[word]):
                continue  # that one has been refused
            inner = scope.knowing(known)
            read = check(text, inner).node if again else bench.value(text, ("let", name), inner)
            lets[word] = read
        return scope.knowing(self._names._replace(lets=lets))

    def _needed(self, text: str) -> set[str]:
        try:
            tree = parse(text)
        except SyntaxRefusedError:
            return set()
        return {word for word in _names_of(tree, self._names.refs) if word in self._written}


def _names_of(tree: Tree[Token], refs: Mapping[str, str]) -> Iterable[str]:
    for part in tree.iter_subtrees():
        if part.data == "name":
            yield str(part.children[0]).lower()
        elif part.data in ("attr", "method"):
            base, segments = dotted(part)
            if base.data == "name" and str(base.children[0]).lower() in refs:
                yield segments[0].word.lower()


def _sorted(needs: Mapping[str, set[str]]) -> list[str]:
    """Return what needs nothing unsorted, each after all that it needs; cycles are left out."""
    waiting = {word: len(needed) for word, needed in needs.items()}
    needed_by: dict[str, list[str]] = {}
    for word, needed in needs.items():
        for other in needed:
            needed_by.setdefault(other, []).append(word)
    ready = [word for word, count in waiting.items() if count == 0]
    for word in ready:  # grows while it is walked
        for other in needed_by.get(word, ()):
            waiting[other] -= 1
            if waiting[other] == 0:
                ready.append(other)
    return ready


def _cycles(needs: Mapping[str, set[str]]) -> Iterable[list[str]]:
    """Yield the cycles found by following each word's first need; every word needs another."""
    seen: set[str] = set()
    for start in needs:
        trail: dict[str, None] = {}
        word = start
        while word not in seen and word not in trail:
            trail[word] = None
            word = min(needs[word])
        if word in trail:
            yield list(trail)[list(trail).index(word) :]
        seen.update(trail)


def given_names(
    parameters: Mapping[str, Given | None], variables: tuple[Held, ...], refs: Mapping[str, str]
) -> Vocabulary:
    """Return the vocabulary that needs no expression to be read."""
    return Vocabulary(
        parameters=parameters,
        variables=frozenset(held.name for held in variables),
        refs=refs,
    )
