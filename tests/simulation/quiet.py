"""Nobody writes records while seeds run: and what will stay is not looked at for garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


@contextmanager
def quiet() -> Iterator[None]:
    """Drop all records but critical ones, which nobody is to see either."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), processors=[_drop])
    gc.collect()
    gc.freeze()  # the garbage of a run is little, what is imported is much
    try:
        yield
    finally:
        gc.unfreeze()
        structlog.configure(**before)


def _drop(_logger: object, _name: str, _record: object) -> None:
    raise structlog.DropEvent
