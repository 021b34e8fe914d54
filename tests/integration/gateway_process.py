"""The process under test: `python -m gateway --config routes.yaml`."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.children import LOOPBACK, Child, aws_environment, free_port
from tests.integration.waiting import NeverHappened, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OK: Final = 200


class GatewayProcess(Child):
    """The gateway with a routing file of its own. Use as a context manager.

    Entering waits until /readyz answers 200, unless `waits` is false; leaving ends it whatever it
    does.
    """

    def __init__(
        self,
        folder: Path,
        routing: Mapping[str, Any],
        endpoint: str,
        *,
        waits: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.file = folder / "routes.yaml"
        self.write(routing)
        self.port = free_port()
        self.waits = waits
        settings = {"GATEWAY_ADMIN_HOST": LOOPBACK, "GATEWAY_ADMIN_PORT": str(self.port)}
        super().__init__(
            ["-m", "gateway", "--config", str(self.file)],
            folder,
            {**aws_environment(endpoint), **settings, **(environment or {})},
        )
        # It is plain HTTP, so no certificates are read: they cost 40 ms for each client.
        self.client = httpx.Client(
            base_url=f"http://{LOOPBACK}:{self.port}", trust_env=False, verify=False
        )

    def __enter__(self) -> Self:
        super().__enter__()
        if self.waits:
            try:
                self.wait_until_ready()
            except BaseException:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        super().__exit__()

    def write(self, routing: Mapping[str, Any]) -> None:
        """Write the routing file."""
        self.file.write_text(yaml.safe_dump(dict(routing), sort_keys=False), "utf-8")

    def wait_until_ready(self) -> None:
        """Wait for /readyz to answer 200; raises NeverHappened if the process ends first."""
        until(lambda: self.readyz().status_code == OK, f"readiness of {self.file}")

    def wait_until_unready(self, *words: str) -> str:
        """Wait for /readyz to answer 503 with all these words; return what it says."""

        def told() -> str:
            answer = self.readyz()
            fits = answer.status_code == 503 and all(word in answer.text for word in words)
            return answer.text if fits else ""

        return until(told, f"/readyz to say {words}")

    def readyz(self) -> httpx.Response:
        """Ask /readyz; 0 stands for nobody listening yet."""
        if not self.running:
            raise NeverHappened(f"the gateway ended: {self.exit_status()}\n{self.tail()}")
        try:
            return self.client.get("/readyz")
        except httpx.TransportError as error:
            return httpx.Response(0, text=str(error))

    def get(self, path: str) -> Any:
        """Return the JSON at a path of the admin port."""
        answer = self.client.get(path)
        assert answer.status_code == OK, answer.text
        return answer.json()

    def reload(self) -> httpx.Response:
        """Re-read the routing file now."""
        return self.client.post("/-/reload")

    def metric(self, name: str, **labels: str) -> float:
        """Return the value of a metric's one sample with these labels."""
        found = self.metrics(name, *labels)
        return found[tuple(labels.values())]

    def metrics(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Return the samples of a metric by the values of these labels."""
        found = {
            tuple(sample.labels[label] for label in labels): sample.value
            for family in text_string_to_metric_families(self.client.get("/metrics").text)
            for sample in family.samples
            if sample.name == name
        }
        assert found, f"there is no metric {name}"
        return found

    def stop(self) -> int:
        """Soft stop; return the exit status."""
        self.signal(signal.SIGTERM)
        return self.exit_status()


def two_versions(stable: str, canary: str, **more: Any) -> dict[str, Any]:
    """Return a route's `versions` of two URLs; their tags are v1 and v2."""
    return {
        "versions": {
            "stable": {"url": stable, "tag": "v1", **more},
            "canary": {"url": canary, "tag": "v2", **more},
        }
    }
