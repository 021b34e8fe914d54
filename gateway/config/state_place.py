"""The setting GATEWAY_STATE: where rollouts, and weights set by hand, are kept."""

from __future__ import annotations

import re
from typing import Any, Final

from gateway.config.problems.findings import InvalidValue, find_similar, quote

KINDS: Final = ("memory", "file", "kubernetes")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
"""Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""


def read_state_place(value: Any) -> str:
    """Return `memory`, `file:PATH` or `kubernetes:NAME`; raises InvalidValue."""
    written = str(value)
    kind, colon, where = written.partition(":")
    match kind:
        case "memory" if not colon:
            return written
        case "file" if where and "\0" not in where and not where.endswith("/"):
            return written
        case "kubernetes" if _NAME.fullmatch(where):
            return written
    what = f"must be memory, file:PATH or kubernetes:NAME, but is {quote(written)}"
    raise InvalidValue(what, _hint(kind, where))


def _hint(kind: str, where: str) -> str:
    match kind:
        case "memory":
            return "memory has nothing behind it"
        case "file":
            return "PATH is a file, for instance file:/var/lib/gateway/state.json"
        case "kubernetes" if "/" in where:
            return "the name alone: the namespace is that of the service account or of KUBECONFIG"
        case "kubernetes":
            return "NAME is that of a ConfigMap: lower-case letters, digits, - and ."
    if "/" in kind or kind.endswith(".json"):
        return "a path needs file: before it"
    near = find_similar(kind, KINDS)
    return f"did you mean {near}?" if near else ""
