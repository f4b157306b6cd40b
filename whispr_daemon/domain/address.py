"""Where a server is: a URL, and its secrets apart from what may be shown."""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote

MASK: Final = "********"
SECRET: Final = re.compile(  # in the name of a parameter, key or setting
    r"passw|secret|token|credential|authorization|api_?key|private_?key", re.IGNORECASE
)
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?"
)
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\[\]:@,]*)(:[0-9]{0,5})?")
_UNSPEAKABLE: Final = re.compile(r"[\s\x00-\x1f\x7f]")
_URL_IN_TEXT: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://\S+")
_AFTER_A_URL: Final = "\"'`.,;:)]}>"  # closes the sentence or quotation it stands in


class _Parts(NamedTuple):
    scheme: str
    user: str
    password: str | None  # percent-encoded, as found
    place: str  # hosts and ports
    path: str
    query: tuple[tuple[str, str, str], ...]  # name, "=" or nothing, value: as found
    fragment: str | None

    def text(self) -> str:
        """Put it together again."""
        account = self.user if self.password is None else f"{self.user}:{self.password}"
        query = "&".join("".join(each) for each in self.query)
        return (
            f"{self.scheme}://{account}{'@' if account else ''}{self.place}{self.path}"
            f"{'?' if query else ''}{query}{'' if self.fragment is None else '#' + self.fragment}"
        )


def apart(url: str) -> tuple[str, str]:
    """Return a server's URL without its password, and the password; empty if it has none.

    The password may stand before the host or be the parameter ``password``.

    Raises:
        ValueError: it is no URL, or holds a secret that cannot be told apart; it is not quoted.
    """
    parts = _parse(url)
    if parts is None or parts.fragment is not None:
        raise ValueError(
            "should be a URL; in its user and password write / as %2F, ? as %3F, # as %23, "
            "@ as %40 and % as %25, or put the password into password_file"
        )
    passwords = [] if parts.password is None else [parts.password]
    for name, _, value in parts.query:
        if unquote(name) == "password":
            passwords.append(value)
        elif _secret(name):
            raise ValueError(f"should not hold the parameter {name!r}: it could be read by others")
    if len(passwords) > 1:
        raise ValueError("holds two passwords; keep one")
    query = tuple(each for each in parts.query if not _secret(each[0]))
    open_to_all = parts._replace(password=None, query=query)
    return open_to_all.text(), unquote(passwords[0]) if passwords else ""


def masked(url: str) -> str:
    """Return a URL with its secrets masked; all of it where one cannot tell what is one."""
    parts = _parse(url)
    if parts is None:
        return f"{url.partition('://')[0]}://{MASK}" if "://" in url else MASK
    query = tuple(
        (name, sign, MASK if value and _secret(name) else value)
        for name, sign, value in parts.query
    )
    password = None if parts.password is None else MASK
    return parts._replace(password=password, query=query).text()


def masked_in(text: str) -> str:
    """Return a text with the secrets of every URL in it masked."""

    def mask(found: re.Match[str]) -> str:
        url = found.group().rstrip(_AFTER_A_URL)
        return masked(url) + found.group()[len(url) :]

    return _URL_IN_TEXT.sub(mask, text)


def _parse(url: str) -> _Parts | None:
    """Take a URL apart; None if it is none, or if a password may have run over its place."""
    found = _URL.fullmatch(url)
    if found is None or _UNSPEAKABLE.search(url):
        return None
    account, _, place = found["authority"].rpartition("@")
    if "@" in url[found.end("authority") :]:
        return None
    if not all(_HOST.fullmatch(host) for host in place.split(",")):
        return None
    user, colon, password = account.partition(":")
    query = (found["query"] or "").split("&") if found["query"] else ()
    return _Parts(
        scheme=found["scheme"],
        user=user,
        password=password if colon else None,
        place=place,
        path=found["path"],
        query=tuple(each.partition("=") for each in query),
        fragment=found["fragment"],
    )


def _secret(name: str) -> bool:
    return SECRET.search(unquote(name)) is not None
