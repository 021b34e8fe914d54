"""The pod that the chart renders, run as a process: its command, environment, file and probes."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import pytest

from tests.chart.rendering import GATEWAY_CHART, render
from tests.integration.children import LOOPBACK, Child, free_port
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.services import Service

MOUNTED: Final = "/etc/gateway"
QUEUE: Final = "rendered"


def values(sqs: EmulatedSqs, services: Mapping[str, Service], weight: int, port: int) -> Any:
    """Return what a user writes who has an emulator in place of AWS."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    route = {
        "name": "orders",
        "queue": QUEUE,
        "wait": "1s",
        "versions": {
            "stable": {"url": services["stable"].url, "tag": "v1"},
            "canary": {"url": services["canary"].url, "tag": "v2"},
        },
        "split": {"stable": 100 - weight, "canary": weight},
    }
    return {
        "routes": [route],
        "settings": {"drainSeconds": 2},
        "state": "memory",  # there is no Kubernetes API
        "admin": {"host": LOOPBACK, "port": port},
        "aws": {"region": "eu-west-1", "endpointUrl": sqs.endpoint},
        "extraEnv": [{"name": name, "value": value} for name, value in keys.items()],
    }


class Release:
    """What helm renders of values, and where the kubelet would put its ConfigMap."""

    def __init__(self, folder: Path) -> None:
        self.mount, self._values = folder / "mount", folder / "values.json"
        folder.mkdir()
        self._generation = 0
        self.objects: dict[str, Any] = {}

    def upgrade(self, given: Any) -> Self:
        """Render, and write the files as the kubelet does: a folder behind a swapped symlink."""
        self._values.write_text(json.dumps(given))
        found = render(GATEWAY_CHART, self._values)
        self.objects = {each["kind"]: each for each in found if each["kind"] != "Pod"}
        self._generation += 1
        files = self.mount / f"..{self._generation}"
        files.mkdir(parents=True)
        for name, text in self.objects["ConfigMap"]["data"].items():
            (files / name).write_text(text)
            if not (self.mount / name).exists():
                (self.mount / name).symlink_to(f"..data/{name}")
        (self.mount / "..next").symlink_to(files.name)
        (self.mount / "..next").rename(self.mount / "..data")
        return self

    @property
    def pod(self) -> dict[str, Any]:
        """Return the pod's spec."""
        return dict(self.objects["Deployment"]["spec"]["template"]["spec"])

    def started(self, folder: Path) -> Child:
        """Return the container as a process, its mount in the folder's place."""
        (container,) = self.pod["containers"]
        program, *words = [*container["command"], *container["args"]]
        (mount,) = (each for each in container["volumeMounts"] if each["mountPath"] == MOUNTED)
        assert (program, "subPath" in mount) == ("python", False)
        words = [word.replace(MOUNTED, str(self.mount)) for word in words]
        return Child(words, folder, {one["name"]: one["value"] for one in container["env"]})

    def probe(self, kind: str) -> int:
        """Return the status that the kubelet's probe would get; 0 while nobody listens."""
        (container,) = self.pod["containers"]
        asked = container[f"{kind}Probe"]["httpGet"]
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        url = f"http://{LOOPBACK}:{ports[asked['port']]}{asked['path']}"
        try:
            return httpx.get(url, trust_env=False, verify=False).status_code
        except httpx.TransportError:
            return 0


@pytest.fixture
def services(new_service: NewService) -> dict[str, Service]:
    return {name: new_service(name) for name in ("stable", "canary")}


def test_the_rendered_pod_gets_ready_delivers_takes_new_weights_and_stops_in_time(
    emulator: EmulatedSqs, services: dict[str, Service], tmp_path: Path
) -> None:
    """Without a cluster: what a kubelet would do with the objects, step by step."""
    queue, port = emulator.create(QUEUE), free_port()
    release = Release(tmp_path / "release").upgrade(values(emulator, services, 0, port))
    work = tmp_path / "work"
    work.mkdir()
    with release.started(work) as gateway:
        until(lambda: release.probe("startup") == 200, "the startup probe to pass")
        until(lambda: release.probe("readiness") == 200, "the readiness probe to pass")
        assert release.probe("liveness") == 200
        queue.send_all([Draft("before")])
        (request,) = services["stable"].wait_for(1, "before")
        assert request["version"] == "v1"
        release.upgrade(values(emulator, services, 100, port))
        until(lambda: '"generation": 2' in gateway.logged(), "the new weights to be in force")
        queue.send_all([Draft("after")])
        (request,) = services["canary"].wait_for(1, "after")
        assert request["version"] == "v2"
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 0
    assert {each.name for each in work.iterdir()} == {"stdout", "stderr"}  # it is read-only there
    assert release.pod["terminationGracePeriodSeconds"] == 12
    assert emulator.ledger(QUEUE)["deleted"] == 2


def test_a_weight_alone_changes_nothing_but_the_file(
    emulator: EmulatedSqs, services: dict[str, Service], tmp_path: Path
) -> None:
    """So no pod restarts: there is no checksum of the file in the pod."""
    before = Release(tmp_path / "a").upgrade(values(emulator, services, 0, 8080))
    after = Release(tmp_path / "b").upgrade(values(emulator, services, 50, 8080))
    changed = {kind for kind in before.objects if before.objects[kind] != after.objects[kind]}
    assert changed == {"ConfigMap"}
