"""Compiles the modules of a folder. As a program it leaves what it made to numba's cache there.

``python -m whispr_daemon.adapters.kernels.build FOLDER`` reads names of modules, a line each, and
answers each with a line: nothing if it is compiled, else why it cannot be. It ends with its input.
"""

import os
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Final

from whispr_daemon.rules.jit import Function

_POLITELY: Final = 10  # nice: whoever waits for data goes first


def build(folder: Path, name: str) -> Function:
    """Return the compiled kernel of a module in ``folder``, from the cache there if it has it.

    Raises:
        Exception: numba cannot compile it, or the cache cannot be read; both have many ways.
    """
    from numba import config  # here, as it takes long and not every run needs it

    # The environment is not to say otherwise: nothing is read that does not lie in the folder.
    vars(config).update(CACHE_DIR="", CACHE_LOCATOR_CLASSES="")
    spec = spec_from_file_location(f"whispr_{name}", folder / f"{name}.py")
    assert spec is not None  # noqa: S101 (a path that ends in .py has a loader)
    assert spec.loader is not None  # noqa: S101
    module = module_from_spec(spec)
    sys.modules[module.__name__] = module  # numba's cache finds it there
    spec.loader.exec_module(module)
    module.KERNEL.compile(module.SIGNATURE)
    module.KERNEL.disable_compile()  # a call with other types is a mistake, not a wish
    kernel: Function = module.KERNEL
    return kernel


def main(folder: str) -> None:
    """Compile modules; say what became of each."""
    os.nice(_POLITELY)
    for line in sys.stdin:
        try:
            build(Path(folder), line.strip())
        except Exception as error:  # noqa: BLE001 (whatever it is, the kernel runs uncompiled)
            reason = " ".join(str(error).split())
            print(f"{type(error).__name__}: {reason}", flush=True)  # noqa: T201
        else:
            print(flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
