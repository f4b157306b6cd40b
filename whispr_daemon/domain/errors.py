"""Every failure Whispr names, in three branches by what the caller must do about it."""


class WhisprError(Exception):
    """The root. A message says what was found, where, and what would be right."""


class Transient(WhisprError):
    """The outcome is unknown or the other side is away: try the same thing again."""


class Poison(WhisprError):
    """This one item is bad: put it aside with its position and go on with the next."""


class Fatal(WhisprError):
    """Going on would break a promise: stop."""


class Fenced(Fatal):
    """A newer owner holds the epoch; this process is a zombie and must end (exit status 70)."""


class StaleCommit(WhisprError):
    """A commit matched no row: another owner, or this very commit has already happened."""


class LogWentBack(Fatal):
    """The log ends before a position whose outputs are durable; reading on would repeat signals."""


class RetentionBroken(Fatal):
    """The log no longer holds the events needed to rebuild a unit's state."""


class UnsafeServer(Fatal):
    """A server's settings would let it lose acknowledged writes."""


class SettingsError(Fatal):
    """A setting, file or flag is missing, unknown or out of range."""


class SourceError(Fatal):
    """A market data source cannot be read as asked."""


class StrategyFailed(Poison):
    """A strategy raised, spoke nonsense or replayed differently; its unit is quarantined."""
