"""A short run of the fault bench from a fixed seed, and what its services do to a delivery."""

from __future__ import annotations

import asyncio
import json
import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from gateway.config.loader import load
from gateway.core.messages.message import Attribute, Message
from gateway.core.routing.decider import decide
from gateway.core.routing.decision import Reason
from tools.chaos import __main__ as command
from tools.chaos import responses, routes, starvation, weather
from tools.chaos.deliveries import Deliveries
from tools.chaos.drafts import Drafts
from tools.chaos.plan import Plan
from tools.chaos.responses import Act, Mood
from tools.chaos.routes import VERSION_QUEUES
from tools.chaos.service import POISON, Service
from tools.emulator.rules import KINDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tools.chaos.drafts import Draft

SEED = 20


@pytest.mark.timeout(300)  # a bad run waits with patience before it says so
def test_nothing_is_lost_and_groups_stay_in_order_whatever_fails(tmp_path: Path) -> None:
    """12 seconds of trouble; how long it takes to settle is of no account."""
    written = tmp_path / "result.json"
    settings = f"--seconds 12 --rate 60 --seed {SEED} --json {written} --keep {tmp_path}"

    status = command.main(settings.split())

    found = json.loads(written.read_text())
    assert (status, found["good"]) == (0, True)
    assert found["result"]["messages"] > 100
    assert found["result"]["queued"] > 20
    assert sum(sum(by.values()) for by in found["faults"].values()) > 20
    assert sum(found["actions"].values()) > 0


# ---- what is to go wrong ------------------------------------------------------------------


def test_all_kinds_of_faults_have_their_weather() -> None:
    assert {rule.kind for rule in weather.drizzle()} == set(KINDS)


def test_the_weather_of_sends_is_that_of_the_queues_of_versions() -> None:
    """A fault of the load's own sends would end the run."""
    random = Random(1)
    rules = [*weather.drizzle(), *(rule for _ in range(200) for rule in weather.storm(random))]
    queues = {rule.queue for rule in rules if rule.operation == weather.FORWARD}
    assert queues == {each.name for each in VERSION_QUEUES}


def test_there_is_a_route_of_each_kind() -> None:
    urls = {name: f"http://127.0.0.1/{name}" for name in routes.service_names()}
    found = {each["name"]: each for each in routes.routing(urls, routes.WEIGHTS)["routes"]}
    kinds = {
        name: [next(key for key in ("url", "queue") if key in v) for v in r["versions"].values()]
        for name, r in found.items()
    }
    assert kinds["queues"] == kinds["lanes"] == ["queue", "queue"]
    assert found["lanes"]["queue"].endswith(".fifo")
    assert kinds["mixed"] == ["url", "queue"]
    assert "max_depth" in found["mixed"]["versions"]["canary"]
    assert found["envelopes"]["unwrap"] == "sns"
    assert "senders" in found
    assert {name for name, route in found.items() if "mirror" in route} == {
        *("canary", "rejects", "groups")
    }


def received(draft: Draft) -> Message:
    """Return a draft as the gateway receives it."""
    attributes = {
        name: Attribute(each["DataType"], each["StringValue"])
        for name, each in draft.entry.get("MessageAttributes", {}).items()
    }
    return Message(
        "m", draft.entry["MessageBody"], attributes=attributes, sender_id=draft.sender or None
    )


@pytest.mark.parametrize("queue", routes.PINNED)
def test_what_the_load_pins_goes_where_it_says(queue: str) -> None:
    """By the gateway's own decision, so that a pin that it does not see is no pin."""
    drafts = Drafts(Plan(calm=True), Random(1))
    urls = {name: f"http://127.0.0.1/{name}" for name in routes.service_names()}
    table = load(json.dumps(routes.routing(urls, routes.WEIGHTS)).encode(), "routes.yaml")
    (route,) = [each for each in table.routes if each.name == routes.NAMES[queue]]
    drawn = [drafts.draw(queue) for _ in range(60)]
    assert {draft.version for draft in drawn} == {"", "stable", "canary"}
    for draft in drawn:
        decision = decide(received(draft), route)
        assert (decision.reason is Reason.PINNED) == bool(draft.version)
        assert decision.version is not None
        assert draft.version in ("", decision.version.name)


def test_all_ways_to_answer_have_their_mood() -> None:
    assert {act for mood in responses.MOODS for act in mood.weights} == set(Act)


# ---- the services -------------------------------------------------------------------------


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    random = Random(1)
    service = Service("s", Deliveries(), random, asyncio.get_running_loop().time, responses.WELL)
    await service.accept()
    yield service
    service.close()


async def deliver(service: Service, act: Act, body: bytes = b"{}") -> bytes:
    """Deliver until the service has closed, or has responded in full; b"" where it broke off."""
    service.mood = Mood("test", {act: 1})
    host, _, port = service.url.split("/")[2].partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST / HTTP/1.1\r\nhost: h\r\nx-aws-sqsd-msgid: m\r\ncontent-length: {len(body)}"
    writer.write(f"{head}\r\n\r\n".encode() + body)
    try:
        return await reader.read(1000)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("act", [Act.PROMPT, Act.LATE])
async def test_only_a_complete_2xx_counts_as_one(service: Service, act: Act) -> None:
    assert (await deliver(service, act)).startswith(b"HTTP/1.1 20")
    (delivery,) = service.deliveries.by_message["m"]
    assert delivery.acked_at is not None
    assert delivery.begun_at <= delivery.acked_at <= delivery.ended_at


@pytest.mark.parametrize(
    "act", [each for each in Act if each not in (Act.PROMPT, Act.LATE, Act.NEVER)]
)
async def test_nothing_else_counts_as_a_2xx(service: Service, act: Act) -> None:
    await deliver(service, act)
    (delivery,) = service.deliveries.by_message["m"]
    assert delivery.acked_at is None
    assert delivery.response == act.value


async def test_a_service_that_never_answers_notes_when_the_other_side_gives_up(
    service: Service,
) -> None:
    delivering = asyncio.create_task(deliver(service, Act.NEVER))
    while not service.deliveries.count:  # noqa: ASYNC110 - the history has no event for it
        await asyncio.sleep(0)
    (delivery,) = service.deliveries.by_message["m"]

    delivering.cancel()
    while service.conversations:  # noqa: ASYNC110
        await asyncio.sleep(0)

    assert delivery.acked_at is None
    assert delivery.ended_at < float("inf")


async def test_a_late_response_to_a_closed_connection_does_not_count(service: Service) -> None:
    delivering = asyncio.create_task(deliver(service, Act.LATE))
    while not service.deliveries.count:  # noqa: ASYNC110
        await asyncio.sleep(0)
    delivering.cancel()
    while service.conversations:  # noqa: ASYNC110
        await asyncio.sleep(0)
    (delivery,) = service.deliveries.by_message["m"]
    assert delivery.acked_at is None


async def test_poison_is_rejected_in_every_mood(service: Service) -> None:
    response = await deliver(service, Act.PROMPT, b"{" + POISON + b"}")
    assert int(response.split()[1]) in (400, 403, 422)


async def test_a_service_refuses_and_accepts_again_on_its_port(service: Service) -> None:
    service.refuse()
    with pytest.raises(ConnectionRefusedError):
        await deliver(service, Act.PROMPT)

    await service.accept()

    assert (await deliver(service, Act.PROMPT)).startswith(b"HTTP/1.1 20")


async def test_the_gauge_reads_how_long_a_process_waits_for_a_core() -> None:
    """Without the figure there is no number."""
    assert starvation.waited_seconds(-1) is None
    waited = starvation.waited_seconds(os.getpid())
    assert waited is None or waited >= 0
