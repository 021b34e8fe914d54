"""A gateway that follows: with the API away at the start and later, over a reload, and stopped."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from gateway.demo.kubernetes.script import rule
from tests.integration.followed_load import followed_route, weighted
from tests.integration.gateway_process import GatewayProcess
from tests.integration.kube_server import NAME, SERVICES, KubeServer
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.loop_thread import LoopThread
    from tests.integration.queues import Queue
    from tests.integration.services import Service

RECEIVE = "ReceiveMessage"


class Stage:
    """An API server that is not started yet, a queue, two services, and gateways to start."""

    def __init__(
        self, name: str, folder: Path, kube: KubeServer, services: list[Service], sqs: EmulatedSqs
    ) -> None:
        self.kube, self.sqs = kube, sqs
        self.stable, self.canary = services
        self.queue = sqs.create(name)
        self._folder = folder

    def route(self, queue: Queue | None = None, **more: Any) -> dict[str, Any]:
        return followed_route(queue or self.queue, self.stable, self.canary, **more)

    def gateway(
        self, *routes: dict[str, Any], name: str = "g", waits: bool = True
    ) -> GatewayProcess:
        folder = self._folder / name
        folder.mkdir()
        return GatewayProcess(
            folder,
            {"routes": list(routes or (self.route(),))},
            self.sqs.endpoint,
            waits=waits,
            environment=self.kube.environment,
        )

    def receives(self) -> int:
        """Return how many receives there were, also without a message."""
        ledger = self.sqs.ledger(self.queue.name)
        return int(ledger["operations"].get(RECEIVE, 0)) + int(ledger["empty_receives"])

    def got(self, body: str) -> str:
        """Return the name of the service that has been sent it."""
        seen = until(
            lambda: [*self.stable.seen(body), *self.canary.seen(body)], f"{body} to arrive"
        )
        return seen[0].service

    def wait_until_weighted(self, gateway: GatewayProcess, weight: int, route: int = 0) -> None:
        def weights() -> dict[str, int]:
            versions = gateway.get("/api/routes")["routes"][route]["versions"]
            return {each["name"]: each["weight"] for each in versions}

        until(lambda: weights()["canary"] == weight, f"weight {weight}")


@pytest.fixture
def stage(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    new_service: NewService,
    emulator: EmulatedSqs,
    thread: LoopThread,
) -> Iterator[Stage]:
    services = [new_service("stable"), new_service("canary")]
    kube = KubeServer(thread, tmp_path)
    name = request.node.name.replace("[", "-").replace("]", "")[:80]
    yield Stage(name, tmp_path, kube, services, emulator)
    kube.stop()


# ---- cold starts --------------------------------------------------------------------------


def test_nothing_is_received_before_the_api_has_responded(stage: Stage) -> None:
    """Out of reach, 503, 403 and an unknown kind are no responses; each one's reason is shown."""
    kube = stage.kube
    stage.queue.send("first")
    with stage.gateway(waits=False) as gateway:
        gateway.wait_until_unready("VirtualService shop/b has not been read yet", "cannot connect")
        kube.api.script.failing = 503
        kube.start()
        kube.write(weighted(100))
        gateway.wait_until_unready("has not been read yet", "503")
        kube.do(lambda api: setattr(api.script, "rules", [rule("list watch", "httproutes")]))
        kube.do(lambda api: setattr(api.script, "failing", 0))
        gateway.wait_until_unready("has not been read yet", "forbidden", '"virtualservices"')
        kube.do(lambda api: setattr(api.script, "unknown_kinds", {"virtualservices"}))
        gateway.wait_until_unready("has not been read yet", "CustomResourceDefinition")
        assert stage.receives() == 0
        kube.do(lambda api: setattr(api.script, "rules", None))
        kube.do(lambda api: setattr(api.script, "unknown_kinds", set()))
        gateway.wait_until_ready()
        assert stage.got("first") == "canary"
    assert stage.receives() > 0


def test_an_empty_list_is_a_response_and_stable_gets_all(stage: Stage) -> None:
    stage.kube.start()
    stage.queue.send("first")
    with stage.gateway() as gateway:
        assert stage.got("first") == "stable"
        follow = gateway.get("/api/routes")["routes"][0]["follow"]
        assert (follow["found"], follow["valid"]) == (False, True)


def test_start_stable_begins_with_stable_while_the_api_is_away(stage: Stage) -> None:
    stage.queue.send("first")
    follow = {"virtualService": "shop/b", "start": "stable"}
    with stage.gateway(stage.route(follow=follow)) as gateway:
        assert stage.got("first") == "stable"
        assert gateway.metric("gateway_follow_valid", route="orders") == 0
        stage.kube.start()
        stage.kube.write(weighted(100))
        stage.wait_until_weighted(gateway, 100)
        stage.queue.send("second")
        assert stage.got("second") == "canary"


# ---- away later ---------------------------------------------------------------------------


def test_while_the_api_is_away_the_last_good_object_decides(stage: Stage) -> None:
    kube = stage.kube
    kube.start()
    kube.write(weighted(100))
    with stage.gateway() as gateway:
        synced = gateway.metric("gateway_follow_synced_timestamp_seconds", route="orders")
        kube.stop()
        until(
            lambda: gateway.metric("gateway_follow_valid", route="orders") == 0,
            "gateway_follow_valid",
        )
        stage.queue.send("away")
        assert stage.got("away") == "canary"
        assert gateway.readyz().status_code == 200
        later = gateway.metric("gateway_follow_synced_timestamp_seconds", route="orders")
        assert later == synced
        kube.write(weighted(0))
        began = time.monotonic()
        kube.start()
        stage.wait_until_weighted(gateway, 0)
        print(f"in force {time.monotonic() - began:.2f} s after the API was back")
        stage.queue.send("back")
        assert stage.got("back") == "stable"
        until(
            lambda: gateway.metric("gateway_follow_valid", route="orders") == 1,
            "gateway_follow_valid",
        )


# ---- two replicas -------------------------------------------------------------------------


def test_two_processes_decide_alike(stage: Stage) -> None:
    """The same keys through a queue of each; one has seen the object change, one reads it now."""
    keys = [f"key-{at}" for at in range(200)]
    queues = [stage.queue, stage.sqs.create(f"{stage.queue.name}-2")]
    routes = [stage.route(each, sticky="attribute:key") for each in queues]
    stage.kube.start()
    stage.kube.write(weighted(5))
    with stage.gateway(routes[0], name="one") as one:
        stage.kube.write(weighted(80))
        stage.kube.write(weighted(40))
        stage.wait_until_weighted(one, 40)
        with stage.gateway(routes[1], name="two") as two:
            stage.wait_until_weighted(two, 40)
            for at, queue in enumerate(queues):
                queue.send_all([Draft(f"{at} {key}", attributes={"key": key}) for key in keys])
            found = [[stage.got(f"{at} {key}") for key in keys] for at in range(2)]
    assert found[0] == found[1]
    assert set(found[0]) == {"stable", "canary"}


# ---- reloads and stops --------------------------------------------------------------------


def test_routes_that_a_reload_adds_share_the_watch_and_what_is_in_force_stays(stage: Stage) -> None:
    kube = stage.kube
    kube.start()
    kube.write(weighted(100))
    more = stage.sqs.create(f"{stage.queue.name}-more")
    with stage.gateway() as gateway:
        lists, watches = kube.count("list"), kube.count("watch")
        for turn in range(5):
            routes = [stage.route(max_in_flight=50 + turn)]
            routes += [stage.route(more, name="more")] if turn % 2 == 0 else []
            gateway.write({"routes": routes})
            assert gateway.reload().status_code == 200
            stage.queue.send(f"turn {turn}")
            assert stage.got(f"turn {turn}") == "canary"
        stage.wait_until_weighted(gateway, 100, route=1)
        assert kube.do(lambda api: api.watches) == 1
        assert (kube.count("list"), kube.count("watch")) == (lists, watches)
        kube.write(weighted(0))
        for at in range(2):
            stage.wait_until_weighted(gateway, 0, route=at)


def test_a_status_alone_is_no_generation_and_no_line_of_the_log(stage: Stage) -> None:
    kube = stage.kube
    kube.start()
    kube.write(weighted(100))
    with stage.gateway() as gateway:
        generation = gateway.get("/api/routes")["generation"]
        lines = gateway.logged().count("followed object")
        for at in range(20):
            patch = {"status": {"seen": at}, "metadata": {"labels": {"at": str(at)}}}
            kube.do(lambda api, patch=patch: api.objects.merge_patch(SERVICES, NAME, patch))  # type: ignore[misc]
        kube.do(lambda api: api.expire_watches())
        watches = kube.count("watch")
        until(lambda: kube.count("watch") > watches, "the next watch")
        assert gateway.get("/api/routes")["generation"] == generation
        assert gateway.logged().count("followed object") == lines == 1
        kube.write(weighted(0))
        stage.wait_until_weighted(gateway, 0)


@pytest.mark.parametrize("where", ["watch", "silent", "list", "backoff", "never-reached"])
def test_sigterm_ends_it_cleanly_wherever_the_following_is(stage: Stage, where: str) -> None:
    kube = stage.kube
    if where != "never-reached":
        kube.start()
        kube.write(weighted(100))
    with stage.gateway(waits=where != "never-reached") as gateway:
        match where:
            case "silent":
                kube.do(lambda api: api.go_silent())
            case "list":
                lists = kube.count("list")
                kube.do(lambda api: api.script.lists_open.clear())
                kube.do(lambda api: api.cut_watches(cleanly=False))
                until(lambda: kube.count("list") > lists, "a list")
            case "backoff":
                kube.stop()
                until(
                    lambda: (
                        "cannot connect"
                        in gateway.get("/api/routes")["routes"][0]["follow"]["problem"]
                    ),
                    "a connection that is refused",
                )
            case "never-reached":
                gateway.wait_until_unready("cannot connect")
        began = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.exit_status() == 0
        print(f"{where}: ended after {time.monotonic() - began:.2f} s")
        logged = gateway.logged()
        assert "Traceback" not in logged
        assert "Unclosed" not in logged
