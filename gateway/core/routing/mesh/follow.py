"""The request that a producer would have sent in place of a message.

All of it but the headers is the same for every message of a route, so that it is matched once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.core.routing.mesh.names import MESH
from gateway.core.routing.sources import DEFAULT_VERSION_HEADER, usual_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.messages.message import Message
    from gateway.core.routing.sources import VersionSource

METHOD: Final = "POST"
SCHEME: Final = "http"
HTTP_PORT: Final = 80
HTTPS_PORT: Final = 443
DEFAULT_DOMAIN: Final = "cluster.local"

MOST_HEADER_BYTES: Final = 8192
"""Of one header: a longer value is in no request that the gateway sends by default either."""

MOST_STEPS: Final = 2_000_000
"""Of the regexes that one message is matched against: instructions by bytes of values. RE2 takes
one step for a byte where it is quick, and all of them, some 20 ns each, where it is not."""

_CONTENT_TYPE: Final = "content-type"
_JSON: Final = "application/json"
_MOST_BYTES_OF_A_CHARACTER: Final = 4
_PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Follow:
    """How a route follows an object: what the producer would call, and what the producer is.

    `host` None: the object's first host. `path` may have a query. `namespace` and `labels` are the
    producer's, never the gateway's own. `version_from` yields the version header.
    """

    port: int
    path: str = "/"
    host: str | None = None
    gateway: str = MESH
    namespace: str = "default"
    labels: Mapping[str, str] = field(default_factory=dict)
    mirror: bool = False
    domain: str = DEFAULT_DOMAIN
    version_header: str = DEFAULT_VERSION_HEADER
    version_from: tuple[VersionSource, ...] = usual_sources(DEFAULT_VERSION_HEADER)

    def authority(self, host: str) -> str:
        """Return what the request calls: a client leaves the port out where it is 80."""
        return host if self.port == HTTP_PORT else f"{host}:{self.port}"

    @property
    def usual_headers(self) -> tuple[str, ...]:
        """Headers that the request may have without an attribute of their name."""
        return _CONTENT_TYPE, self.version_header.lower()

    @property
    def path_alone(self) -> str:
        """The path without query and fragment, which is what a path is compared with."""
        return self.path.partition("#")[0].partition("?")[0] or "/"

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, not decoded; of a repeated one the first, as Envoy reads them."""
        text = self.path.partition("#")[0].partition("?")[2]
        found: dict[str, str] = {}
        for pair in text.split("&") if text else ():
            name, _, value = pair.partition("=")
            found.setdefault(name, value)
        return found


class TooManyStepsError(Exception):
    """The regexes of an object would take too long on this message."""


class RequestHeaders(dict[str, str | None]):
    """The request's headers by lower-case name, each read on first use; None where it has none.

    They are the String and Number attributes that fit a header, `content-type`, and the version
    header where no attribute has its name and `version_from` yields one.
    """

    __slots__ = ("_follow", "_message", "_steps_left")

    def __init__(self, message: Message, follow: Follow) -> None:
        self._message = message
        self._follow = follow
        self._steps_left = MOST_STEPS

    def spend(self, steps: int, value: str) -> None:
        """Count a regex of these steps for a byte; raises TooManyStepsError."""
        size = len(value) if value.isascii() else _MOST_BYTES_OF_A_CHARACTER * len(value)
        self._steps_left -= steps * size
        if self._steps_left < 0:
            raise TooManyStepsError

    def __missing__(self, name: str) -> str | None:
        text = self[name] = self._read(name)
        return text

    def _read(self, name: str) -> str | None:
        message, follow = self._message, self._follow
        text = message.text(name)
        if text is not None:
            if len(text) > MOST_HEADER_BYTES:
                return None
            return text.strip(" \t")  # as HTTP does: RFC 9110, 5.5
        if name == _CONTENT_TYPE:
            return _JSON if message.is_json else _PLAIN
        if name != follow.version_header.lower() or message.attribute(name) is not None:
            return None
        for source in follow.version_from:
            found = source.read(message)
            if found is not None:
                return found
        return None
