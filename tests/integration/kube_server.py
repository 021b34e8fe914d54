"""An API server with a token and an authority of its own, which a test stops and starts again."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self, TypeVar

import trustme
import yaml

from gateway.demo.kubernetes.app import KubeApi
from gateway.demo.kubernetes.objects import Kind
from tests.integration.children import LOOPBACK, free_port
from tools.kube_api.running import NAMESPACE, Served, served, write_account

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.demo.kubernetes.objects import Object
    from tests.integration.loop_thread import LoopThread

T = TypeVar("T")

SERVICES = Kind("networking.istio.io", "v1", "virtualservices", NAMESPACE)
NAME = "b"


class KubeServer:
    """Use as a context manager. All that touches the API is done in its loop."""

    def __init__(self, thread: LoopThread, folder: Path) -> None:
        self.api = KubeApi()
        self.port = free_port()
        self._thread, self._folder = thread, folder
        self._authority = trustme.CA()
        self._running: AsyncExitStack | None = None
        self._served: Served | None = None
        self._write_kubeconfig()
        write_account(folder, self._authority, "token-1")  # a gateway may be started first

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What the gateway finds it by."""
        return {"KUBECONFIG": str(self._folder / "kubeconfig")}

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._running = AsyncExitStack()
        serving = served(self._folder, self.api, self._authority, self.port)
        self._served = self._thread.run(self._running.enter_async_context(serving))

    def stop(self) -> None:
        """Break all connections and listen no more; the objects stay."""
        if self._running is not None:
            self._thread.run(self._running.aclose())
            self._running = None

    def do(self, act: Callable[[KubeApi], T]) -> T:
        """Do something in the loop of the API."""

        async def done() -> T:
            return act(self.api)

        return self._thread.run(done())

    def write(self, spec: dict[str, Any]) -> None:
        """Replace the spec of the followed object, or create it."""

        def act(api: KubeApi) -> Object:
            present = api.objects.get(SERVICES, NAME)
            if present is None:
                return api.objects.create(SERVICES, {"metadata": {"name": NAME}, "spec": spec})
            return api.objects.update(SERVICES, NAME, {**present, "spec": spec})

        self.do(act)

    def write_token(self, token: str) -> None:
        """Replace the gateway's token, as a kubelet does."""
        assert self._served is not None
        self._served.write_token(token)

    def count(self, verb: str) -> int:
        """Return how many requests with a verb there were."""
        return self.do(lambda api: api.requests.count(verb))

    def _write_kubeconfig(self) -> None:
        cluster = {
            "server": f"https://{LOOPBACK}:{self.port}",
            "certificate-authority": str(self._folder / "ca.crt"),
        }
        content = {
            "current-context": "c",
            "contexts": [
                {"name": "c", "context": {"cluster": "k", "user": "u", "namespace": NAMESPACE}}
            ],
            "clusters": [{"name": "k", "cluster": cluster}],
            "users": [{"name": "u", "user": {"tokenFile": str(self._folder / "token")}}],
        }
        (self._folder / "kubeconfig").write_text(yaml.safe_dump(content), "utf-8")
