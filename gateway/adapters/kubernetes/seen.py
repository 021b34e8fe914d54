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
    """Compares by content: what a list repeats is no change.

    A resourceVersion may be used twice, where an API server returns from a backup.
    """

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}

    def replace(self, objects: Iterable[Object]) -> list[Change]:
        """Take a complete list; raises KeyError or TypeError for what is no object."""
        before = self._objects
        listed = {_checked_name(each): each for each in objects}
        self._objects = listed
        gone = [Change(name, None) for name in before if name not in listed]
        changed = [Change(name, each) for name, each in listed.items() if before.get(name) != each]
        return [*gone, *changed]

    def set(self, found: Object) -> list[Change]:
        """Take an object that was added or modified."""
        name = _checked_name(found)
        if self._objects.get(name) == found:
            return []
        self._objects[name] = found
        return [Change(name, found)]

    def remove(self, found: Object) -> list[Change]:
        """Take an object that was deleted."""
        name = name_of(found)
        return [] if self._objects.pop(name, None) is None else [Change(name, None)]


def _checked_name(found: Object) -> str:
    version_of(found)
    return name_of(found)
