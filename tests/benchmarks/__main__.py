"""``ops/bench``: how fast ours is, beside its peers and beside what the machine allows."""

import argparse
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog
from rich.console import Console

from tests.benchmarks.cases import UnknownCaseError, cases
from tests.benchmarks.facts import facts
from tests.benchmarks.figures import SHORT_ROWS, Case, DiffersError, Scale
from tests.benchmarks.report import Found, Report, Verdict
from whispr_daemon.adapters.clock import SYSTEM_CLOCK

_STATUS: Final[dict[Verdict, int]] = {"well": 0, "differs": 1, "short": 3}  # 2: wrong arguments
_WIDTH: Final = 140  # columns where no terminal has a width
_ROOT: Final = Path(__file__).parents[2]
_ERRORS: Final = 40  # of logging: what the daemon says besides is no concern here


def main(arguments: Sequence[str]) -> int:
    """Run; return 1 if somebody says something else than ours, 3 if a bound is not reached."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        chosen = cases(asked.names)
    except UnknownCaseError as error:
        parser.error(str(error))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # not before what it started has ended
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(_ERRORS),
    )
    command = ["ops/bench", *asked.names, "--rows", str(asked.rows)]
    command += ["--repetitions", str(asked.repetitions)]
    tell = _teller()
    tell(shlex.join(command))
    found: list[Found] = []
    report = Report(shlex.join(command), facts(), found, asked.rows > SHORT_ROWS)
    asked.folder.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="whispr-bench-", dir=asked.folder) as made:
            scale = Scale(asked.rows, asked.repetitions, Path(made), tell)
            for case in chosen:
                tell(f"{case.name}: {case.about}")
                found.append(_found(case, scale))
    finally:  # what was found before a case fails was found
        if asked.json is not None:
            report.write(asked.json)
        out = Console()
        report.show(out if out.is_terminal else Console(width=_WIDTH))
    return _STATUS[report.verdict]


def _found(case: Case, scale: Scale) -> Found:
    """Run a case in a folder of its own."""
    with TemporaryDirectory(prefix=f"{case.name}-", dir=scale.folder) as folder:
        try:
            return Found(case, case.run(scale._replace(folder=Path(folder))))
        except DiffersError as error:
            return Found(case, (), str(error))


def _teller() -> Callable[[str], None]:
    console = Console(stderr=True)
    began = SYSTEM_CLOCK.monotonic()

    def tell(text: str) -> None:
        passed = round(SYSTEM_CLOCK.monotonic() - began)
        line = f"{passed // 60}:{passed % 60:02} {text}"
        console.print(line, soft_wrap=True, markup=False, highlight=False)

    return tell


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="ops/bench",
        description="Runs ours, its peers and what the machine allows on the same data, in turns, "
        "and shows the ratios.",
        epilog="Exit status 1: somebody who does the same work says something else; "
        f"3: a bound was not reached, which counts for more than {SHORT_ROWS:,} rows.",
    )
    made.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="cases: all, or e.g. replay, which is all that begin with 'replay.'",
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write all of it as JSON")
    made.add_argument(
        "--rows", type=_count, default=5_000_000, help="of a long run; default 5000000"
    )
    made.add_argument("--repetitions", type=_count, default=5, help="of each; default 5")
    made.add_argument(
        "--folder",
        type=Path,
        default=_ROOT / "build",
        help="on the disk that is measured; default: build, in the checkout",
    )
    return made


def _count(text: str) -> int:
    found = int(text)
    if found < 1:
        raise argparse.ArgumentTypeError(f"{text} is none; e.g. 100000")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
