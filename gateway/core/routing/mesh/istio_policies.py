"""Checks what a route of a VirtualService has beside matches and destinations, as Istio does.

None of it is obeyed. An object with an invalid value is refused nevertheless: in a mesh it would
never be in force. Sources, in https://github.com/istio/istio/blob/master/pkg/config/validation/:
virtualservice.go and, for the values, validation.go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.istio_headers import check_cors, check_headers
from gateway.core.routing.mesh.istio_values import (
    check_duration,
    check_pattern,
    check_percentage,
    check_status,
)
from gateway.core.routing.mesh.reader import MOST_PORT

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.string_match import Patterns

_MOST_NUMBER: Final = 2**31 - 1
_MOST_BODY: Final = 1 << 20
_RETRY_ON: Final = frozenset(
    {
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure",
        "retriable-4xx", "refused-stream", "retriable-status-codes", "retriable-headers",
        "envoy-ratelimited", "http3-post-connect-failure", "cancelled", "deadline-exceeded",
        "internal", "resource-exhausted", "unavailable",
    }
)  # fmt: skip
_STATUSES: Final = frozenset(
    {
        *range(100, 104), *range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 419),
        *range(421, 427), 428, 429, 431, 451, *range(500, 509), 510, 511,
    }
)  # fmt: skip
"""Those that Go has a text for, as Istio asks."""
_GRPC: Final = frozenset(
    {
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
        "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
        "UNAUTHENTICATED",
    }
)  # fmt: skip
_ABORTS: Final = ("httpStatus", "grpcStatus", "http2Error")


def check_policies(reader: Reader, given: dict[str, Any], place: str, patterns: Patterns) -> None:
    """Check the values of one route, of which `given` has no null; `patterns` are the object's."""
    check_duration(reader, given.get("timeout"), f"{place}.timeout")
    authorities = check_headers(reader, given.get("headers"), f"{place}.headers")
    check_cors(reader, given.get("corsPolicy"), f"{place}.corsPolicy", patterns)
    if "rewrite" in given:
        authorities += _check_rewrite(reader, given["rewrite"], f"{place}.rewrite", patterns)
    if authorities > 1:
        reader.invalid(f"{place}.headers", "sets the authority more than once: keep one")
    for name, check in _CHECKS:
        if name in given:
            check(reader, reader.mapping(given[name], f"{place}.{name}"), f"{place}.{name}")


def _check_retries(reader: Reader, given: dict[str, Any], place: str) -> None:
    attempts = reader.number(given.get("attempts"), f"{place}.attempts", _MOST_NUMBER)
    others = [
        each
        for each in ("perTryTimeout", "retryOn", "retryRemoteLocalities")
        if given.get(each) not in (None, "")
    ]
    if not attempts and others:
        reader.invalid(place, f"has {others[0]} and no attempts: set attempts, or leave it out")
    check_duration(reader, given.get("perTryTimeout"), f"{place}.perTryTimeout")
    check_duration(reader, given.get("backoff"), f"{place}.backoff")
    retry_on = reader.text(given.get("retryOn"), f"{place}.retryOn")
    for each in dict.fromkeys(retry_on.split(",")) if retry_on else ():
        if each not in _RETRY_ON and not _is_status(each):
            reader.invalid(
                f"{place}.retryOn", f"{each!r} is not known: write statuses and such as 5xx,reset"
            )


def _is_status(text: str) -> bool:
    return bool(re.fullmatch(r"\+?[0-9]{1,9}", text, re.ASCII)) and int(text) in _STATUSES


def _check_fault(reader: Reader, given: dict[str, Any], place: str) -> None:
    abort, delay = given.get("abort"), given.get("delay")
    if abort is None and delay is None:
        reader.invalid(place, "has neither abort nor delay: give one")
    if abort is not None:
        _check_abort(reader, reader.mapping(abort, f"{place}.abort"), f"{place}.abort")
    fault = reader.mapping(delay, f"{place}.delay")
    check_percentage(reader, fault.get("percentage"), f"{place}.delay.percentage")
    check_duration(reader, fault.get("fixedDelay"), f"{place}.delay.fixedDelay")
    if fault.get("exponentialDelay") is not None:
        reader.invalid(f"{place}.delay.exponentialDelay", "is not supported: use fixedDelay")


def _check_abort(reader: Reader, given: dict[str, Any], place: str) -> None:
    check_percentage(reader, given.get("percentage"), f"{place}.percentage")
    kinds = [each for each in _ABORTS if given.get(each) is not None]
    if len(kinds) > 1:
        reader.invalid(place, f"has {' and '.join(kinds)}: keep one")
    if "httpStatus" in kinds:
        check_status(reader, given["httpStatus"], f"{place}.httpStatus")
    if "http2Error" in kinds:
        reader.invalid(f"{place}.http2Error", "is not supported: use httpStatus")
    grpc = reader.text(given.get("grpcStatus"), f"{place}.grpcStatus", "OK")
    if grpc not in _GRPC:
        reader.invalid(f"{place}.grpcStatus", f"{grpc!r} is none: write one such as NOT_FOUND")


def _check_redirect(reader: Reader, given: dict[str, Any], place: str) -> None:
    uri, authority, scheme = (
        reader.text(given.get(each), f"{place}.{each}") for each in ("uri", "authority", "scheme")
    )
    ports = [each for each in ("port", "derivePort") if given.get(each) is not None]
    if not (uri or authority or scheme or ports):
        reader.invalid(place, "has none of uri, authority, scheme and port: give one")
    if len(ports) > 1:
        reader.invalid(place, "has port and derivePort: keep one")
    if scheme not in ("", "http", "https"):
        reader.invalid(f"{place}.scheme", "must be http or https")
    reader.number(given.get("port"), f"{place}.port", MOST_PORT)
    code = reader.number(given.get("redirectCode"), f"{place}.redirectCode", _MOST_NUMBER)
    if code and code not in range(300, 400):
        reader.invalid(f"{place}.redirectCode", "must be in 300..399")


def _check_direct_response(reader: Reader, given: dict[str, Any], place: str) -> None:
    check_status(reader, given.get("status"), f"{place}.status")
    body = reader.mapping(given.get("body"), f"{place}.body")
    for kind in ("string", "bytes"):
        size = len(reader.text(body.get(kind), f"{place}.body.{kind}").encode())
        if (size * 3 // 4 if kind == "bytes" else size) > _MOST_BODY:
            reader.invalid(f"{place}.body", "is over 1 MiB: shorten it")


def _check_rewrite(reader: Reader, raw: Any, place: str, patterns: Patterns) -> int:
    """Check a rewrite; return how often it sets the authority."""
    given = reader.mapping(raw, place)
    uri, authority = (
        reader.text(given.get(each), f"{place}.{each}") for each in ("uri", "authority")
    )
    regex = given.get("uriRegexRewrite")
    if uri and regex is not None:
        reader.invalid(place, "has uri and uriRegexRewrite: keep one")
    if not uri and not authority and regex is None:
        reader.invalid(place, "has none of uri, uriRegexRewrite and authority: give one")
    if regex is not None:
        place = f"{place}.uriRegexRewrite"
        parts = reader.mapping(regex, place)
        if not parts.get("match") or not parts.get("rewrite"):
            reader.invalid(place, "must have both match and rewrite")
        else:
            check_pattern(reader, parts["match"], f"{place}.match", patterns)
    return 1 if authority else 0


_CHECKS: Final = (
    ("retries", _check_retries),
    ("fault", _check_fault),
    ("redirect", _check_redirect),
    ("directResponse", _check_direct_response),
)
