"""The setting GATEWAY_STATE names a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.adapters.state.file import FileStore
from gateway.adapters.state.kubernetes import KubernetesStore
from gateway.adapters.state.memory import MemoryStore
from gateway.adapters.state.stores import make_store
from gateway.state_port import StateError

if TYPE_CHECKING:
    from pathlib import Path

KUBECONFIG = """
current-context: here
contexts: [{name: here, context: {cluster: c, namespace: shop}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
"""


def test_each_place_has_its_store(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    environment = {"KUBECONFIG": str(tmp_path / "config")}
    assert type(make_store("memory", {})) is MemoryStore
    assert type(make_store(f"file:{tmp_path}/a:b", {})) is FileStore
    assert type(make_store("kubernetes:state", environment)) is KubernetesStore


def test_without_a_cluster_the_setting_is_named() -> None:
    with pytest.raises(StateError, match=r"is kubernetes:state, but there is no Kubernetes"):
        make_store("kubernetes:state", {})


async def test_an_api_that_is_not_there_is_an_error_of_the_state(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(KUBECONFIG)
    store = make_store("kubernetes:state", {"KUBECONFIG": str(tmp_path / "config")})
    with pytest.raises(StateError, match="configmaps shop/state is out of reach"):
        await store.open()
    assert store.silent_seconds() > 60
    assert not store.may_promote()
    assert store.state.of("orders") is None
