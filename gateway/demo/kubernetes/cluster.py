"""The API server as a process of the demo, and the kubeconfig by which a gateway reaches it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import yaml

if TYPE_CHECKING:
    from pathlib import Path

COMMAND: Final = ("-m", "gateway.demo.kubernetes")
NAMESPACE: Final = "demo"
NAME: Final = "demo"


def new_token() -> str:
    """Return a token that nothing else has."""
    return secrets.token_urlsafe(24)


def write_kubeconfig(path: Path, server: str, token: str) -> None:
    """Write a kubeconfig with one context, for its owner alone.

    Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [{"name": NAME, "cluster": {"server": server}}],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [
            {
                "name": NAME,
                "context": {"cluster": NAME, "user": NAME, "namespace": NAMESPACE},
            }
        ],
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
