"""A changed routing file comes into force while messages move, and a broken one never does."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.loop_thread import Gate, LoopThread
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.queues import Sqs
    from tests.integration.services import Service


class Stage:
    """A gateway of one route, the routing file that it has, and what may change in it."""

    def __init__(
        self, gateway: GatewayProcess, sqs: Sqs, services: tuple[Service, ...], routing: Any
    ) -> None:
        self.gateway, self.sqs, self.routing = gateway, sqs, routing
        self.stable, self.canary, self.third = services
        self.queue = sqs.create("reloaded")

    def changed(self, **changes: Any) -> dict[str, Any]:
        """Return the routing file with other values in its first route."""
        routing: dict[str, Any] = copy.deepcopy(self.routing)
        routing["routes"][0] |= changes
        return routing

    def weigh(self, stable: int, canary: int) -> dict[str, Any]:
        return self.changed(split={"stable": stable, "canary": canary})

    def put(self, routing: Any) -> None:
        """Write the file and have it read now."""
        self.gateway.write(routing)
        answer = self.gateway.reload()
        assert answer.status_code == 200, answer.text

    def service_of(self, body: str) -> str:
        """Send a message and return the name of the service that gets it."""
        self.queue.send(body)
        self.queue.wait_until_empty()
        (request,) = [r for each in self._services() for r in each.seen(body)]
        return request.service

    def _services(self) -> tuple[Service, ...]:
        return self.stable, self.canary, self.third


@pytest.fixture(scope="module")
def module_stage(
    moto: Sqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    services = tuple(new_service(name) for name in ("stable", "canary", "third"))
    moto.create("reloaded")
    route = {
        "name": "reloaded",
        "queue": "reloaded",
        "wait": "1s",
        **two_versions(services[0].url, services[1].url),
        "split": {"stable": 1, "canary": 0},
        "unknown_version": "retry",
        "retry": {"min": "1s", "max": "1s"},
    }
    routing = {"routes": [route]}
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, routing, moto.endpoint) as gateway:
        yield Stage(gateway, moto, services, routing)


@pytest.fixture
def stage(module_stage: Stage) -> Stage:
    """Begin with all to stable."""
    module_stage.put(module_stage.routing)
    return module_stage


def test_a_reload_changes_the_very_next_decision(stage: Stage) -> None:
    assert stage.service_of("before") == "stable"
    stage.put(stage.weigh(0, 1))
    assert stage.service_of("after") == "canary"
    stage.put(stage.weigh(1, 0))
    assert stage.service_of("after that") == "stable"


def test_a_reload_counts_generations_and_shows_the_new_weights(stage: Stage) -> None:
    generation = stage.gateway.metric("gateway_config_generation")
    stage.put(stage.weigh(3, 1))
    assert stage.gateway.metric("gateway_config_generation") == generation + 1
    weights = stage.gateway.metrics("gateway_split_weight", "version")
    assert weights == {("stable",): 3, ("canary",): 1}
    (route,) = stage.gateway.get("/api/routes")["routes"]
    assert [version["share_configured"] for version in route["versions"]] == [0.75, 0.25]


def test_a_broken_file_is_refused_with_every_problem_and_the_last_good_one_stays(
    stage: Stage,
) -> None:
    generation = stage.gateway.metric("gateway_config_generation")
    stage.gateway.write(stage.changed(split={"canary": 10}, queue="no queue!", sticki="group"))
    answer = stage.gateway.reload()
    assert answer.status_code == 422
    problems = answer.json()["problems"]
    assert len(problems) == 3
    for place in ("routes[0].split", "routes[0].queue", "routes[0].sticki"):
        assert any(place in problem for problem in problems), problems
    assert stage.service_of("while broken") == "stable"
    assert stage.gateway.metric("gateway_config_generation") == generation
    assert stage.gateway.metric("gateway_config_last_reload_successful") == 0
    stage.put(stage.routing)
    assert stage.gateway.metric("gateway_config_last_reload_successful") == 1


def test_a_file_that_is_gone_is_refused_and_the_last_good_one_stays(stage: Stage) -> None:
    stage.gateway.file.unlink()
    assert stage.gateway.reload().status_code == 422
    assert stage.service_of("while gone") == "stable"


def test_a_changed_file_is_picked_up_without_being_asked(stage: Stage) -> None:
    stage.gateway.write(stage.weigh(0, 5))
    _wait_for_canary_weight(stage, 5)
    assert stage.service_of("picked up") == "canary"


def test_a_config_map_that_swaps_its_symlinks_is_picked_up(stage: Stage) -> None:
    """As the kubelet does it: routes.yaml -> ..data/routes.yaml, and ..data is renamed over."""
    folder = stage.gateway.file.parent
    for name, canary in (("one", 1), ("two", 7)):
        (folder / name).mkdir()
        text = yaml.safe_dump(stage.weigh(0, canary))
        (folder / name / "routes.yaml").write_text(text, "utf-8")
    (folder / "..data").symlink_to("one")
    (folder / "link").symlink_to("..data/routes.yaml")
    (folder / "link").rename(stage.gateway.file)
    assert stage.gateway.reload().status_code == 200
    (folder / "..new").symlink_to("two")
    (folder / "..new").rename(folder / "..data")
    _wait_for_canary_weight(stage, 7)
    stage.gateway.file.unlink()


def _wait_for_canary_weight(stage: Stage, weight: int) -> None:
    canary = {"route": "reloaded", "version": "canary"}
    until(
        lambda: stage.gateway.metric("gateway_split_weight", **canary) == weight,
        f"the canary's weight to be {weight}",
    )


def test_a_message_that_waits_for_its_version_is_delivered_once_there_is_one(
    stage: Stage,
) -> None:
    waiting = {"route": "reloaded", "version": "", "reason": "unknown_version"}
    stage.queue.send("early", attributes={"version": "v3"})
    until(
        lambda: stage.gateway.metric("gateway_decisions_total", **waiting) >= 1, "it to be put off"
    )
    versions = {
        **stage.routing["routes"][0]["versions"],
        "third": {"url": stage.third.url, "tag": "v3"},
    }
    stage.put(stage.changed(versions=versions))
    (request,) = stage.third.wait_for(1, "early")
    assert (request["version"], request["x-gateway-reason"]) == ("v3", "pinned")
    stage.queue.wait_until_empty()


def test_routes_come_and_go(stage: Stage, thread: LoopThread) -> None:
    """A removed route ends what it has in hand and takes nothing more."""
    queue, gate = stage.sqs.create("reloaded-too"), Gate(thread)
    route = {**stage.routing["routes"][0], "name": "too", "queue": "reloaded-too"}
    stage.put({"routes": [*stage.routing["routes"], route]})
    stage.stable.on("held", Answer(gate=gate))
    queue.send("held")
    stage.stable.wait_for(1, "held")
    stage.put(stage.routing)
    assert [route["name"] for route in stage.gateway.get("/api/routes")["routes"]] == ["reloaded"]
    assert stage.service_of("the other route") == "stable"
    gate.open()
    queue.wait_until_empty()
    until(lambda: '"route is stopped", "route": "too"' in stage.gateway.logged(), "its end")
    queue.send("nobody's")
    assert stage.service_of("still the other route") == "stable"
    assert queue.counts() == (1, 0, 0)


def test_messages_that_move_during_many_reloads_all_arrive_once(stage: Stage) -> None:
    sent = []
    for turn in range(10):
        sent += [stage.queue.send(f"moving {turn}-{n}").message_id for n in range(5)]
        stage.put(stage.weigh(turn % 2, (turn + 1) % 2))
    stage.queue.wait_until_empty()
    requests = [*stage.stable.seen(), *stage.canary.seen()]
    came = [each.message_id for each in requests if each.text.startswith("moving")]
    assert sorted(came) == sorted(sent)
