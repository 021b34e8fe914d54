"""Routes that follow objects of an API server over HTTPS: what is in force, and when."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.kubernetes import client
from gateway.adapters.kubernetes.objects import KubernetesObjects
from gateway.config.loader import load
from gateway.core.routing.decider import decider_of
from gateway.core.routing.decision import Reason
from gateway.core.routing.mesh.events import FollowChanged
from gateway.demo.kubernetes import objects as store
from gateway.demo.kubernetes.objects import Kind
from gateway.demo.kubernetes.script import rule
from gateway.runtime.following.follower import Follower
from gateway.runtime.routes import RouteSet
from gateway.runtime.running_route import RunningRoute
from tests.builders import message
from tests.fakes.bell import Bell
from tests.fakes.observer import FakeObserver
from tests.fakes.source import InMemorySource
from tests.fakes.target import FakeTarget
from tools.kube_api.running import NAMESPACE, Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.core.routing.decision import Decision
    from gateway.core.routing.route import Route

SERVICES = Kind("networking.istio.io", "v1", "virtualservices", NAMESPACE)
ROUTES = Kind("gateway.networking.k8s.io", "v1", "httproutes", NAMESPACE)
PATIENCE = 20.0


def virtual_service(canary: int, name: str = "b", **spec: Any) -> dict[str, Any]:
    route = [
        {"destination": {"host": "b-primary"}, "weight": 100 - canary},
        {"destination": {"host": "b-canary"}, "weight": canary},
    ]
    content = {"hosts": ["b"], "http": [{"route": route}], **spec}
    return {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": content}


def file(follow: str = "virtualService: b", *, names: tuple[str, ...] = ("orders",)) -> str:
    return "routes:\n" + "".join(
        f"- name: {name}\n  queue: {name}\n  follow: {{{follow}}}\n  versions:\n"
        "    stable: http://b-primary.shop:8080/events\n"
        "    canary: http://b-canary.shop:8080/events\n"
        for name in names
    )


class World:
    """Routes at work over queues in memory, following objects of an API server."""

    def __init__(self, server: Served, environment: dict[str, str]) -> None:
        self.server = server
        self.objects = server.api.objects
        self.bell = Bell()
        self.observer = FakeObserver(self.bell)
        self.routes = RouteSet(self._running, lambda route: self.follower.waits(route))  # noqa: PLW0108 - made below
        self.follower = Follower(
            KubernetesObjects(environment),
            self.routes,
            self.observer,
            clock=time.monotonic,
            wall=time.time,
        )

    def _running(self, route: Route) -> RunningRoute:
        target = FakeTarget(self.bell)
        return RunningRoute(
            route,
            InMemorySource(route.queue.name, bell=self.bell),
            lambda _: target,
            self.observer,
            wall=time.time,
            random=lambda: 0.5,
            weigh=self.follower.weigh,
        )

    def swap(self, text: str) -> None:
        self.routes.swap(load(text.encode(), "routes.yaml"))

    def decides(self, route: int = 0, **fields: Any) -> Decision:
        return decider_of(self.routes.in_force()[route].route).decide(message(**fields))

    def canary(self, route: int = 0) -> int:
        """The canary's weight in force."""
        return self.routes.in_force()[route].route.split_weights()["canary"]

    async def until(self, holds: Callable[[], object]) -> float:
        """Wait until it holds; return the seconds that it took."""
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110 - what is waited for is in many places
                await asyncio.sleep(0.005)
        return time.monotonic() - began


@pytest.fixture
def account(tmp_path: Path) -> Path:
    return tmp_path


@asynccontextmanager
async def world(folder: Path, text: str | None = None) -> AsyncIterator[World]:
    async with served(folder) as server:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(
            f"current-context: c\ncontexts: [{{name: c, context: {{cluster: k, user: u, "
            f"namespace: {NAMESPACE}}}}}]\nclusters: [{{name: k, cluster: {{server: "
            f"'https://127.0.0.1:{server.port}', certificate-authority: {folder}/ca.crt}}}}]\n"
            f"users: [{{name: u, user: {{tokenFile: {folder}/token}}}}]\n"
        )
        made = World(server, {"KUBECONFIG": str(kubeconfig)})
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(made.follower.run())
            made.routes.begin(tasks)
            if text is not None:
                made.swap(text)
            try:
                yield made
            finally:
                made.routes.halt()
                following.cancel()


async def test_a_route_waits_for_its_object_and_then_obeys_it(account: Path) -> None:
    async with world(account) as made:
        made.server.api.script.lists_open.clear()
        made.objects.create(SERVICES, virtual_service(10))
        made.swap(file())
        await made.until(lambda: made.server.api.requests.count("list"))
        assert "VirtualService shop/b has not been read yet" in made.routes.unready()[0]
        made.server.api.script.lists_open.set()
        await made.until(lambda: not made.routes.unready())
        assert made.canary() == 10
        assert made.decides().reason is Reason.SPLIT
        assert made.follower.views()[0].valid


async def test_each_write_is_in_force_within_two_seconds(account: Path) -> None:
    """Ten writes, also after each kind of end of the watch."""
    async with world(account, file()) as made:
        made.objects.create(SERVICES, virtual_service(0))
        await made.until(lambda: not made.routes.unready())
        api, slowest = made.server.api, 0.0
        ends: list[Callable[[], None]] = [
            lambda: None, api.cut_watches, lambda: api.cut_watches(cleanly=False),
            api.expire_watches, api.send_bookmarks,
        ]  # fmt: skip
        for weight in range(1, 11):
            ends[weight % len(ends)]()
            made.objects.update(SERVICES, "b", virtual_service(weight))
            slowest = max(slowest, await made.until(lambda at=weight: made.canary() == at))  # type: ignore[misc]
        assert slowest < 2


async def test_routes_share_one_watch_and_a_status_changes_nothing(account: Path) -> None:
    async with world(account, file(names=("orders", "more"))) as made:
        content = made.objects.create(SERVICES, virtual_service(10))
        await made.until(lambda: not made.routes.unready())
        assert made.server.api.watches == 1
        before = [each.route for each in made.routes.in_force()]
        made.objects.update(SERVICES, "b", {**content, "status": {"x": 1}})
        made.objects.create(SERVICES, virtual_service(1, name="other"))
        made.server.api.send_bookmarks()
        await asyncio.sleep(0.2)
        after = [each.route for each in made.routes.in_force()]
        assert all(one is other for one, other in zip(before, after, strict=True))


async def test_an_invalid_object_leaves_the_last_good_one_in_force(account: Path) -> None:
    async with world(account, file()) as made:
        made.objects.create(SERVICES, virtual_service(10))
        await made.until(lambda: not made.routes.unready())
        made.objects.update(SERVICES, "b", virtual_service(10, http=[{"route": "x"}]))
        await made.until(lambda: not made.follower.views()[0].valid)
        assert made.canary() == 10
        assert "spec.http[0].route: must be a list" in made.follower.views()[0].problem
        assert [each.valid for each in made.observer.of(FollowChanged)] == [True, False]
        made.objects.update(SERVICES, "b", virtual_service(20))
        await made.until(lambda: made.canary() == 20)
        assert made.follower.views()[0].valid


async def test_without_an_object_stable_gets_all_and_a_new_one_is_followed(account: Path) -> None:
    async with world(account, file()) as made:
        await made.until(lambda: not made.routes.unready())
        view = made.follower.views()[0]
        assert (view.found, view.valid, made.decides().reason) == (False, True, Reason.DEFAULT)
        made.objects.create(SERVICES, virtual_service(10))
        await made.until(lambda: made.canary() == 10)
        made.objects.delete(SERVICES, "b")
        await made.until(lambda: made.decides().reason is Reason.DEFAULT)
        made.objects.create(SERVICES, virtual_service(20))
        await made.until(lambda: made.canary() == 20)


async def test_with_the_api_away_the_last_good_object_stays_and_a_cold_start_waits(
    account: Path,
) -> None:
    async with world(account, file()) as made:
        made.server.api.script.failing = 503
        await made.until(lambda: "503" in made.routes.unready()[0])
        made.server.api.script.failing = 0
        made.objects.create(SERVICES, virtual_service(10))
        await made.until(lambda: not made.routes.unready())
        made.server.api.script.failing = 503
        made.server.api.cut_watches()
        await made.until(lambda: made.follower.views()[0].problem)
        assert (made.canary(), made.routes.unready()) == (10, [])
        made.server.api.script.failing = 0
        made.objects.update(SERVICES, "b", virtual_service(30))
        assert await made.until(lambda: made.canary() == 30) < 10


async def test_start_stable_does_not_wait(account: Path) -> None:
    async with world(account) as made:
        made.server.api.script.failing = 503
        made.swap(file("virtualService: b, start: stable"))
        await made.until(lambda: not made.routes.unready())
        assert made.decides().reason is Reason.DEFAULT
        assert not made.follower.views()[0].valid


async def test_a_refusal_names_the_missing_rule_and_a_new_token_is_taken(account: Path) -> None:
    async with world(account) as made:
        script = made.server.api.script
        script.rules = [rule("list watch", "httproutes", "b")]
        made.swap(file())
        await made.until(lambda: 'resources: ["virtualservices"]' in made.routes.unready()[0])
        script.rules = [rule("list watch", "virtualservices", "b")]
        made.objects.create(SERVICES, virtual_service(10))
        await made.until(lambda: not made.routes.unready())
        script.tokens = {"token-2"}
        made.server.write_token("token-2")
        made.server.api.cut_watches()
        made.objects.update(SERVICES, "b", virtual_service(20))
        assert await made.until(lambda: made.canary() == 20) < 2


async def test_a_missing_kind_is_named_and_found_once_it_is_there(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.kubernetes.objects.AGAIN_SECONDS", 0.05)
    async with world(account) as made:
        made.server.api.script.unknown_kinds = {"httproutes"}
        made.swap(file("httpRoute: b"))
        await made.until(lambda: "CustomResourceDefinition" in made.routes.unready()[0])
        parent = {"group": "", "kind": "Service", "name": "b"}
        backends = [
            {"name": "b-primary", "port": 8080, "weight": 90},
            {"name": "b-canary", "port": 8080, "weight": 10},
        ]
        spec = {"parentRefs": [parent], "rules": [{"backendRefs": backends}]}
        made.objects.create(ROUTES, {"metadata": {"name": "b", "namespace": "shop"}, "spec": spec})
        made.server.api.script.unknown_kinds = set()
        await made.until(lambda: not made.routes.unready())
        assert made.canary() == 10


@pytest.mark.parametrize("served", ["v1", "v1beta1", "v1alpha3"])
async def test_any_version_of_the_kind_will_do(account: Path, served: str) -> None:
    """Istio before 1.22 serves no `v1`; the object is the same in each."""
    async with world(account) as made:
        versions = {"v1", "v1beta1", "v1alpha3"} - {served}
        made.server.api.script.unknown_kinds = {f"virtualservices.{each}" for each in versions}
        made.objects.create(SERVICES, virtual_service(10))
        made.swap(file())
        await made.until(lambda: made.canary() == 10)
        made.objects.update(SERVICES, "b", virtual_service(20))
        await made.until(lambda: made.canary() == 20)


async def test_delegates_are_followed_too(account: Path) -> None:
    async with world(account, file()) as made:
        root = virtual_service(0, http=[{"delegate": {"name": "d"}}])
        made.objects.create(SERVICES, root)
        await made.until(lambda: not made.routes.unready())
        assert made.decides().reason is Reason.DEFAULT
        leaf = virtual_service(10, name="d", hosts=[])
        made.objects.create(SERVICES, leaf)
        await made.until(lambda: made.canary() == 10)
        made.objects.update(SERVICES, "d", virtual_service(20, name="d", hosts=[]))
        await made.until(lambda: made.canary() == 20)


async def test_a_reload_to_another_object_waits_for_that_one(account: Path) -> None:
    async with world(account, file()) as made:
        made.objects.create(SERVICES, virtual_service(10))
        made.objects.create(SERVICES, virtual_service(40, name="c"))
        await made.until(lambda: not made.routes.unready())
        made.swap(file("virtualService: c"))
        await made.until(lambda: made.canary() == 40 and not made.routes.unready())
        await made.until(lambda: made.server.api.watches == 1)


async def test_shares_of_no_version_are_counted_where_messages_are_brought(account: Path) -> None:
    async with world(account, file()) as made:
        other = {"destination": {"host": "c"}, "weight": 100}
        canary = {"destination": {"host": "b-canary"}, "weight": 0}
        elsewhere = {"match": [{"headers": {"x": {}}}], "redirect": {"uri": "/"}}
        http = [elsewhere, {"route": [other, canary]}]
        made.objects.create(SERVICES, virtual_service(0, http=http))
        await made.until(lambda: not made.routes.unready())
        plans = made.routes.in_force()[0]._parts.deliverer.plans
        plans.decider.decide(message())
        plans.decider.decide(message(attributes={"x": "1"}))
        made.decides()
        view = made.follower.views()[0]
        assert (view.unmapped, view.unroutable) == (1, 1)
        assert view.destinations == {
            "c.shop.svc.cluster.local": None, "b-canary.shop.svc.cluster.local": "canary",
        }  # fmt: skip


async def test_other_objects_of_the_namespace_are_not_taken_for_the_followed_one(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are they if a proxy loses the field selector."""
    monkeypatch.setattr(store, "matches", lambda _content, _selector: True)
    async with world(account) as made:
        for number in range(1_000):
            made.objects.create(SERVICES, virtual_service(99, f"a{number}"))
        made.objects.create(SERVICES, virtual_service(10))
        made.objects.create(SERVICES, virtual_service(98, "z"))
        made.swap(file())
        await made.until(lambda: made.canary() == 10)
        made.objects.update(SERVICES, "z", virtual_service(97, "z"))
        made.objects.delete(SERVICES, "a1")
        made.objects.update(SERVICES, "b", virtual_service(20))
        await made.until(lambda: made.canary() == 20)


async def test_an_object_that_is_too_long_to_be_read_leaves_the_last_good_one(
    account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "MAX_LINE", 2_000)
    async with world(account) as made:
        made.objects.create(SERVICES, virtual_service(10))
        made.swap(file())
        await made.until(lambda: made.canary() == 10)
        padded = virtual_service(50, exportTo=["*", "x" * 3 * 1024 * 1024])
        made.objects.update(SERVICES, "b", padded)
        await made.until(lambda: made.follower.views()[0].problem)
        problem = made.follower.views()[0].problem
        assert "is not read" in problem
        assert made.canary() == 10
        made.objects.update(SERVICES, "b", virtual_service(30))
        await made.until(lambda: made.canary() == 30)


async def test_a_large_object_is_in_force_within_two_seconds(account: Path) -> None:
    async with world(account) as made:
        made.objects.create(SERVICES, virtual_service(10))
        made.swap(file())
        await made.until(lambda: made.canary() == 10)
        match = [{"headers": {"x": {"exact": str(number)}}} for number in range(1_900)]
        large = virtual_service(50)
        large["spec"]["http"].insert(0, large["spec"]["http"][0] | {"match": match})
        made.objects.update(SERVICES, "b", large)
        await made.until(lambda: made.canary() == 50)
        assert made.follower.views()[0].valid
