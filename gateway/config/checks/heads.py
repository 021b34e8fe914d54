"""Checks of the size of a request's head, as far as the routing file knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.config.problems.findings import Finding, as_mapping
from gateway.core.header_budget import DEFAULT_MAX_HEADER_BYTES, LEAST_ROOM, SIDECAR_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


def head_findings(version: Any) -> Iterator[Finding]:
    """Yield a finding where a version's URL and headers leave messages no room for theirs."""
    spec = as_mapping(version)
    url = spec.get("url", version)
    stated = spec.get("max_header_bytes", DEFAULT_MAX_HEADER_BYTES)
    if not isinstance(url, str) or type(stated) is not int or stated < 2 * SIDECAR_BYTES:
        return  # reported by `schema`
    needed = SIDECAR_BYTES + LEAST_ROOM + _own_bytes(url, as_mapping(spec.get("headers")))
    if stated < needed:
        what = "leaves too little room for the headers of a message, beside the URL and `headers`"
        if "max_header_bytes" not in spec:
            what = f"is {stated:,} by default, and {what}"
        hint = f"at least {needed:,}, if the service takes that"
        absent = "max_header_bytes" not in spec
        yield Finding(("max_header_bytes",), what, hint, absent=absent)


def _own_bytes(url: str, headers: dict[str, Any]) -> int:
    """Return the bytes of the head that are the version's own."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return 0
    pairs = [(name, value) for name, value in headers.items() if isinstance(value, str)]
    texts = (parts.netloc, parts.path, parts.query, *(text for pair in pairs for text in pair))
    return sum(map(len, texts)) + len(": \r\n") * len(pairs)
