"""Checks an HTTPRoute by the rules that its definition has for the API server.

Limits on how many rules, matches, filters and backends there are, are not checked: newer versions
of the Gateway API may have raised them.
Source: https://github.com/kubernetes-sigs/gateway-api/blob/main/apis/v1/httproute_types.go
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.durations import api_nanoseconds

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader

METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}
)
_FIELDS: Final = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestMirror": "requestMirror",
    "RequestRedirect": "requestRedirect",
    "URLRewrite": "urlRewrite",
    "ExtensionRef": "extensionRef",
    "CORS": "cors",
    "ExternalAuth": "externalAuth",
}
_ONCE: Final = ("RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite")
_OF_PATH: Final = ("requestRedirect", "urlRewrite")
_CHARACTERS: Final = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+\Z")
_NEVER_WITHIN: Final = ("//", "/./", "/../", "%2f", "%2F", "#")
_NEVER_LAST: Final = ("/..", "/.")


def check_path(reader: Reader, value: str, place: str) -> None:
    """Check a path that is compared as it is: one for a regex may be anything."""
    within = [each for each in _NEVER_WITHIN if each in value]
    last = [each for each in _NEVER_LAST if value.endswith(each)]
    if not value.startswith("/"):
        reader.invalid(place, "must begin with a slash")
    elif within or last:
        reader.invalid(place, f"has {(within + last)[0]}: write the path without it")
    elif not _CHARACTERS.match(value):
        reader.invalid(place, f"{value!r} is no path: encode its characters as %XX")


def check_timeouts(reader: Reader, raw: Any, place: str) -> None:
    """Check timeouts, of which `0s` is none; that of a backend is not longer than the whole."""
    given = reader.mapping(raw, place)
    found = {}
    for kind in ("request", "backendRequest"):
        text = reader.text(given.get(kind), f"{place}.{kind}", "0s")
        duration = found[kind] = api_nanoseconds(text)
        if duration is None:
            reader.invalid(f"{place}.{kind}", "is no duration: write one such as 10s or 1m30s")
    request, backend = found["request"], found["backendRequest"]
    if request and backend and backend > request:
        reader.invalid(f"{place}.backendRequest", "is longer than request: shorten it")


def check_filters(reader: Reader, rule: dict[str, Any], place: str) -> list[str]:
    """Check the filters of a rule or a backend together; return their types."""
    raw = reader.items(rule.get("filters"), f"{place}.filters")
    filters = [reader.mapping(each, f"{place}.filters[{at}]") for at, each in enumerate(raw)]
    kinds = [
        _check_field(reader, each, f"{place}.filters[{at}]") for at, each in enumerate(filters)
    ]
    for kind in _ONCE:
        if kinds.count(kind) > 1:
            reader.invalid(f"{place}.filters", f"has {kind} more than once: keep one")
    if "RequestRedirect" in kinds and "URLRewrite" in kinds:
        reader.invalid(f"{place}.filters", "has RequestRedirect and URLRewrite: keep one")
    if "RequestRedirect" in kinds and rule.get("backendRefs"):
        reader.invalid(place, "has RequestRedirect and backendRefs: keep one")
    if any(map(_replaces_prefix, filters)) and not _is_one_prefix(rule.get("matches")):
        reader.invalid(f"{place}.filters", "replacePrefixMatch needs one match, by PathPrefix")
    return kinds


def _check_field(reader: Reader, given: dict[str, Any], place: str) -> str:
    """Check that a filter has the field of its type, and of no other type; return the type."""
    kind = reader.text(given.get("type"), f"{place}.type")
    if not kind:
        reader.invalid(f"{place}.type", "missing: give one")
    for of, field in _FIELDS.items():
        if kind == of and given.get(field) is None:
            reader.invalid(f"{place}.{field}", f"missing: the type {of} needs it")
        elif kind in _FIELDS and kind != of and given.get(field) is not None:
            reader.invalid(f"{place}.{field}", f"is of the type {of}: leave it out")
    return kind


def _replaces_prefix(given: dict[str, Any]) -> bool:
    parts = [given.get(field) for field in _OF_PATH]
    paths = [each.get("path") for each in parts if isinstance(each, dict)]
    return any(isinstance(each, dict) and "replacePrefixMatch" in each for each in paths)


def _is_one_prefix(matches: Any) -> bool:
    """Whether matches are one by a path's prefix, which those that are left out are too."""
    if not matches:
        return True
    first = matches[0] if isinstance(matches, list) and len(matches) == 1 else None
    path = first.get("path") or {} if isinstance(first, dict) else None
    return isinstance(path, dict) and path.get("type", "PathPrefix") == "PathPrefix"
