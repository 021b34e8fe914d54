"""The objects of the API server: one resourceVersion counts all changes, and a log keeps them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Object = dict[str, Any]
NAME: Final = "metadata.name="


@dataclass(frozen=True, slots=True)
class Kind:
    """Where objects of one kind in one namespace are; an object is there in each version."""

    group: str
    version: str = field(compare=False)
    plural: str
    namespace: str

    @property
    def api_version(self) -> str:
        """As objects have it."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class Logged:
    """One change: ADDED, MODIFIED or DELETED."""

    version: int
    type: str
    kind: Kind
    content: Object


class ConflictError(Exception):
    """The object has another resourceVersion, or exists already."""


class ObjectStore:
    """Objects by kind and name. A change calls the observers."""

    def __init__(self) -> None:
        self.version = 1000
        self.oldest = 1000
        self._objects: dict[tuple[Kind, str], Object] = {}
        self._log: list[Logged] = []
        self._observers: list[Callable[[], None]] = []

    def on_change(self, observer: Callable[[], None]) -> None:
        """Call the observer after each change."""
        self._observers.append(observer)

    def get(self, kind: Kind, name: str) -> Object | None:
        """Return a copy of the object."""
        content = self._objects.get((kind, name))
        return None if content is None else _copy_in_version(kind, content)

    def list(self, kind: Kind, selector: str = "") -> list[Object]:
        """Return copies of the objects of a kind that a field selector matches."""
        return [
            _copy_in_version(kind, content)
            for (each, _), content in sorted(self._objects.items(), key=lambda item: item[0][1])
            if each == kind and matches(content, selector)
        ]

    def create(self, kind: Kind, content: Object) -> Object:
        """Add an object; raises ConflictError where there is one of its name."""
        content = copy.deepcopy(content)
        metadata = content.setdefault("metadata", {})
        name = metadata["name"]
        if (kind, name) in self._objects:
            raise ConflictError(f'{kind.plural} "{name}" already exists')
        metadata.update(namespace=kind.namespace, uid=str(uuid4()))
        content["apiVersion"] = kind.api_version
        return self._save("ADDED", kind, name, content)

    def update(self, kind: Kind, name: str, content: Object) -> Object:
        """Replace an object; raises KeyError, or ConflictError for another resourceVersion."""
        present = self._objects[kind, name]
        content = copy.deepcopy(content)
        content["apiVersion"] = present["apiVersion"]
        metadata = content.setdefault("metadata", {})
        wanted = metadata.get("resourceVersion")
        if wanted not in (None, "", present["metadata"]["resourceVersion"]):
            raise ConflictError(f'Operation cannot be fulfilled on {kind.plural} "{name}"')
        metadata.update(name=name, namespace=kind.namespace, uid=present["metadata"]["uid"])
        metadata["resourceVersion"] = present["metadata"]["resourceVersion"]
        if content == present:  # the API server writes nothing then
            return _copy_in_version(kind, present)
        return self._save("MODIFIED", kind, name, content)

    def merge_patch(self, kind: Kind, name: str, patch: Object) -> Object:
        """Merge a patch into an object (RFC 7386); raises as :meth:`update`."""
        return self.update(kind, name, merged(self._objects[kind, name], patch))

    def delete(self, kind: Kind, name: str) -> None:
        """Remove an object; raises KeyError."""
        content = self._objects.pop((kind, name))
        self._append("DELETED", kind, content)

    def forget_changes(self) -> None:
        """Compact the log, as etcd does: a watch from before now gets 410."""
        self._log.clear()
        self.oldest = self.version

    def since(self, version: int, kind: Kind, selector: str) -> Iterator[Logged]:
        """Yield the changes after a resourceVersion."""
        for change in self._log:
            of_kind = change.version > version and change.kind == kind
            if of_kind and matches(change.content, selector):
                yield replace(change, content=_in_version(kind, change.content))

    def _save(self, type_: str, kind: Kind, name: str, content: Object) -> Object:
        self._objects[kind, name] = content
        self._append(type_, kind, content)
        return _copy_in_version(kind, content)

    def _append(self, type_: str, kind: Kind, content: Object) -> None:
        self.version += 1
        content["metadata"]["resourceVersion"] = str(self.version)
        self._log.append(Logged(self.version, type_, kind, copy.deepcopy(content)))
        for observer in self._observers:
            observer()


def _copy_in_version(kind: Kind, content: Object) -> Object:
    return copy.deepcopy(_in_version(kind, content))


def _in_version(kind: Kind, content: Object) -> Object:
    return {**content, "apiVersion": kind.api_version}


def matches(content: Object, selector: str) -> bool:
    """Whether a field selector matches; `metadata.name=NAME` alone is known."""
    return not selector or content["metadata"]["name"] == selector.removeprefix(NAME)


def merged(target: Any, patch: Any) -> Any:
    """Return a JSON value with a merge patch applied. Source: RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
