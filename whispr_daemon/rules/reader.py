"""One document to one rule: its inputs, names, clauses and actions, with every mistake reported."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from whispr_daemon.rules.check.scope import Ledger, Scope
from whispr_daemon.rules.declarations import check_declarations
from whispr_daemon.rules.document.document import Document
from whispr_daemon.rules.document.input_keys import BASES
from whispr_daemon.rules.functions.function import Function
from whispr_daemon.rules.functions.table import FUNCTIONS
from whispr_daemon.rules.nodes import Node
from whispr_daemon.rules.reading.aliases import read_aliases
from whispr_daemon.rules.reading.bench import Asked, Bench
from whispr_daemon.rules.reading.clauses import check_ids, read_clause
from whispr_daemon.rules.reading.digest import clause_digest, digest_of
from whispr_daemon.rules.reading.inputs import Universes, read_inputs, read_ladder, read_trigger
from whispr_daemon.rules.reading.parameters import Overrides, read_parameters
from whispr_daemon.rules.reading.plain import listed, mapping, text, texts, whole, word
from whispr_daemon.rules.reading.risk import check_risk
from whispr_daemon.rules.reading.vocabulary import (
    Lets,
    check_names,
    given_names,
    read_refs,
    read_variables,
)
from whispr_daemon.rules.rule import Clause, Evaluate, Inputs, LiveMode, Rule

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Surroundings(NamedTuple):
    """What a file may speak of and does not say itself."""

    functions: Mapping[str, Function] = FUNCTIONS  # with those of plug-ins
    universes: Universes = _NOTHING  # named lists of symbols
    overrides: Overrides = _NOTHING  # values of parameters that take the place of their defaults


_ALONE: Final = Surroundings()


class RuleReader:
    """Reads one document that may be misshapen anywhere."""

    def __init__(self, document: Document, surroundings: Surroundings = _ALONE) -> None:
        """Take a document whose data is a mapping; read its names."""
        self.bench = Bench(document)
        self.document = document
        self.data: dict[str, Any] = document.data
        self._around = surroundings
        inputs = mapping(self.data.get("inputs"))
        levels = mapping(inputs.get("atr"))
        self.variables = read_variables(self.bench)
        names = given_names(
            read_parameters(self.bench, surroundings.overrides),
            self.variables,
            read_refs(self.bench),
        )
        bare = Scope(
            timeframe=word(inputs.get("timeframe"), ("1m", *BASES)),
            ladder=read_ladder(levels),
            trigger=read_trigger(levels),
            evaluate=word(inputs.get("evaluate"), ("bar_close", "tick")),
            functions=surroundings.functions,
            vocabulary=names,
            ledger=Ledger(),
        )
        check_names(self.bench, bare)
        names = names._replace(aliases=read_aliases(self.bench, bare))
        bare.ledger.names.clear()  # declared is not used
        self._bare = bare.knowing(names)
        self._lets = Lets(self.bench, names)
        self._scope = self._lets.scope(self._bare)
        self._scopes: dict[Evaluate, Scope] = {self._scope.evaluate: self._scope}

    @property
    def asked(self) -> list[Asked]:
        """The signals that the rule's expressions ask for."""
        return self.bench.asked

    def scope(self, evaluate: Evaluate | None = None) -> Scope:
        """Return what names mean in the rule, for expressions beside it.

        They are of bars or of ticks, as the rule says unless it is said here.
        """
        return self._scope_of(evaluate or self._scope.evaluate).afresh()

    def rule(self) -> Rule | None:
        """Return the rule; None if there is an error in the document by then."""
        inputs = read_inputs(self.bench, self._around.universes)
        when = self.bench.condition(self.data.get("when"), ("when",), self._scope)
        clauses = [self._clause(at, inputs) for at in range(len(listed(self.data.get("logic"))))]
        complete = [clause for clause in clauses if clause is not None]
        check_ids(self.bench)
        check_risk(self.bench, self._scope)
        whole_rule = len(complete) == len(clauses)
        check_declarations(self.bench, self._scope, complete if whole_rule else None, when)
        if any(found.severity == "error" for found in self.document.diagnostics):
            return None
        return self._made(inputs, when, complete)

    def _made(self, inputs: Inputs, when: Node | None, clauses: list[Clause]) -> Rule:
        said = {key: value for key, value in self.data.items() if key != "tests"}
        overrides = dict(self._around.overrides)
        of = (inputs, self.variables)
        both = zip(clauses, self.data["logic"], strict=True)
        digests = [clause_digest(clause, written, when, of) for clause, written in both]
        return Rule(
            name=self.data["name"],
            path=self.document.path,
            hash=digest_of([said, overrides] if overrides else said),
            enabled=self.data.get("enabled", True),
            mode=self.data.get("mode", "live"),
            priority=whole(self.data.get("priority"), 0),
            inputs=inputs,
            when=when,
            variables=self.variables,
            clauses=tuple(
                msgspec.structs.replace(clause, digest=digest)
                for clause, digest in zip(clauses, digests, strict=True)
            ),
            description=text(self.data.get("description")),
            owner=text(self.data.get("owner")),
            tags=texts(self.data.get("tags")),
            written_version=self.document.written(("version",)),
        )

    def _clause(self, index: int, inputs: Inputs) -> Clause | None:
        written = self.data["logic"][index]
        if not isinstance(written, dict) or self.document.full:
            return None  # the schema has said so
        evaluate = written.get("evaluate", inputs.evaluate)
        scope = self._scope_of(word(evaluate, ("bar_close", "tick")))
        mode: LiveMode = word(self.data.get("mode"), ("live", "shadow", "off"))
        return read_clause(self.bench, index, scope, mode)

    def _scope_of(self, evaluate: Evaluate) -> Scope:
        if evaluate not in self._scopes:
            bare = self._bare.evaluated(evaluate)
            self._scopes[evaluate] = self._lets.scope(bare, again=True)
        return self._scopes[evaluate]
