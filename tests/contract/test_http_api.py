"""docs/reference/http-api.md and api-routes.schema.json hold for a running admin port."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import jsonschema
import pytest

from gateway.adapters.admin.rollout_view import rollout_json
from gateway.adapters.admin.server import AdminServer
from gateway.adapters.telemetry.metrics import Metrics
from gateway.adapters.telemetry.statistics import Statistics
from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.events import Acked, Phase, Received, ReceiveFailed, ReloadFailed, TableInForce
from gateway.core.events import Outcome as Of
from gateway.core.kafka.partition_view import PartitionView
from tests.builders import CANARY, route
from tests.docs.http_api import OPERATIONS, SCHEMA
from tests.fakes.rollouts import FakeRollouts, rollout_view, unjudged_view
from tests.unit.adapters.admin.admin_port import serving
from tests.unit.adapters.fakes import FakeControl, decided, delivered, table, topic_view, view

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiohttp

WRITTEN: Final = json.loads(SCHEMA.read_text("utf-8"))
ADMIN_PAGE: Final = (SCHEMA.parent / "admin-api.md").read_text("utf-8")
SHOWN: Final = re.findall(r"^```json\n(.*?)^```", ADMIN_PAGE, re.DOTALL | re.MULTILINE)
LISTED: Final = re.compile(r"^(GET|POST|PUT|DELETE) +(/\S*)", re.MULTILINE)


def closed(part: Any) -> Any:
    """Return the schema with every member that it does not name forbidden."""
    if isinstance(part, list):
        return [closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    within = {key: closed(value) for key, value in part.items()}
    return {**within, "additionalProperties": False} if "properties" in part else within


def validate(said: Any, schema: Mapping[str, Any] = WRITTEN) -> None:
    jsonschema.Draft202012Validator(closed(schema)).validate(said)


# ---- paths and statuses -------------------------------------------------------------------------


async def test_the_paths_of_the_page_are_those_that_the_port_lists() -> None:
    async with serving(FakeControl()) as session, session.get("/") as answer:
        listed = set(LISTED.findall(await answer.text()))
    assert {(each.method, each.path) for each in OPERATIONS} - {("GET", "/")} == listed


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
async def test_a_path_responds_with_the_first_status_of_the_page(operation: Any) -> None:
    control = FakeControl([view(table().routes[0])])
    await _responds(control, operation, operation.responses[0])


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_what_is_stuck_or_not_ready_is_503_of_the_type_of_the_page(path: str) -> None:
    (operation,) = (each for each in OPERATIONS if each.path == path)
    control = FakeControl(said_stuck=["orders"], said_unready=["orders: starting"])
    await _responds(control, operation, operation.responses[1])


async def test_a_reload_responds_as_the_page_says_without_the_token_and_with_problems() -> None:
    (reload,) = (each for each in OPERATIONS if each.path == "/-/reload")
    says = {each.status: each for each in reload.responses}
    assert set(says) == {200, 401, 403, 422}
    await _responds(FakeControl(answer=ReloadFailed(1, ("a: b",))), reload, says[422])
    await _responds(FakeControl(), reload, says[401], token="open-sesame")
    await _responds(FakeControl(), reload, says[403], {"Origin": "http://elsewhere.test"})


@pytest.mark.parametrize(
    "operation",
    [each for each in OPERATIONS if each.changes],
    ids=lambda each: f"{each.method} {each.path}",
)
async def test_a_change_responds_as_the_page_says_to_those_who_may_not(operation: Any) -> None:
    says = {each.status: each for each in operation.responses}
    await _responds(FakeControl(), operation, says[401], token="open-sesame")
    await _responds(FakeControl(), operation, says[403], {"Origin": "http://elsewhere.test"})


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if "{route}" in each.path])
async def test_an_unknown_route_responds_as_the_page_says(operation: Any) -> None:
    (says,) = (
        each
        for each in operation.responses
        if each.status in (403, 404) and "no route" in each.says
    )
    rollouts = FakeRollouts(unjudged_view("another"))
    await _responds(FakeControl(), operation, says, rollouts=rollouts)


@pytest.mark.parametrize("status", [400, 408, 409, 413, 422, 503])
def test_the_other_errors_of_rollouts_are_json_with_one_member(status: int) -> None:
    found = [each for op in OPERATIONS for each in op.responses if each.status == status]
    about_rollouts = [each for each in found if each.content_type == "application/json"]
    assert about_rollouts
    assert {tuple(re.findall(r"`(\w+)`:", each.says)) for each in about_rollouts} <= {
        ("error",),
        (),
    }


async def _responds(
    control: FakeControl,
    operation: Any,
    expected: Any,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
    rollouts: FakeRollouts | None = None,
) -> None:
    seen = rollouts or FakeRollouts(rollout_view())
    path = operation.example or operation.path
    async with (
        serving(control, token=token, rollouts=seen) as session,
        session.request(operation.method, path, headers=headers, data=operation.body) as answer,
    ):
        assert answer.status == expected.status
        assert answer.headers["Content-Type"].startswith(expected.content_type)
        await _as_described(answer, expected)


async def _as_described(answer: aiohttp.ClientResponse, expected: Any) -> None:
    """A JSON body has the members that the page names in code."""
    named = set(re.findall(r"`(\w+)`", expected.says.partition(":")[0]))
    if expected.content_type == "application/json" and named:
        assert set(await answer.json()) == named


# ---- the body of /api/routes --------------------------------------------------------------------

QUIET: Final = FakeControl([view(table().routes[0])])
STARTING: Final = FakeControl([view(route(None), Phase.STARTING)])
FAILED: Final = FakeControl(
    [view(table().routes[0], Phase.FAILED, "no such queue", in_flight=7, waiting=2)], generation=3
)
PARTITIONS: Final = (
    PartitionView("orders", 0, 7, paused=True, blocked=2, oldest=40),
    PartitionView("parked", 3, 0),
)
TOPICS: Final = FakeControl([topic_view(table().routes[0], *each) for each in ((), PARTITIONS)])


@pytest.mark.parametrize("control", [FakeControl(), QUIET, STARTING, FAILED, TOPICS])
async def test_what_a_running_port_says_is_valid(control: FakeControl) -> None:
    async with serving(control) as session, session.get("/api/routes") as answer:
        validate(await answer.json())


async def test_it_is_valid_after_traffic_errors_and_a_refused_file() -> None:
    metrics, statistics = Metrics(), Statistics()
    statistics.observe(TableInForce(table(), 1))
    for event in (
        Received("orders", 3),
        decided(),
        decided(CANARY),
        Acked("orders", "stable", (0.02,), (0.5,)),
        delivered(Of.RETRY, Responded(500)),
        delivered(Of.FALLBACK, Unreachable("refused")),
        delivered(Of.REJECT, Responded(422)),
        ReceiveFailed("orders", "x" * 2_000),
        ReloadFailed(1, ("routes.yaml:1: a", "routes.yaml:2: b")),
    ):
        statistics.observe(event)
    control = FakeControl([view(table().routes[0], in_flight=1, by_version={"canary": 1})])
    server = AdminServer(
        control,
        control,
        statistics,
        metrics.render,
        rollouts=FakeRollouts(rollout_view()),
        host="127.0.0.1",
        port=0,
        token=None,
    )
    await server.start()
    try:
        async with _client(server.port) as session, session.get("/api/routes") as answer:
            said = await answer.json()
    finally:
        await server.stop()
    validate(said)
    assert said["config"]["problems"]
    assert said["routes"][0]["last_error"]["text"]
    assert any(version["last_error"] for version in said["routes"][0]["versions"])


def _client(port: int) -> aiohttp.ClientSession:
    import aiohttp

    return aiohttp.ClientSession(f"http://127.0.0.1:{port}")


def test_the_example_of_the_page_is_valid() -> None:
    _, shown = SHOWN
    validate(json.loads(shown))


def test_the_example_of_a_rollout_is_what_the_port_says_of_it() -> None:
    shown, _ = SHOWN
    began = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
    entry = replace(rollout_view().history[0], at=began)
    seen = rollout_view(since=began, deadline=began + 86_400, history=(entry,))
    assert json.loads(shown) == rollout_json(seen, "stable")


def test_the_schema_is_one_and_describes_every_member() -> None:
    jsonschema.Draft202012Validator.check_schema(WRITTEN)
    for part in [WRITTEN, *WRITTEN["$defs"].values()]:
        for name, value in part["properties"].items():
            assert "description" in value or "$ref" in value, name


@pytest.mark.parametrize(
    "change",
    [
        {"generation": "3"},
        {"routes": [{"name": "orders"}]},
        {"config": {"last_reload_successful": True}},
        {"unknown": 1},
    ],
)
def test_what_is_otherwise_is_not_valid(change: Mapping[str, Any]) -> None:
    good = {
        "generation": 1,
        "config": {"last_reload_successful": True, "problems": []},
        "routes": [],
    }
    validate(good)
    with pytest.raises(jsonschema.ValidationError):
        validate({**good, **change})
