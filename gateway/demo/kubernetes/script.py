"""What a test can make go wrong, and what it can wait for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.demo.kubernetes.objects import Kind


@dataclass(frozen=True, slots=True)
class Rule:
    """An RBAC rule; empty `names` are all names, as `resourceNames` has it; `group` None: any."""

    verbs: frozenset[str]
    plural: str
    names: frozenset[str] = frozenset()
    group: str | None = None

    def allows(self, request: Request) -> bool:
        """Whether a request is allowed; the name of a `create` is not known to RBAC."""
        named = not self.names or request.name in self.names
        grouped = self.group in (None, request.group)
        return request.verb in self.verbs and request.plural == self.plural and named and grouped


def rule(verbs: str, plural: str, *names: str) -> Rule:
    """Return a rule; `verbs` are separated by blanks."""
    return Rule(frozenset(verbs.split()), plural, frozenset(names))


def rules_of(role: dict[str, Any]) -> list[Rule]:
    """Return the rules of a Role as an API server reads it; `*` is not known here.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/
    """
    return [
        Rule(frozenset(one["verbs"]), plural, frozenset(one.get("resourceNames") or ()), group)
        for one in role["rules"]
        for group in one["apiGroups"]
        for plural in one["resources"]
    ]


@dataclass(frozen=True, slots=True)
class Request:
    """One request that came; `verb` is RBAC's."""

    verb: str
    plural: str
    name: str
    resource_version: str = ""
    group: str = ""


@dataclass(slots=True)
class Script:
    """What is served and how; change it at any time.

    `tokens` are those that are accepted. `rules` None: all is allowed. All kinds are known but the
    `unknown_kinds`: plurals, or a version of one as `virtualservices.v1`. `lists_open`,
    `requests_open`: until it is set, such requests wait. `silent`: no watch gets anything any more,
    and the next ones get nothing but their head. `failing`: each request gets this status. `body`:
    each one gets this text. `before_update` is called once, before the next write.
    """

    tokens: set[str] = field(default_factory=lambda: {"token-1"})
    rules: Iterable[Rule] | None = None
    unknown_kinds: set[str] = field(default_factory=set)
    silent: bool = False
    failing: int = 0
    body: str | None = None
    before_update: Callable[[Kind, str], None] | None = None
    lists_open: asyncio.Event = field(default_factory=asyncio.Event)
    requests_open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.lists_open.set()
        self.requests_open.set()

    def allows(self, request: Request) -> bool:
        """Whether RBAC allows a request."""
        return self.rules is None or any(one.allows(request) for one in self.rules)


class Requests(list[Request]):
    """The requests so far; a test waits here for one."""

    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def add(self, request: Request) -> None:
        """Record a request."""
        self.append(request)
        self._more.set()

    def count(self, verb: str) -> int:  # type: ignore[override]
        """Return how many requests with a verb there were."""
        return sum(request.verb == verb for request in self)

    async def wait_for(self, verb: str, number: int = 1) -> Request:
        """Wait for a number of requests with a verb; return the newest of them."""
        while self.count(verb) < number:
            self._more.clear()
            await self._more.wait()
        return [request for request in self if request.verb == verb][number - 1]
