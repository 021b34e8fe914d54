"""What a call to the Kubernetes API is about: a kind of object in a namespace, and a verb."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]
"""One object of the API, as JSON has it."""


class Verb(StrEnum):
    """The verbs as RBAC rules have them."""

    GET = "get"
    LIST = "list"
    WATCH = "watch"
    CREATE = "create"
    PATCH = "patch"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Resource:
    """Objects of one kind in one namespace; `name` None: all of them. The core group is empty.

    Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
    """

    group: str
    version: str
    plural: str
    namespace: str
    name: str | None = None

    def named(self, name: str) -> Resource:
        """Return the one object of this name."""
        return replace(self, name=name)

    @property
    def collection(self) -> str:
        """The path of the list."""
        root = f"/apis/{self.group}" if self.group else "/api"
        return f"{root}/{self.version}/namespaces/{quote(self.namespace, safe='')}/{self.plural}"

    @property
    def path(self) -> str:
        """The path of the object, or of the list where there is no name."""
        return self.collection if self.name is None else f"{self.collection}/{quote(self.name)}"

    @property
    def selector(self) -> dict[str, str]:
        """The query of a list or watch; RBAC rules with `resourceNames` ask for it."""
        return {} if self.name is None else {"fieldSelector": f"metadata.name={self.name}"}

    def __str__(self) -> str:
        kind = f"{self.plural}.{self.group}" if self.group else self.plural
        return f"{kind} {self.namespace}/{self.name or '*'}"


def config_maps(namespace: str) -> Resource:
    """Return the ConfigMaps of a namespace."""
    return Resource("", "v1", "configmaps", namespace)


def leases(namespace: str) -> Resource:
    """Return the Leases of a namespace."""
    return Resource("coordination.k8s.io", "v1", "leases", namespace)


def name_of(found: Object) -> str:
    """Return an object's name; raises KeyError or TypeError where it has none."""
    return _text(found, "name")


def version_of(found: Object) -> str:
    """Return the resourceVersion of an object or list, which can be compared for equality only.

    Raises KeyError or TypeError where it has none.
    """
    return _text(found, "resourceVersion")


def _text(found: Object, key: str) -> str:
    text = found["metadata"][key]
    if not isinstance(text, str):
        raise TypeError(f"metadata.{key} is no text")
    return text
