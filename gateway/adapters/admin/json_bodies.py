"""JSON in and out: bounded and strict bodies of requests, moments, errors as `{"error": ...}`."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NoReturn

from aiohttp import web

from gateway.core.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BODY_BYTES: Final = 64 * 1024
READ_SECONDS: Final = 5.0
"""How long the body of a request may take."""

MAX_ERROR_CHARS: Final = 500


class BadRequestError(Exception):
    """A request that cannot be done as it is; `str()` is a sentence, `status` what it gets."""

    def __init__(self, why: str, status: int = HTTPStatus.UNPROCESSABLE_ENTITY) -> None:
        super().__init__(why)
        self.status = status


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the JSON object that is the body, an empty one for no body.

    Raises BadRequestError: 400 for one that breaks off, 408 for one that takes too long, 413 for
    one that is too large, 422 for one that is no JSON object or in which a key comes twice.
    """
    body = await _read(request)
    if not body.strip():
        return {}
    try:
        text = body.decode("utf-8")
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise BadRequestError("the body is no JSON") from None
    if not isinstance(found, dict):
        raise BadRequestError("the body is no JSON object")
    return found


async def _read(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        why = f"the body is larger than {MAX_BODY_BYTES:,} bytes"
        raise BadRequestError(why, HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from None
    except TimeoutError:
        why = f"the body took longer than {READ_SECONDS:g} s"
        raise BadRequestError(why, HTTPStatus.REQUEST_TIMEOUT) from None
    except (web.RequestPayloadError, ConnectionError):
        raise BadRequestError("the body breaks off", HTTPStatus.BAD_REQUEST) from None


def error_response(status: int, why: str) -> web.Response:
    """Return an error as JSON; its sentence is printable and bounded."""
    return web.json_response({"error": printable(why)[:MAX_ERROR_CHARS]}, status=status)


def iso_time(seconds: float | None) -> str | None:
    """Return a Unix time as ISO 8601 in UTC with milliseconds; None where there is none."""
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):  # no year of a calendar
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadRequestError(f"{key[:MAX_ERROR_CHARS]} comes twice")
        found[key] = value
    return found


def _refuse(name: str) -> NoReturn:
    raise BadRequestError(f"the body is no JSON: {name} is no number of it")
