"""The one way to a Redis or Valkey server: commands sent once each, every failure named."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from whispr_daemon.domain.errors import Fatal, SettingsError, Transient, UnsafeServer, WhisprError

T = TypeVar("T")
Command: TypeAlias = tuple[str | bytes | int, ...]

_PATIENCE_SECONDS: Final = 10.0  # for connecting, sending and the answer, beyond an asked-for wait
_DEFAULT_PORT: Final = 6379
_NEEDED_SETTINGS: Final = (
    ("appendonly", "yes"),
    ("appendfsync", "always"),
    ("no-appendfsync-on-rewrite", "no"),
    ("maxmemory-policy", "noeviction"),
)
_NEEDED_STATE: Final = (("role", "master"), ("aof_enabled", "1"), ("aof_last_write_status", "ok"))
_PASSING: Final = (
    OutOfMemoryError,
    ReadOnlyError,  # a failover is under way
    MasterDownError,
    ClusterDownError,
    TryAgainError,
)
_PASSING_CODES: Final = ("MISCONF", "BUSY", "NOREPLICAS")  # those redis-py has no class for


class Refused(msgspec.Struct, frozen=True):
    """A command the server answered with an error."""

    reason: str
    passing: bool = False  # it may be granted later, unchanged

    @property
    def is_late(self) -> bool:
        """Whether it was an XADD with an id that is not above the stream's last."""
        return "equal or smaller than" in self.reason


class RedisLink:
    """Made by :meth:`open`, in the event loop that uses it.

    Commands go out over connections of their own, so a blocking one holds up no other. Nothing is
    ever sent twice: redis-py's client would repeat commands and whole pipelines, so its pool is
    used without it, and replies are what RESP 2 has on the wire, without its conversions. A
    connection that was cancelled, timed out or gave an odd reply is dropped: what it still had to
    say must not answer the next command.
    """

    def __init__(self, pool: ConnectionPool, where: str) -> None:
        """Use :meth:`open`."""
        self._pool = pool
        self._idle: list[Any] = []  # connections; the pool's own way takes longer than an exchange
        self._closed = False
        self.where = where

    @classmethod
    async def open(cls, url: str, password: str) -> Self:
        """Connect and check that the server keeps what it acknowledges.

        Raises:
            SettingsError: the URL is none, nobody answers there, or the password is refused.
            UnsafeServer: a setting of the server would let it lose acknowledged writes.
            Transient: the server is still loading its data.
        """
        where = _where(url)
        options: dict[str, Any] = {"password": password} if password else {}
        try:
            pool = ConnectionPool.from_url(
                url,
                protocol=2,
                # Its own time limit would be wait_for, which may forget a cancellation (CPython
                # 86296); _exchange has one.
                socket_timeout=None,
                socket_connect_timeout=_PATIENCE_SECONDS,
                retry=Retry(NoBackoff(), 0),
                **options,
            )
        except (ValueError, TypeError) as error:
            raise SettingsError(f"redis.url: {where}: {error}") from error
        link = cls(pool, where)
        try:
            await link._greet()
            await link._check_safety()
        except BaseException:
            await link.close()
            raise
        return link

    async def call(self, command: Command, shape: Callable[[Any], T], wait: float = 0.0) -> T:
        """Send one command and return ``shape(reply)``. ``wait`` is how long it may block, seconds.

        Raises:
            Transient: unknown outcome, or refused for now, or ``shape`` does not fit the reply.
            Fatal: refused for good.
        """

        def read(replies: list[Any]) -> T | Refused:
            (reply,) = replies
            return reply if isinstance(reply, Refused) else shape(reply)

        answer = await self._exchange([command], read, wait)
        if isinstance(answer, Refused):
            raise self.refusal(answer)
        return answer

    async def transaction(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands as MULTI … EXEC; return the reply of each, Refused where it was.

        A server that takes no writes for now (memory, disk, failover) refuses all of them; without
        MULTI it might refuse one and grant the next, leaving a hole. One alone needs no MULTI.

        Raises:
            Transient: unknown outcome, or all were refused for now.
            Fatal: all were refused for good.
        """

        def read(replies: list[Any]) -> list[Any] | Refused:
            *queued, results = replies
            if isinstance(results, Refused):
                return next((reply for reply in queued if isinstance(reply, Refused)), results)
            if len(results) != len(commands):
                raise ValueError(f"{len(results)} results for {len(commands)} commands")
            return [_granted(result) for result in results]

        if len(commands) == 1:
            (reply,) = alone = await self._exchange(commands, list, 0.0)
            if isinstance(reply, Refused) and reply.passing:
                raise self.refusal(reply)
            return alone
        answer = await self._exchange([("MULTI",), *commands, ("EXEC",)], read, 0.0)
        if isinstance(answer, Refused):
            raise self.refusal(answer)
        return answer

    async def listen(self, channel: str, told: Callable[[bytes], None]) -> None:
        """Call ``told`` with all that is published on a channel, with nothing once it is heard.

        Returns after some silence: whether the server is still there shows who listens anew.

        Raises:
            Transient: the connection is lost, or refused for now.
            Fatal: refused for good.
        """
        if self._closed:
            raise Transient(f"the link to Redis at {self.where} is closed")
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                connection = await _alive(self._pool.get_connection())  # type: ignore[no-untyped-call]
            try:
                await self._listen(connection, channel, told)
            finally:
                await connection.disconnect(nowait=True)
                await self._pool.release(connection)
        except TimeoutError as error:
            silent = f"Redis at {self.where}: no answer in {_PATIENCE_SECONDS:g} s"
            raise Transient(silent) from error
        except (RedisError, OSError) as error:
            raise Transient(f"Redis at {self.where}: {error}") from error

    async def _listen(self, connection: Any, channel: str, told: Callable[[bytes], None]) -> None:
        listening = False
        await _alive(connection.send_packed_command(connection.pack_command("SUBSCRIBE", channel)))
        while True:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    reply = await _reply(connection)
            except TimeoutError:
                if listening:
                    return
                raise
            if isinstance(reply, Refused):
                raise self.refusal(reply)
            told(reply[2] if listening else b"")
            listening = True

    def refusal(self, refused: Refused) -> WhisprError:
        """Return the error a refusal amounts to."""
        branch = Transient if refused.passing else Fatal
        return branch(f"Redis at {self.where}: {refused.reason}")

    async def close(self) -> None:
        """Close all connections; calls under way end as Transient."""
        self._closed = True
        self._idle.clear()
        await self._pool.disconnect(inuse_connections=True)

    async def _exchange(
        self, commands: Sequence[Command], read: Callable[[list[Any]], T], wait: float
    ) -> T:
        if self._closed:
            raise Transient(f"the link to Redis at {self.where} is closed")
        patience = wait + _PATIENCE_SECONDS
        try:
            async with asyncio.timeout(patience):
                return await self._on_a_connection(commands, read)
        except TimeoutError as error:
            raise Transient(f"Redis at {self.where}: no answer in {patience:g} s") from error
        except (RedisError, OSError) as error:
            raise Transient(f"Redis at {self.where}: {error}") from error

    async def _on_a_connection(
        self, commands: Sequence[Command], read: Callable[[list[Any]], T]
    ) -> T:
        connection = await self._connection()
        try:
            await _alive(connection.send_packed_command(connection.pack_commands(commands)))
            replies = [await _reply(connection) for _ in commands]
            try:
                found = read(replies)
            except (TypeError, ValueError, LookupError, AttributeError) as error:
                raise Transient(
                    f"Redis at {self.where}: an odd reply to {commands[0][0]!r}: {error}"
                ) from error
        except BaseException:
            await self._drop(connection)
            raise
        self._idle.append(connection)
        return found

    async def _connection(self) -> Any:
        """Return one that is connected and has nothing left to say."""
        while self._idle:
            connection = self._idle.pop()
            if await _is_fit(connection):
                return connection
            await self._drop(connection)
        return await _alive(self._pool.get_connection())  # type: ignore[no-untyped-call]

    async def _drop(self, connection: Any) -> None:
        try:
            await connection.disconnect(nowait=True)
        finally:
            await self._pool.release(connection)

    async def _greet(self) -> None:
        try:
            await self.call(("PING",), bytes)
        except Transient as error:
            cause = error.__cause__
            if isinstance(cause, BusyLoadingError):
                raise
            if isinstance(cause, AuthenticationError | AuthenticationWrongNumberOfArgsError):
                raise SettingsError(
                    f"redis.url: the Redis at {self.where} refuses the user or password: {cause}"
                ) from error
            raise SettingsError(
                f"redis.url: no Redis or Valkey answers at {self.where} ({cause});"
                " start it, or correct the address"
            ) from error

    async def _check_safety(self) -> None:
        try:
            found = [
                (name, needed, await self.call(("CONFIG", "GET", name), _setting))
                for name, needed in _NEEDED_SETTINGS
            ]
            info = await self.call(("INFO",), _info)
        except Fatal as error:
            raise UnsafeServer(
                f"redis.url: cannot tell whether {self.where} keeps what it acknowledges ({error});"
                " the user needs the permissions +config|get and +info"
            ) from error
        found += [(name, needed, info.get(name, "missing")) for name, needed in _NEEDED_STATE]
        unsafe = [
            f"{name} is {value!r}, needs {needed!r}"
            for name, needed, value in found
            if value != needed
        ]
        if unsafe:
            raise UnsafeServer(
                f"redis.url: the server at {self.where} could lose what it acknowledged: "
                + "; ".join(unsafe)
            )


def _where(url: str) -> str:
    """Return the address in a URL, without user and password."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORT
    except ValueError as error:
        raise SettingsError(f"redis.url is not a URL: {error}") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise SettingsError(
            f"redis.url begins with {parts.scheme!r}: it must be redis://, rediss:// or unix://"
        )
    return parts.path if parts.scheme == "unix" else f"{parts.hostname or 'localhost'}:{port}"


async def _is_fit(connection: Any) -> bool:
    """Whether an idle connection can be used: open, and nothing has come over it unasked."""
    try:
        return not await connection.can_read()
    except (RedisError, OSError):
        return False  # the server, or the network, has closed it


async def _alive(talk: Awaitable[T]) -> T:
    """Await what writes to a connection.

    Raises:
        ConnectionResetError: the other side has closed it, as uvloop says with a RuntimeError. A
            process of Ray's runs on uvloop where that is installed.
    """
    try:
        return await talk
    except RuntimeError as error:
        if type(error) is not RuntimeError:  # a mistake of ours would be tried again for ever
            raise
        raise ConnectionResetError(str(error)) from error


async def _reply(connection: Any) -> Any:
    # No timeout of redis-py's: one it is given here ends as a nil reply on a connection kept.
    try:
        return await connection.read_response(timeout=float("inf"))
    except ResponseError as error:
        return _granted(error)


def _granted(reply: Any) -> Any:
    if not isinstance(reply, ResponseError):
        return reply
    reason = str(reply)
    passing = isinstance(reply, _PASSING) or reason.startswith(_PASSING_CODES)
    return Refused(reason, passing)


def _setting(reply: Any) -> str:
    _, value = reply
    return str(value, "utf-8")


def _info(reply: Any) -> dict[str, str]:
    lines = str(reply, "utf-8").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
