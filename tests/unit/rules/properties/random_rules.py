"""Whole rule documents by chance, which load without an error."""

import json
from random import Random
from typing import Any, Final

from tests.unit.rules.properties.random_expressions import DEPTH, Expressions, Figures, Words
from whispr_daemon.rules.load import RuleFile

REFS: Final = {"other": "QQQ", "fear": "VIX"}


def random_rule(shape: int, numbers: int, depth: int = DEPTH) -> RuleFile:
    """Return a rule, with conditions up to ``depth`` calls deep.

    With the same ``shape`` and other ``numbers`` it differs in numbers only.
    """
    called = f"r{shape}_{numbers}"
    document = _Writer(Random(shape), Figures(numbers), called, depth).document()
    return RuleFile(f"{called}.yaml", json.dumps(document))


class _Writer:
    """Writes one document, top to bottom."""

    def __init__(self, shape: Random, figures: Figures, name: str, depth: int) -> None:
        self.shape, self.figures, self.name, self.depth = shape, figures, name, depth
        self.near = min(depth, 2)  # of what stands beside the clauses
        self.words = Words(refs=tuple(REFS) if self._maybe(0.4) else ())
        self.tick = self._maybe(0.05)
        self.said: list[str] = []

    def _maybe(self, share: float) -> bool:
        return self.shape.random() < share

    @property
    def write(self) -> Expressions:
        """What writes expressions over the names so far."""
        return Expressions(self.shape, self.figures, self.words)

    def document(self) -> dict[str, Any]:
        """Return the document."""
        written: dict[str, Any] = {"name": self.name, "inputs": self._inputs()}
        if self._maybe(0.15):
            written["mode"] = "shadow"
        if self._maybe(0.5):
            written["params"] = self._params()
        if self._maybe(0.5):
            written["vars"] = self._vars()
        if self._maybe(0.4):
            written["let"] = self._let()
        if self._maybe(0.3):
            written["when"] = self.write.truth(self.near)
        written["logic"] = [
            self._clause(at) for at in range(self.shape.randrange(1, self.depth + 1))
        ]
        return written

    def _inputs(self) -> dict[str, Any]:
        inputs: dict[str, Any] = {
            "session": self.shape.choice(("rth", "rth", "rth", "eth", "24x7")),
            "symbols": self.shape.choice((["*"], ["SPY", "QQQ"], ["SPY"])),
            "atr": {"length": self.figures.whole(1, 3), "trigger": self.figures.near(0.2, 0.1)},
            "warmup": {"require": "formed"},
        }
        if self.words.refs:
            inputs["refs"] = REFS
        if self._maybe(0.1):
            inputs["warmup"]["bars"] = self.figures.whole(1, 40)
        if self._maybe(0.2):
            inputs["missing"] = "carry"
        if self._maybe(0.3):
            inputs["stale_after"] = self.figures.minutes(10)
        if self.tick:
            inputs["evaluate"] = "tick"
        return inputs

    def _params(self) -> dict[str, Any]:
        names = ("bound", "limit")[: self.shape.randrange(1, 3)]
        self.words = self.words._replace(parameters=names)
        values = [self.figures.near(100, 1) for _ in names]
        full = {"default": values[0], "min": 50, "max": 150}
        return dict(zip(names, [full, *values[1:]], strict=True))

    def _vars(self) -> dict[str, Any]:
        names = ("last", "best")[: self.shape.randrange(1, 3)]
        self.words = self.words._replace(numbers=(*self.words.numbers, *names))
        resets = ("session", "day", "never")
        return {
            name: {"init": self.figures.near(100, 1), "reset": self.shape.choice(resets)}
            for name in names
        }

    def _let(self) -> dict[str, Any]:
        written = {"mine": self.write.price(self.near), "good": self.write.truth(self.near)}
        self.words = self.words._replace(
            numbers=(*self.words.numbers, "mine"), truths=(*self.words.truths, "good")
        )
        return written

    # ------------------------------------------------------------------ clauses
    def _clause(self, at: int) -> dict[str, Any]:
        clause: dict[str, Any] = {"id": f"c{at}"}
        if self._maybe(0.2):
            clause |= self._sequence()
        else:
            clause["if"] = self.write.condition(self.depth)
            if self._maybe(0.2):
                clause["edge"] = self.shape.choice(("auto", "rising", "every"))
        for key, share, value in (
            ("for", 0.15, self.figures.minutes(5)),
            ("cooldown", 0.2, self.figures.minutes()),
            ("fire_on_start", 0.1, True),
            ("span_sessions", 0.1, True),
            ("mode", 0.1, "shadow"),
        ):
            if self._maybe(share):
                clause[key] = value
        if self._maybe(0.2):
            clause["once"] = self.shape.choice(("bar", "session", "day", "ever"))
        if self._maybe(0.15):
            per = self.shape.choice(("session", "day", "ever"))
            clause["max_fires"] = {"count": self.figures.whole(1, 4), "per": per}
        if self._maybe(0.15):
            clause["rearm"] = self.write.truth(1)
        if self._maybe(0.15):
            clause["gap"] = self.shape.choice(("include", "exclude", "only"))
        clause["then"] = [self._action() for _ in range(self.shape.randrange(1, 4))]
        return clause

    def _sequence(self) -> dict[str, Any]:
        steps: list[dict[str, Any]] = [
            {f"step{at}": self.write.condition(1)} for at in range(self.shape.randrange(2, 4))
        ]
        if self._maybe(0.3):
            absent = {"if": self.write.condition(1), "for": self.figures.minutes(5)}
            steps.append({"absent": absent})
        written: dict[str, Any] = {"sequence": steps}
        if self._maybe(0.7):
            written["within"] = self.figures.minutes(40)
            if self._maybe(0.3):
                written["on_timeout"] = [self._action()]
        if self._maybe(0.4):
            written["until"] = self.write.condition(1)
        for key in ("same_bar", "overlap"):
            if self._maybe(0.2):
                written[key] = True
        return written

    # ------------------------------------------------------------------ actions
    def _action(self) -> str | dict[str, Any]:
        writers = [self._emit, self._emit, self._alert, self._log, self._wish]
        if self.words.numbers and "last" in self.words.numbers:
            writers.append(self._set)
        return self.shape.choice(writers)()

    def _emit(self) -> str | dict[str, Any]:
        signal = f"{self.name}_{self.shape.choice('ab')}"
        if signal not in self.words.signals:
            self.said.append(signal)  # the clauses after this one may ask for it
        self.words = self.words._replace(signals=tuple(dict.fromkeys(self.said)))
        if self._maybe(0.5):
            return f"emit:{signal}"
        return {"emit": signal, "strength": 0.5, "side": "long", "data": {"x": self.write.price(1)}}

    def _alert(self) -> str:
        return f"alert:warn:about {{{self.write.price(1)}:.2f}} {{dir}}{{gap}}, 5% of {{price}}"

    def _log(self) -> str:
        return f"log:saw {{{self.write.share(1)}:.1f}}"

    def _set(self) -> str:
        return f"set:last={self.write.price(self.near)}"

    def _wish(self) -> str | dict[str, Any]:
        wishes: tuple[str | dict[str, Any], ...] = (
            "flatten",
            "flatten:all",
            "halt",
            {"cancel": "mine"},
            {"halt": {"scope": "entries", "until": "session_end"}},
            {"target": {"qty": f"{self.figures.whole(1, 9)} * {self.write.small(1)}"}},
            {"order": {"side": "buy", "qty": 1, "type": "limit", "limit": self.write.price(1)}},
            {"order": {"side": "sell", "risk_pct": "1%", "stop": self.write.price(1)}},
        )
        return self.shape.choice(wishes)
