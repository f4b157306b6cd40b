"""``ops/chaos``: hurts a daemon of real processes and judges what it said."""

import argparse
import logging
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom
from typing import Final

from rich.console import Console

from tests.chaos.campaign import Plan, run
from tests.chaos.disk import can_be_had
from tests.chaos.faults import TARGETS
from tests.chaos.mutant import MUTANTS
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

_STATUS: Final = {"well": 0, "broken": 1, "slow": 3}  # 2 is a mistake in the arguments


def main(arguments: Sequence[str]) -> int:
    """Run; return 0 if every promise was kept, 1 if one was broken, 3 if it was only too slow."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.tier and asked.kill == ["disk"] and not can_be_had():
        parser.error("--kill disk on tier 1 fills a disk, which takes root to mount")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not before its daemons have ended
    seed = SystemRandom().randrange(1_000_000) if asked.seed is None else asked.seed
    targets = TARGETS if "all" in asked.kill else tuple(asked.kill)
    command = ["ops/chaos", "--tier", str(asked.tier), "--minutes", f"{asked.minutes:g}"]
    command += ["--seed", str(seed), "--kill", ",".join(asked.kill)]
    command += ["--mutant", asked.mutant] if asked.mutant else []
    plan = Plan(
        tier=asked.tier,
        seconds=60 * asked.minutes,
        seed=seed,
        targets=targets,
        mutant=asked.mutant,
        command=shlex.join(command),
    )
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # of servers that are killed here
    console = Console(stderr=True)
    began = SYSTEM_CLOCK.monotonic()

    def passed(text: str) -> str:
        seconds = round(SYSTEM_CLOCK.monotonic() - began)
        return f"{seconds // 60}:{seconds % 60:02} {text}"

    def note(text: str) -> None:
        console.print(passed(text), soft_wrap=True, markup=False)

    with console.status("") as status:
        note(plan.command)
        report = run(plan, lambda text: status.update(passed(text)), note)
    report.show(Console())
    if asked.report is not None:
        report.write(asked.report)
    return _STATUS[report.verdict]


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="ops/chaos",
        description="Hurts a daemon of real processes on a folder of its own, and compares what it "
        "says and delivers with what one says whom nobody disturbs.",
        epilog="Exit status 1: a promise was broken; 3: all was kept, but slower than promised. "
        "Wrong clocks are not among the faults: no process can be given one from outside; "
        "ops/simulate turns them by an hour.",
    )
    made.add_argument("--tier", type=int, choices=(0, 1), default=0)
    made.add_argument("--minutes", type=_minutes, default=2.0, help="about; default 2")
    made.add_argument("--seed", type=int, help="of the market and the faults; default: drawn")
    made.add_argument(
        "--kill",
        type=_targets,
        default=["all"],
        metavar="TARGET,…",
        help=f"who is hurt: all there are, or some of {', '.join(TARGETS)}",
    )
    made.add_argument(
        "--mutant",
        choices=tuple(MUTANTS),
        default="",
        help="take a promise out of the daemon: the verdict has to be broken",
    )
    made.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    return made


def _minutes(text: str) -> float:
    found = float(text)
    if not found > 0:
        raise argparse.ArgumentTypeError(f"{text} is no time; e.g. 5")
    return found


def _targets(text: str) -> list[str]:
    found = text.split(",")
    if "api" in found:
        raise argparse.ArgumentTypeError(
            "api: there is no API process yet; health and metrics are answered by the supervisor, "
            "so kill that. all means all there are"
        )
    if unknown := [each for each in found if each not in (*TARGETS, "all")]:
        raise argparse.ArgumentTypeError(
            f"{', '.join(unknown)}: should be all, or among {', '.join(TARGETS)}"
        )
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
