"""The objects that a list and its watch have shown so far, and what has changed of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.adapters.kubernetes.resource import name_of, version_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.adapters.kubernetes.resource import Object


@dataclass(frozen=True, slots=True)
class Change:
    """An object that is new or has changed; `found` None: it is gone."""

    name: str
    found: Object | None


class SeenObjects:
    """Compares by resourceVersion: what a list repeats is no change."""

    def __init__(self) -> None:
        self._versions: dict[str, str] = {}

    def replace(self, objects: Iterable[Object]) -> list[Change]:
        """Take a complete list; raises KeyError or TypeError for what is no object."""
        before = self._versions
        listed = {name_of(each): each for each in objects}
        self._versions = {name: version_of(each) for name, each in listed.items()}
        gone = [Change(name, None) for name in before if name not in listed]
        changed = [
            Change(name, each)
            for name, each in listed.items()
            if before.get(name) != self._versions[name]
        ]
        return [*gone, *changed]

    def set(self, found: Object) -> list[Change]:
        """Take an object that was added or modified."""
        name, version = name_of(found), version_of(found)
        if self._versions.get(name) == version:
            return []
        self._versions[name] = version
        return [Change(name, found)]

    def remove(self, found: Object) -> list[Change]:
        """Take an object that was deleted."""
        name = name_of(found)
        return [] if self._versions.pop(name, None) is None else [Change(name, None)]
