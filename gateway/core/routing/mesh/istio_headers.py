"""Checks operations on headers and CORS as Istio's validation does; neither is obeyed.

Source: https://github.com/istio/istio/blob/master/pkg/config/validation/virtualservice.go
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import re2

from gateway.core.routing.mesh.durations import SECOND
from gateway.core.routing.mesh.istio_names import is_token
from gateway.core.routing.mesh.istio_values import check_duration, check_pattern

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.string_match import Patterns

_AUTHORITY: Final = (":authority", "host")
_METHODS: Final = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"}
)
_STRING: Final = r'(?:\\.|[^\\)"])*'
_ARGUMENTS: Final = rf' *(?:\[ *"|[^ \[]){_STRING}(?:" *, *"{_STRING})*(?:\)|" *\] *\)) *%'
_VALUE: Final = re2.compile(
    rf"(?s)(?:[^%\x00-\x08\x0a-\x1f\x7f]|%%|%[^%(]+%|%[^%(]*\({_ARGUMENTS})*"
)
"""Of a header: `%NAME%` is put in by Envoy, `%%` is a percent sign."""


def check_headers(reader: Reader, raw: Any, place: str) -> int:
    """Check operations on headers; return how many of them set the authority."""
    given = reader.mapping(raw, place)
    request = _check_operations(reader, given.get("request"), f"{place}.request", request=True)
    _check_operations(reader, given.get("response"), f"{place}.response", request=False)
    return request


def _check_operations(reader: Reader, raw: Any, place: str, *, request: bool) -> int:
    given, authority = reader.mapping(raw, place), 0
    for kind in ("set", "add"):
        for name, value in reader.mapping(given.get(kind), f"{place}.{kind}").items():
            of_authority = name.lower() in _AUTHORITY
            authority += of_authority
            _check_name(reader, name, f"{place}.{kind}", authority=request and of_authority)
            text = reader.text(value, f"{place}.{kind}.{name}")
            if not _VALUE.fullmatch(text):
                reader.invalid(
                    f"{place}.{kind}.{name}", "is no value for Envoy: write % as %%, no line ends"
                )
    for name in reader.texts(given.get("remove"), f"{place}.remove"):
        _check_name(reader, name, f"{place}.remove", authority=False)
    return authority


def _check_name(reader: Reader, name: str, place: str, *, authority: bool) -> None:
    if not name:
        reader.invalid(place, "has an empty name: name the header")
    elif not authority and (name.startswith(":") or name.lower() == "host"):
        reader.invalid(f"{place}.{name}", "cannot be changed here: leave it out")


def check_cors(reader: Reader, raw: Any, place: str, patterns: Patterns) -> None:
    """Check a CORS policy."""
    given = reader.mapping(raw, place)
    for at, origin in enumerate(reader.items(given.get("allowOrigins"), f"{place}.allowOrigins")):
        _check_origin(reader, origin, f"{place}.allowOrigins[{at}]", patterns)
    for method in reader.texts(given.get("allowMethods"), f"{place}.allowMethods"):
        if method not in _METHODS:
            reader.invalid(f"{place}.allowMethods", f"{method} is no method: write GET, POST or *")
    for kind in ("allowHeaders", "exposeHeaders"):
        for name in reader.texts(given.get(kind), f"{place}.{kind}"):
            if name != "*" and not is_token(name):
                reader.invalid(f"{place}.{kind}", f"{name!r} is no name of a header: correct it")
    age = check_duration(reader, given.get("maxAge"), f"{place}.maxAge")
    if age is not None and age % SECOND:
        reader.invalid(f"{place}.maxAge", "is finer than a second: write whole seconds")


def _check_origin(reader: Reader, raw: Any, place: str, patterns: Patterns) -> None:
    given = {key: value for key, value in reader.mapping(raw, place).items() if value}
    if len(given) != 1:
        reader.invalid(place, "must have one of exact, prefix and regex, and not be empty")
    elif "regex" in given:
        check_pattern(reader, given["regex"], f"{place}.regex", patterns)
