"""A gateway at work that follows an object of an API server: what `status` says, and a person."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx
import pytest
import yaml

from tests.chart.follow_pages import ARGO, FLAGGER, only, shown
from tests.chart.rendering import ROOT
from tests.chart.test_how_to_pages import blocks
from tests.controllers_write import argo_weights, flagger_route
from tests.integration.children import LOOPBACK, Child, free_port, run_gateway
from tests.integration.gateway_process import OK, GatewayProcess
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controllers_write import Spec
    from tests.integration.emulator import EmulatedSqs

TOKEN: Final = "token-1"
KINDS: Final = {
    FLAGGER: ("gateway.networking.k8s.io", "httproutes"),
    ARGO: ("networking.istio.io", "virtualservices"),
}


class Cluster:
    """An API server with one followed object, `shop/b`."""

    def __init__(self, port: int, group: str, plural: str) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self._client = httpx.Client(
            base_url=self.url,
            trust_env=False,
            verify=False,
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        self._path = f"/apis/{group}/v1/namespaces/shop/{plural}"

    def ready(self) -> bool:
        try:
            return self._client.get("/readyz").status_code == OK
        except httpx.TransportError:
            return False

    def write(self, spec: Spec) -> None:
        """Make the object, or replace its spec whole."""
        found = self._client.get(f"{self._path}/b")
        if found.status_code == OK:
            changed = {**found.json(), "spec": spec}
            self._client.put(f"{self._path}/b", json=changed).raise_for_status()
        else:
            made = {"metadata": {"name": "b", "namespace": "shop"}, "spec": spec}
            self._client.post(self._path, json=made).raise_for_status()

    def delete(self) -> None:
        self._client.delete(f"{self._path}/b").raise_for_status()

    def kubeconfig(self, folder: Path) -> Path:
        """Write one for a client that is in the namespace `shop`."""
        context = {"cluster": "c", "user": "u", "namespace": "shop"}
        content = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": context}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
        }
        file = folder / "kubeconfig"
        file.write_text(json.dumps(content))
        return file

    def close(self) -> None:
        self._client.close()


class AtWork(NamedTuple):
    """The gateway of a page's routing file, over the emulator and a cluster."""

    page: str
    gateway: GatewayProcess
    cluster: Cluster

    def run(self, *words: str) -> str:
        done = run_gateway(*words, GATEWAY_ADMIN_PORT=str(self.gateway.port))
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def write(self, weight: int) -> None:
        """Write the object with this weight of the canary, as the page's controller does."""
        if self.page == FLAGGER:
            self.cluster.write(flagger_route(100 - weight, weight))
        else:
            self.cluster.write(argo_weights(only(self.page, "VirtualService")["spec"], weight))

    def wait_for(self, weight: int) -> None:
        def has_it() -> bool:
            rollout = self.gateway.get("/api/routes/orders/rollout")
            # Without an object there is no split, and no weights.
            return bool(rollout["weights"].get("canary", 0) == weight)

        until(has_it, f"the canary's weight to be {weight}")

    @property
    def found(self) -> bool:
        """Whether the route has an object."""
        (route,) = self.gateway.get("/api/routes")["routes"]
        return bool(route["follow"]["found"])


@pytest.fixture(params=KINDS)
def at_work(
    request: pytest.FixtureRequest, emulator: EmulatedSqs, tmp_path: Path
) -> Iterator[AtWork]:
    page, port = request.param, free_port()
    folders = [tmp_path / name for name in ("kubernetes", "gateway")]
    for folder in folders:
        folder.mkdir()
    text = shown(page, "routes.yaml").replace("{on:", '{"on":')  # a bare one is true to PyYAML
    (route,) = yaml.safe_load(text)["routes"]
    routing = {"routes": [{**route, "queue": emulator.create("followed").name, "wait": "1s"}]}
    command = ["-m", "gateway.demo.kubernetes", "--port", str(port)]
    cluster = Cluster(port, *KINDS[page])
    with Child(command, folders[0], {"TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}):
        until(cluster.ready, "the API server")
        settings = {"KUBECONFIG": str(cluster.kubeconfig(tmp_path))}
        with GatewayProcess(
            folders[1], routing, emulator.endpoint, environment=settings
        ) as gateway:
            yield AtWork(page, gateway, cluster)
    cluster.close()


def test_status_shows_the_weight_of_the_object_as_the_page_has_it(at_work: AtWork) -> None:
    at_work.write(30)
    at_work.wait_for(30)
    (table,) = blocks(at_work.page, "text")
    assert at_work.run("status") == table


def test_a_weight_by_hand_stands_over_the_object_until_it_is_taken_back(at_work: AtWork) -> None:
    """With the commands of the page, and while the controller goes on."""
    in_pod = re.findall(r"gateway -- gateway (weight .*)$", _hurry(at_work.page), re.MULTILINE)
    stop, take_back = (each.split() for each in in_pod)
    at_work.write(30)
    at_work.wait_for(30)
    assert at_work.run(*stop).startswith("orders: canary 0 %, stable 100 %, set by hand")
    at_work.write(50)
    assert "weights set by hand" in at_work.run("status")
    at_work.wait_for(0)
    at_work.run(*take_back)
    at_work.wait_for(50)


def test_an_object_that_is_deleted_leaves_all_to_stable(at_work: AtWork) -> None:
    assert not at_work.found
    at_work.write(30)
    at_work.wait_for(30)
    at_work.cluster.delete()
    at_work.wait_for(0)
    until(lambda: not at_work.found, "the object to be gone")


def _hurry(page: str) -> str:
    (block,) = (each for each in blocks(page, "sh") if "weight orders" in each)
    return block
