"""What changed in meaning from one set of rules to another, rule by rule, clause by clause."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from whispr_daemon.domain.value import Value
from whispr_daemon.rules.meaning import clause_in_words, rule_in_words
from whispr_daemon.rules.rule import Clause, Rule

Kind: TypeAlias = Literal["added", "removed", "changed", "restarts"]


class Difference(Value, frozen=True, kw_only=True):
    """One thing that differs. ``key`` is as in the file; empty: the whole rule or clause."""

    kind: Kind
    rule: str
    clause: str = ""  # empty: what holds for all clauses
    key: str = ""
    before: str = ""
    after: str = ""

    @property
    def text(self) -> str:
        """A line for people."""
        where = "  ".join(filter(None, (self.rule, self.clause)))
        if self.kind == "restarts":
            return f"~ {where}: says the same itself; starts unarmed"
        if not self.key:
            return f"{'+' if self.kind == 'added' else '-'} {where}: {self.after or self.before}"
        if self.kind == "changed":
            return f"~ {where}: {self.key}: {self.before} → {self.after}"
        sign = "+" if self.kind == "added" else "-"
        return f"{sign} {where}: {self.key}: {self.after or self.before}"


def difference(before: Sequence[Rule], after: Sequence[Rule]) -> list[Difference]:
    """Return what differs, by rule; layout, comments and order of keys do not count."""
    old = {rule.name: rule for rule in before}
    new = {rule.name: rule for rule in after}
    found: list[Difference] = []
    for name in sorted({*old, *new}):
        if name not in new:
            found.append(Difference(kind="removed", rule=name, before=_size(old[name])))
        elif name not in old:
            found.append(Difference(kind="added", rule=name, after=_size(new[name])))
        elif old[name].hash != new[name].hash:
            found += _of_rules(old[name], new[name])
    return found


def _size(rule: Rule) -> str:
    count = len(rule.clauses)
    return f"{count} clause{'s' * (count != 1)}"


def _of_rules(old: Rule, new: Rule) -> Iterator[Difference]:
    yield from _of_words(rule_in_words(old), rule_in_words(new), new.name, "")
    before = {clause.id: clause for clause in old.clauses}
    after = {clause.id: clause for clause in new.clauses}
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            said = clause_in_words(before[name])
            yield Difference(kind="removed", rule=new.name, clause=name, before=_short(said))
        elif name not in before:
            said = clause_in_words(after[name])
            yield Difference(kind="added", rule=new.name, clause=name, after=_short(said))
        else:
            yield from _of_clauses(before[name], after[name], new.name)
    common = [name for name in before if name in after]
    if common != [name for name in after if name in before]:
        yield Difference(
            kind="changed",
            rule=new.name,
            key="order of clauses",
            before=", ".join(before),
            after=", ".join(after),
        )


def _of_clauses(old: Clause, new: Clause, rule: str) -> Iterator[Difference]:
    found = list(_of_words(clause_in_words(old), clause_in_words(new), rule, new.id))
    yield from found
    if not found and old.digest != new.digest:
        yield Difference(kind="restarts", rule=rule, clause=new.id)


def _of_words(
    old: Mapping[str, str], new: Mapping[str, str], rule: str, clause: str
) -> Iterator[Difference]:
    for key in dict.fromkeys((*old, *new)):
        before, after = old.get(key, ""), new.get(key, "")
        if before != after:
            kind: Kind = "changed" if before and after else "added" if after else "removed"
            yield Difference(
                kind=kind, rule=rule, clause=clause, key=key, before=before, after=after
            )


def _short(said: Mapping[str, str]) -> str:
    return "  ".join(f"{key}: {text}" for key, text in said.items())
