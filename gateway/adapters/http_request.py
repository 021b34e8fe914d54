"""The bytes of a request, up to its body. Pure: no connection in sight."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_VISIBLE_ASCII = re.compile(r"[!-~]+\Z")


class RequestHead:
    """What every POST to one URL begins with, rendered once, and where that URL is.

    Raises ValueError for a URL that is no http(s) one, holds credentials or needs percent-encoding,
    and for a header that would break out of its line.
    """

    __slots__ = ("_start", "host", "port", "tls")

    def __init__(self, url: str, headers: Sequence[tuple[str, str]], user_agent: str) -> None:
        parts = urlsplit(url)
        if parts.username is not None:
            raise ValueError("url: holds credentials (send them in `headers`)")
        if not _VISIBLE_ASCII.match(url):
            raise ValueError("url: must be visible ASCII (percent-encode the rest)")
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise ValueError("url: must begin with http:// or https:// and name a host")
        self.host = parts.hostname
        self.port = _DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        self.tls = parts.scheme == "https"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        fixed = [("host", self._authority()), ("user-agent", user_agent), *headers]
        self._start = f"POST {target} HTTP/1.1\r\n{_lines(fixed)}content-length: "

    def render(self, headers: Sequence[tuple[str, str]], content_length: int) -> bytes:
        """Return the head of one request; names and values go out as they are.

        Raises ValueError for a header that would break out of its line: core lets no such header
        through, so that is a defect.
        """
        return f"{self._start}{content_length}\r\n{_lines(headers)}\r\n".encode()

    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = _DEFAULT_PORTS["https" if self.tls else "http"]
        return host if self.port == default else f"{host}:{self.port}"


def _lines(headers: Sequence[tuple[str, str]]) -> str:
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    # A look at the whole is cheaper than one at each header.
    breaks = lines.count("\r"), lines.count("\n")
    if breaks != (len(headers), len(headers)) or "\0" in lines or not lines.isascii():
        names = ", ".join(repr(name) for name, _ in headers)
        raise ValueError(f"CR, LF, NUL or a character beyond ASCII in one of the headers {names}")
    return lines
