"""How an actor's process builds what it runs: the name of a function, and bytes for it."""

import hashlib
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import msgspec

from whispr_daemon.domain.value import Value


class Recipe(Value, frozen=True, kw_only=True):
    """Plain data, and all that is carried to an actor."""

    build: str  # module:function
    context: bytes
    spec: bytes = b""  # of a host, msgpack
    log_file: str = ""  # what the process prints; empty: Ray's session folder

    @property
    def fingerprint(self) -> str:
        """Tells actors of this recipe from those of another."""
        return hashlib.sha256(msgspec.msgpack.encode(self)).hexdigest()[:12]

    def builder(self) -> Callable[..., Any]:
        """Import the function."""
        found: Callable[..., Any] = resolve_name(self.build)
        return found


def name_of(build: Callable[..., Any]) -> str:
    """Return ``module:function``, sure that another process finds this very function under it.

    Raises:
        TypeError: it is a closure, a lambda, a partial, a method, or lives in ``__main__``.
    """
    module, function = getattr(build, "__module__", ""), getattr(build, "__qualname__", "")
    name = f"{module}:{function}"
    try:
        found = resolve_name(name) if module != "__main__" else None
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not build:
        raise TypeError(
            f"{build!r} cannot be imported by name in an actor's process; "
            "give a function at the top of an importable module"
        )
    return name
