"""Asks the admin port of a running gateway, for commands. The standard library alone.

No redirect is followed and no proxy is used, so the token goes where it was meant to go.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from gateway.cli.admin_place import ANY_PORT, local_places, local_settings
from gateway.core.printable import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence
    from http.client import HTTPConnection

    from gateway.cli.admin_place import Place

SECONDS: Final = 10.0
MAX_BYTES: Final = 50_000_000
MAX_CHARACTERS: Final = 500
CLEAR: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Statuses whose own sentence is all that a person needs."""


class AdminPortError(Exception):
    """A request without success; `str()` is a sentence that says why and what to do.

    `status` is the response's, 0 where there was none.
    """

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(printable(why))
        self.status = status


@dataclass(frozen=True, slots=True)
class Response:
    """What an admin port has sent; `location` is empty where it is no redirect."""

    status: int
    body: bytes
    location: str = ""

    @property
    def text(self) -> str:
        """The body on one line."""
        return "; ".join(self.body.decode("utf-8", "replace").splitlines())


def exchange(
    connection: HTTPConnection,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    max_bytes: int = MAX_BYTES,
) -> Response:
    """Send a request and return the response; raises OSError, also where it is no HTTP."""
    from http.client import HTTPException

    try:
        connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        content = response.read(max_bytes)
    except (HTTPException, ValueError) as error:
        raise OSError(f"no response in HTTP ({error!r})") from error
    finally:
        connection.close()
    return Response(response.status, content, response.getheader("location") or "")


class AdminPort:
    """Asks one gateway. Every method may raise AdminPortError."""

    def __init__(self, places: Sequence[Place], token: str | None = None) -> None:
        self._places = places
        self._token = token

    def get(self, path: str) -> Any:
        """Return the JSON of a path."""
        return self._ask("GET", path)

    def change(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Change something; return the JSON of the response."""
        return self._ask(method, path, None if body is None else json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Any:
        place, connection = self._connect()
        try:
            response = exchange(
                connection, method, place.prefix + path, self._headers(place, body), body
            )
        except OSError as error:
            later = "" if method == "GET" else "; it may have done it: look before you repeat it"
            why = f"the gateway at {place} does not respond ({_why(error)}){later}"
            raise AdminPortError(why) from error
        return self._read(response, place)

    def _connect(self) -> tuple[Place, HTTPConnection]:
        """Connect to the first place that accepts it: only then is anything sent."""
        failed = []
        for place in self._places:
            try:
                return place, place.connect(SECONDS)
            except OSError as error:
                failed.append(f"{place} ({_why(error)})")
        hint = "is it running? --url says where another one is"
        raise AdminPortError(f"no gateway at {' or '.join(failed)}: {hint}")

    def _headers(self, place: Place, body: bytes | None) -> dict[str, str]:
        headers = {"Host": place.authority, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        return headers

    def _read(self, response: Response, place: Place) -> Any:
        if response.status != HTTPStatus.OK:
            why = _refused(response, place, with_token=bool(self._token))
            raise AdminPortError(why, response.status)
        try:
            return json.loads(response.body)
        except (ValueError, RecursionError) as error:
            why = f"{place} responds with something else than JSON: is it a gateway's admin port?"
            raise AdminPortError(why, response.status) from error


@contextmanager
def reading() -> Iterator[None]:
    """Turn what a response lacks into an AdminPortError."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        why = f"the response is not as this release knows it ({type(error).__name__}: {error})"
        raise AdminPortError(f"{why}: is it a gateway's, of the same release?") from error


def route_path(route: str, *rest: str) -> str:
    """Return the path of a route's resource."""
    return "/".join(("/api/routes", quote(route, safe=""), *rest))


def admin_port_of(arguments: argparse.Namespace) -> AdminPort:
    """Return the admin port that the arguments mean; raises ProblemsFound and AdminPortError."""
    settings = local_settings(arguments)
    token = settings.admin_token.get_secret_value() if settings.admin_token else None
    if arguments.url is not None:
        return AdminPort((arguments.url,), token)
    if settings.admin_port == 0:
        raise AdminPortError(f"{ANY_PORT}, or say --url")
    return AdminPort(local_places(settings), token)


def _why(error: OSError) -> str:
    from ssl import SSLCertVerificationError

    if isinstance(error, SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}; SSL_CERT_FILE names others"
    return str(error.strerror or error or type(error).__name__)


def _refused(response: Response, place: Place, *, with_token: bool) -> str:
    """Return in a sentence why the gateway did not do what it was asked, and what to do."""
    status, said = response.status, _error_in(response)
    text = said or response.text[:MAX_CHARACTERS]
    match status:
        case HTTPStatus.UNAUTHORIZED if with_token:
            why = "has another token than GATEWAY_ADMIN_TOKEN here (401)"
        case HTTPStatus.UNAUTHORIZED:
            why = "wants a token (401): set GATEWAY_ADMIN_TOKEN to its own"
        case HTTPStatus.FORBIDDEN:
            hint = "run the command in its pod, or give both sides the same GATEWAY_ADMIN_TOKEN"
            why = f"does not allow it (403: {text}): {hint}"
        case HTTPStatus.SERVICE_UNAVAILABLE:
            why = f"cannot do it now (503): {text}; try it again"
        case HTTPStatus.NOT_FOUND if not said:
            why = "has no such path (404): is that its admin port, and of this release?"
        case _ if response.location:
            why = f"redirects to {response.location} ({status}), which is not followed"
        case _ if said and status in CLEAR:
            return f"{said} ({status})"
        case _:
            why = f"responds with {status}: {text}"
    return f"the gateway at {place} {why}"


def _error_in(response: Response) -> str:
    """Return the sentence of an error in JSON; empty where there is none."""
    try:
        said = json.loads(response.body)["error"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return str(said)[:MAX_CHARACTERS]
