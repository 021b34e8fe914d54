"""Finds the few entries of an object that may hold for a message, however many there are.

An entry that asks for a header cannot hold without it, so it is filed under one of the headers that
it needs: what a decision costs depends on the message's attributes, not on the object's length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.core.messages.message import Message
    from gateway.core.routing.mesh.follow import RequestHeaders
    from gateway.core.routing.mesh.matching import HeaderTest


class EntryIndex:
    """Entries by a header that they need, and those that need none.

    `usual` are names of headers that a request may have without an attribute of that name.
    """

    __slots__ = ("_always", "_by_name", "_usual")

    def __init__(self, entries: Iterable[Sequence[HeaderTest]], usual: Iterable[str]) -> None:
        self._by_name: dict[str, _Filed] = {}
        always = []
        for at, tests in enumerate(entries):
            needed = [test for test in tests if test.needed]
            if not needed:
                always.append(at)
                continue
            key = min(needed, key=lambda test: test.exact is None)
            self._by_name.setdefault(key.name, _Filed()).add(at, key.exact)
        self._always = tuple(always)
        self._usual = tuple(name for name in usual if name in self._by_name)

    def find(self, message: Message, headers: RequestHeaders) -> Sequence[int]:
        """Return the positions of the entries that may hold, in their order."""
        found: list[int] = []
        names: Iterable[str] = message.names.first if message.attributes else ()
        by_name = self._by_name
        for name in names:
            if name in by_name:
                found += by_name[name].under(headers[name])
        for name in self._usual:
            if name not in names:
                found += by_name[name].under(headers[name])
        if not found:
            return self._always
        found += self._always
        found.sort()
        return found


class _Filed:
    """The entries under one header: by the value that they ask for, and for any value."""

    __slots__ = ("_any", "_by_value")

    def __init__(self) -> None:
        self._by_value: dict[str, list[int]] = {}
        self._any: list[int] = []

    def add(self, at: int, exact: str | None) -> None:
        entries = self._any if exact is None else self._by_value.setdefault(exact, [])
        entries.append(at)

    def under(self, value: str | None) -> Sequence[int]:
        """Return the entries that may hold for a value of the header."""
        if value is None:
            return ()
        by_value = self._by_value.get(value, ())
        return [*by_value, *self._any] if self._any else by_value
