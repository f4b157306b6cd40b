"""Runs a peer in a process of its own, in the environment that ``ops/bench`` makes."""

import json
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Self

import numpy as np

from tests.benchmarks.bars import Ints
from tests.benchmarks.peers.serving import KINDS

_ROOT: Final = Path(__file__).parents[2]
PYTHON: Final = _ROOT / ".venv-bench" / "bin" / "python"
_TURNS: Final = KINDS[2:]
_SHOWN: Final = 12  # lines of what a peer said before it ended


class Peer(NamedTuple):
    """Whom ours is compared with."""

    name: str
    module: str  # of tests.benchmarks.peers
    package: str
    kinds: tuple[str, ...] = KINDS  # of signals that it finds
    rows: int = 10**9  # at most: it is that slow
    symbols: int = 10**9  # at most


PEERS: Final = (
    Peer("csp", "csp_peer", "csp", rows=1_000_000),
    Peer("vectorbt", "vectorbt_peer", "vectorbt"),
    Peer("NautilusTrader", "nautilus_peer", "nautilus_trader", rows=50_000, symbols=1),
    Peer("backtesting.py", "backtesting_peer", "backtesting", rows=50_000, symbols=1),
    Peer("TA-Lib, averages alone", "talib_peer", "TA-Lib", _TURNS),
    Peer("talipp, averages alone", "talipp_peer", "talipp", _TURNS, rows=200_000),
)


class PeerEndedError(Exception):
    """A peer's process ended before it answered; the text has its last words."""


class Running:
    """A peer's process, from entry to exit; it reads its bars once."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        """``folder`` has the bars, and gets what the peer says."""
        self.peer = peer
        self.signals: Ints = np.empty(0, np.int64)  # of the last run, ascending
        self._folder = folder
        self._words = folder / f"{peer.module}.err"

    def __enter__(self) -> Self:
        """Start it; return when it is ready, so that nobody's time is taken while it starts.

        Raises:
            PeerEndedError: it did not get so far.
        """
        module = f"tests.benchmarks.peers.{self.peer.module}"
        asked = [str(PYTHON), "-m", module, str(self._folder)]
        pipe = subprocess.PIPE
        with ExitStack() as stack:
            words = stack.enter_context(self._words.open("wb"))
            self._process = stack.enter_context(
                subprocess.Popen(
                    asked, cwd=_ROOT, stdin=pipe, stdout=pipe, stderr=words, text=True, bufsize=1
                )
            )
            stack.callback(self._process.kill)
            self._line()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stack.close()

    def run(self, minutes: int) -> float:
        """Return how many seconds it takes for so many minutes of each symbol.

        Raises:
            PeerEndedError: it ended, and did not answer.
            BrokenPipeError: it had ended before.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"minutes": minutes}) + "\n")  # a line, so sent
        answer = json.loads(self._line())
        self.signals = np.load(answer["signals"])
        return float(answer["seconds"])

    def _line(self) -> str:
        assert self._process.stdout is not None
        line: str = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            words = self._words.read_text(errors="replace").splitlines()[-_SHOWN:]
            raise PeerEndedError(f"{self.peer.name} ended with {status}:\n" + "\n".join(words))
        return line


def versions() -> dict[str, str]:
    """Return the versions of the peers' packages, and of their Python; none without them."""
    if not PYTHON.exists():
        return {}
    names = [peer.package for peer in PEERS]
    text = (
        "import json, platform, sys; from importlib.metadata import version; "
        "found = {name: version(name) for name in sys.argv[1:]}; "
        "print(json.dumps({'python': platform.python_version(), **found}))"
    )
    asked = [str(PYTHON), "-c", text, *names]
    said = subprocess.run(asked, capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(said.stdout)
    return found
