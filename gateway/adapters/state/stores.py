"""Makes the store that the setting GATEWAY_STATE names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gateway.adapters.kubernetes.client import KubernetesClient
from gateway.adapters.kubernetes.errors import KubernetesError
from gateway.adapters.kubernetes.kubeconfig import find_access
from gateway.adapters.state.file import FileStore
from gateway.adapters.state.kubernetes import KubernetesStore
from gateway.adapters.state.memory import MemoryStore
from gateway.state_port import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.state_port import StateStore


def make_store(place: str, environment: Mapping[str, str]) -> StateStore:
    """Return the store of `memory`, `file:PATH` or `kubernetes:NAME`, not yet open.

    Raises StateError where there is no Kubernetes API to be found.
    """
    kind, _, where = place.partition(":")
    if kind == "memory":
        return MemoryStore()
    if kind == "file":
        return FileStore(Path(where))
    try:
        access = find_access(environment)
    except KubernetesError as error:
        raise StateError(f"is {place}, but {error}") from error
    return KubernetesStore(KubernetesClient(access), where)
