"""The kubeconfig that the demo writes is one that a gateway reads, and its owner alone."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from gateway.adapters.kubernetes.kubeconfig import read_kubeconfig
from gateway.demo.kubernetes.cluster import NAMESPACE, new_token, write_kubeconfig

if TYPE_CHECKING:
    from pathlib import Path


def test_a_gateway_reads_what_is_written(tmp_path: Path) -> None:
    path, token = tmp_path / "kubeconfig", new_token()
    write_kubeconfig(path, "http://127.0.0.1:18105", token)
    access = read_kubeconfig(str(path))
    assert (access.server, access.namespace) == ("http://127.0.0.1:18105", NAMESPACE)
    assert access.token is not None
    assert access.token.read() == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_two_tokens_are_alike() -> None:
    assert new_token() != new_token()
