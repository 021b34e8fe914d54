"""The API server of `gateway.demo.kubernetes` as a process, and a client that writes objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from gateway.demo.kubernetes.cluster import COMMAND, NAMESPACE, new_token, write_kubeconfig
from tests.integration.children import LOOPBACK, Child, free_port
from tests.integration.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

VIRTUAL_SERVICES: Final = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices"


class KubeProcess(Child):
    """An API server on a free port; a gateway finds it by :attr:`environment`, also before it runs.

    Entering waits until it responds.
    """

    def __init__(self, folder: Path) -> None:
        port, token = free_port(), new_token()
        folder.mkdir()
        url = f"http://{LOOPBACK}:{port}"
        kubeconfig = folder / "kubeconfig"
        write_kubeconfig(kubeconfig, url, token)
        self.environment = {"KUBECONFIG": str(kubeconfig)}
        bearer = {"Authorization": f"Bearer {token}"}
        self.client = httpx.Client(base_url=url, headers=bearer, trust_env=False, verify=False)
        super().__init__([*COMMAND, "--port", str(port)], folder, {"TOKEN": token})

    def __enter__(self) -> Self:
        super().__enter__()
        until(self._is_ready, "the API server")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        super().__exit__()

    def _is_ready(self) -> bool:
        try:
            return self.client.get("/readyz").is_success
        except httpx.TransportError:
            return False

    def create(self, path: str, content: dict[str, Any]) -> None:
        """Add an object."""
        self.client.post(path, json=content).raise_for_status()

    def patch(self, path: str, content: dict[str, Any]) -> None:
        """Merge a patch into an object."""
        type_ = {"Content-Type": "application/merge-patch+json"}
        self.client.patch(path, json=content, headers=type_).raise_for_status()


def weighted(canary: int) -> dict[str, Any]:
    """Make the spec of a VirtualService for host `b` that gives its subset `canary` this weight."""
    to = {"stable": 100 - canary, "canary": canary}
    route = [
        {"destination": {"host": "b", "subset": subset}, "weight": weight}
        for subset, weight in to.items()
    ]
    return {"hosts": ["b"], "http": [{"route": route}]}
