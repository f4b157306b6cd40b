"""The garbage collector at rest, while much is made that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Let it be meanwhile: it would go over all that was made, again and again, and find nothing.

    What is garbage in circles is collected afterwards. Thousands of rules are loaded a quarter
    sooner so. It is the whole process's: not for what waits.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
