"""The chain's Deployments as processes on this machine, as the chart renders them.

Each gets the arguments and the credentials of its pod; only addresses are led elsewhere: where it
listens, and where it finds the host that it calls, which is a port of Envoy in place of a name in
DNS. Without a mesh it is the one service of that name.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import pytest
import yaml

from gateway.demo.mesh.envoy import OPTIONS, Call, bootstrap, explain_missing_envoy, find_envoy
from gateway.demo.mesh.objects import Target, read_mesh
from tests.chart.chain import (
    SERVICES,
    arguments,
    environment,
    gateway_deployment,
    named,
    option,
    routes,
    routing_text,
)
from tests.integration.children import LOOPBACK, Child, aws_environment, free_port
from tests.integration.gateway_process import GatewayProcess
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.chart.rendering import Object

CREDENTIALS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
RUN: Final = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"


class ChainProcesses:
    """A, B, B1, C, C1, D and the gateway. Use as a context manager; `in_mesh` adds an Envoy."""

    def __init__(
        self, objects: list[Object], folder: Path, endpoint: str, *, meshed: bool = True
    ) -> None:
        self.objects = objects
        self._meshed = meshed
        self._deployments = named(objects, "Deployment")
        self._gateway_name = gateway_deployment(objects)["metadata"]["name"]
        self._folder, self._endpoint = folder, endpoint
        self.ports = {name: free_port() for name in SERVICES}
        self.calls = {call: free_port() for call in self._all_calls()}
        self.client = httpx.Client(trust_env=False, verify=False, timeout=30)
        self._stack = ExitStack()
        self._children: dict[str, Child] = {}
        self.gateway: GatewayProcess

    def __enter__(self) -> Self:
        self._stack.enter_context(self.client)
        for name in SERVICES:
            self._start(name, self._environment(name))
        self.gateway = GatewayProcess(self._place("gateway"), self.routing(), self._endpoint)
        self._stack.enter_context(self.gateway)
        for name in SERVICES:
            self._wait_until_healthy(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def url(self, name: str, path: str) -> str:
        """Return the URL of a service itself, past any sidecar."""
        return f"http://{LOOPBACK}:{self.ports[name]}{path}"

    def sidecar_url(self, caller: str, host: str) -> str:
        """Return where a workload finds a host; `gateway` stands for the gateway's Deployment."""
        name = self._gateway_name if caller == "gateway" else caller
        return f"http://{LOOPBACK}:{self.calls[Call(name, host)]}/events"

    def sightings(self, first: int = 0) -> list[dict[str, Any]]:
        """Return what D has seen, from its `first` sighting on."""
        answer = self.client.get(self.url("d", "/paths"), params={"from": first})
        seen: list[dict[str, Any]] = answer.raise_for_status().json()
        return seen

    def routing(self, *, in_mesh: bool = False, **changes: Any) -> dict[str, Any]:
        """Return the rendered routing file, its hosts led to sidecar or pods; changes win."""
        routing: dict[str, Any] = yaml.safe_load(routing_text(self.objects))
        for route in routing["routes"]:
            for version in route["versions"].values():
                if "url" in version:
                    host = httpx.URL(version["url"]).host
                    version["url"] = (
                        self.sidecar_url("gateway", host) if in_mesh else self._pods_url(host)
                    )
            route.update(wait="1s", **changes)
        return routing

    def reload(self, routing: Mapping[str, Any]) -> None:
        """Let the gateway take a routing file."""
        self.gateway.write(routing)
        assert self.gateway.reload().status_code == 200, self.gateway.tail()

    def restart(self, name: str, **environment: str) -> None:
        """End a service, and start it anew with other values in its environment."""
        self._children[name].kill()
        self._start(name, {**self._environment(name), **environment})
        self._wait_until_healthy(name)

    @contextmanager
    def in_mesh(self, objects: list[Object], **elsewhere: int) -> Iterator[str]:
        """Run Envoy by these objects; yields the URL of its admin port.

        `elsewhere` has the ports of services that Envoy shall look for at another place.
        """
        envoy = find_envoy()
        if envoy is None:
            pytest.skip(explain_missing_envoy())
        admin = free_port()
        place = self._place(f"envoy-{admin}")
        mesh = read_mesh(objects)
        calls = {call: port for call, port in self.calls.items() if call.caller in mesh.pods}
        config = bootstrap(mesh, calls, self.ports | elsewhere, admin)
        (place / "envoy.json").write_text(json.dumps(config), "utf-8")
        command = [str(envoy), "--config-path", str(place / "envoy.json"), *OPTIONS]
        with Child(["-c", RUN, *command], place, {}) as child:
            url = f"http://{LOOPBACK}:{admin}"
            until(lambda: self._answers(f"{url}/ready") or not child.running, "Envoy")
            assert child.running, child.tail()
            yield url

    def _all_calls(self) -> Iterator[Call]:
        for name in SERVICES:
            if url := option(self._deployments[name], "next"):
                yield Call(name, httpx.URL(url).host)
        for route in routes(self.objects).values():
            for version in route.versions:
                if version.url:
                    yield Call(self._gateway_name, httpx.URL(version.url).host)

    def _command(self, name: str) -> list[str]:
        deployment = self._deployments[name]
        given = dict(one.removeprefix("--").split("=", 1) for one in arguments(deployment))
        given |= {"host": LOOPBACK, "port": str(self.ports[name])}
        if url := given.get("next"):
            host = httpx.URL(url).host
            given["next"] = self.sidecar_url(name, host) if self._meshed else self._pods_url(host)
        if "poll" in given:
            given["wait"] = "1"
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        _python, *command = container["command"]
        return [*command, *(f"--{option}={value}" for option, value in given.items())]

    def _environment(self, name: str) -> dict[str, str]:
        given = environment(self.objects, name)
        keys = {key: given[key] for key in CREDENTIALS if key in given}
        return {**aws_environment(self._endpoint), **keys}

    def _pods_url(self, host: str) -> str:
        """Return where the only pods of a host are: kube-proxy's work."""
        (pods,) = read_mesh(self.objects).endpoints(Target(host))
        return self.url(pods, "/events")

    def _start(self, name: str, environment: Mapping[str, str]) -> None:
        child = Child(self._command(name), self._place(name), environment)
        self._children[name] = self._stack.enter_context(child)

    def _wait_until_healthy(self, name: str) -> None:
        until(lambda: self._answers(self.url(name, "/healthz")), f"{name} to be healthy")

    def _place(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(exist_ok=True)  # of one that is started anew it is there
        return folder

    def _answers(self, url: str) -> bool:
        try:
            return self.client.get(url).is_success
        except httpx.TransportError:
            return False
