"""``ops/soak``: feeds a daemon at a rate for some time, and shows what grows."""

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from tests.soak.run import soak
from tests.soak.seen import Plan
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

_WIDTH: Final = 110  # columns where no terminal has a width


def main(arguments: Sequence[str]) -> int:
    """Run; return 0 if the rate was held and nothing grows, 1 otherwise."""
    asked = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not before its daemon has ended
    command = ["ops/soak", "--tier", str(asked.tier), "--minutes", f"{asked.minutes:g}"]
    command += ["--rate", str(asked.rate)]
    plan = Plan(
        tier=asked.tier,
        seconds=60 * asked.minutes,
        rate=asked.rate,
        command=shlex.join(command),
    )
    console = Console(stderr=True)
    began = SYSTEM_CLOCK.monotonic()

    def tell(text: str) -> None:
        seconds = round(SYSTEM_CLOCK.monotonic() - began)
        line = f"{seconds // 60}:{seconds % 60:02} {text}"
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    tell(plan.command)
    try:
        report = soak(plan, tell, _each_second())
    except AssertionError as error:
        tell(f"the daemon did not come up, or has ended: {error}")
        return 1
    out = Console()
    report.show(out if out.is_terminal else Console(width=_WIDTH))
    if asked.report is not None:
        report.write(asked.report)
    return 0 if report.well else 1


def _each_second() -> Callable[[], float]:
    """Return what lets time pass until the next second, and returns it; late ones are left out."""
    began = SYSTEM_CLOCK.monotonic()

    def look() -> float:
        passed = SYSTEM_CLOCK.monotonic() - began
        time.sleep(1 - passed % 1)  # noqa: TID251 - processes keep real time
        return SYSTEM_CLOCK.monotonic()

    return look


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="ops/soak",
        description="Feeds a daemon on a folder of its own with a made-up market of 200 symbols, "
        "looks at its processes, files and servers once a second, and shows what grows.",
        epilog="Exit status 1: the rate was not held, or something grows.",
    )
    made.add_argument("--tier", type=int, choices=(0, 1), default=0)
    made.add_argument("--minutes", type=_positive, default=2.0, help="default 2")
    made.add_argument("--rate", type=_rate, default=20_000, help="events a second; default 20000")
    made.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON")
    return made


def _positive(text: str) -> float:
    found = float(text)
    if not 0 < found <= 320:
        raise argparse.ArgumentTypeError(
            f"{text}: it should be above 0, and at most 320: a session ends; e.g. 5"
        )
    return found


def _rate(text: str) -> int:
    found = int(text)
    if found < 100:
        raise argparse.ArgumentTypeError(f"{text} is too few; e.g. 20000")
    return found


sys.exit(main(sys.argv[1:]))
