"""PyneCore as an oracle: Pine expressions over bars, computed in a process of its own.

It hooks itself into the imports of the process it runs in, so it is kept out of ours.
Run as a script it reads its task from stdin and writes the values to stdout, both JSON.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.unit.rules.functions.bars import Bars

_SCRIPT = '''"""
@pyne
"""
from pynecore.lib import close, high, low, hlc3, volume, open, script, ta


@script.indicator("oracle")
def main():
{lines}
    return {{{shown}}}
'''
_RUN = """
import json, sys
from pathlib import Path
from pynecore.core.script_runner import ScriptRunner
from pynecore.core.syminfo import SymInfo
from pynecore.types.ohlcv import OHLCV

info = SymInfo(
    prefix="T", description="", ticker="T", currency="USD", period="1", type="stock",
    mintick=0.01, pricescale=100, pointvalue=1.0, mincontract=1.0,
    opening_hours=[], session_starts=[], session_ends=[],
)
bars = [
    OHLCV(1_500_000_000_000 + 60_000 * place, *bar)
    for place, bar in enumerate(json.load(sys.stdin))
]
runner = ScriptRunner(
    Path(sys.argv[1]), bars, info, last_bar_index=len(bars) - 1,
    lossless_prices=True, lossless_volume=True,
)
rows = [row for _, row in runner.run_iter()]
json.dump({name: [float(row[name]) for row in rows] for name in rows[0]}, sys.stdout)
"""


def pyne(expressions: Mapping[str, str], bars: Bars, lines: str = "") -> dict[str, list[float]]:
    """Return the values of Pine expressions, by name; ``lines`` come before them in ``main``."""
    shown = ", ".join(f'"{name}": {text}' for name, text in expressions.items())
    rows = list(zip(*bars[:5], strict=True))
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "oracle.py"
        body = "".join(f"    {line}\n" for line in (lines or "pass").splitlines())
        script.write_text(_SCRIPT.format(lines=body, shown=shown))
        ran = subprocess.run(
            [sys.executable, "-c", _RUN, str(script)],
            input=json.dumps(rows),
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[float]] = json.loads(ran.stdout)
    return found
