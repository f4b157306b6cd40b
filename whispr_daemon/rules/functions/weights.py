"""Shapes of state and warm-up that several folds share, as functions of their length."""


def one(_length: int) -> int:
    """Return 1: of state, or of inputs."""
    return 1


def two(_length: int) -> int:
    """Return 2: of state, or of inputs."""
    return 2


def itself(length: int) -> int:
    """Return the length: of state, or of inputs."""
    return length


def one_more(length: int) -> int:
    """Return the length and 1: a function of changes needs an input before the first."""
    return length + 1


def ema_weight(length: int) -> float:
    """Return the weight of the newest input in an EMA."""
    return 2.0 / (length + 1)


def wilder_weight(length: int) -> float:
    """Return the weight of the newest input in Wilder's average."""
    return 1.0 / length


def forgets(_length: int) -> float:
    """Return 1, the weight of a value that does not depend on where it started."""
    return 1.0
