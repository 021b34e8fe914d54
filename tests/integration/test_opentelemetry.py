"""OpenTelemetry hands the version on without code (docs/how-to/opentelemetry-without-code.md).

Unmodified services under real auto-instrumentation: the gateway delivers with `baggage`, what they
send to the next queue carries it, and the gateway's second route pins by it.
"""

from __future__ import annotations

import itertools
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
import pytest

from tests.integration.children import LOOPBACK, Child, aws_environment, free_port
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.opentelemetry import kits
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.opentelemetry.kits import Kit
    from tests.integration.queues import Queue
    from tests.integration.services import Service

pytestmark = pytest.mark.timeout(400)

KITS: Final[dict[str, Callable[[], Kit]]] = {
    "node": kits.node,
    "python": lambda: kits.python("0.66b1"),
    "python-0.33b0": lambda: kits.python("0.33b0"),
}
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
_numbers = itertools.count()


@pytest.fixture(scope="module", params=KITS)
def kit(request: pytest.FixtureRequest) -> Kit:
    return KITS[request.param]()


class Instrumented:
    """B and B1 under auto-instrumentation: both send to one queue."""

    def __init__(self, kit: Kit, folder: Path, endpoint: str, queue: str, **more: str) -> None:
        self._kit, self._folder, self._queue, self._more = kit, folder, queue, more
        self._endpoint = endpoint
        self._stack = ExitStack()
        self.urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        children = [self._start(name) for name in ("B", "B1")]
        for child, url in zip(children, self.urls.values(), strict=True):
            until(lambda c=child, u=url: _healthy(u) or not c.running, f"a service at {url}")
            assert child.running, child.tail()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self, name: str) -> Child:
        port, folder = free_port(), self._folder / name
        folder.mkdir()
        self.urls[name] = f"http://{LOOPBACK}:{port}/events"
        own = {"NAME": name, "PORT": str(port), "NEXT_QUEUE": self._queue, **self._more}
        settings = {**aws_environment(self._endpoint), **self._kit.settings, **own}
        program, *arguments = self._kit.command
        return self._stack.enter_context(Child(arguments, folder, settings, program=(program,)))


def _healthy(url: str) -> bool:
    try:
        return httpx.get(
            url.replace("/events", "/healthz"), trust_env=False, verify=False
        ).is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def next_queue(kit: Kit, emulator: EmulatedSqs) -> Queue:
    return emulator.create(f"otel-next-{next(_numbers)}")


@pytest.fixture(scope="module")
def instrumented(
    kit: Kit, emulator: EmulatedSqs, next_queue: Queue, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Instrumented]:
    folder = tmp_path_factory.mktemp("instrumented")
    with Instrumented(kit, folder, emulator.endpoint, next_queue.name) as services:
        yield services


def attributes(message: dict[str, Any]) -> dict[str, str]:
    found = message.get("MessageAttributes", {})
    return {name: attribute["StringValue"] for name, attribute in found.items()}


def test_baggage_of_the_request_is_an_attribute_of_what_it_sends(
    kit: Kit, instrumented: Instrumented, next_queue: Queue
) -> None:
    """A trace's context goes with it; a request without baggage sends none."""
    url = instrumented.urls["B1"]
    for headers in ({"baggage": "version=v2,tenant=a", "traceparent": f"00-{TRACE}-01"}, {}):
        answer = httpx.post(
            url, json={"path": ["A"]}, headers=headers, trust_env=False, verify=False
        )
        assert answer.status_code == 200, answer.text
    with_baggage, without = map(attributes, next_queue.take(2))
    assert sorted(with_baggage.pop(kit.attribute).split(",")) == ["tenant=a", "version=v2"]
    assert kit.attribute not in without
    (traceparent,) = with_baggage.values()
    assert traceparent.startswith(f"00-{TRACE[:32]}-")


@pytest.mark.parametrize("version", kits.PYTHON)
def test_every_entry_of_a_batch_carries_it(
    version: str, emulator: EmulatedSqs, tmp_path: Path
) -> None:
    kit = kits.python(version)
    queue = emulator.create(f"otel-batch-{next(_numbers)}")
    with Instrumented(kit, tmp_path, emulator.endpoint, queue.name, NEXT_BATCH="3") as services:
        httpx.post(
            services.urls["B"],
            json={},
            headers={"baggage": "version=v2"},
            trust_env=False,
            verify=False,
        ).raise_for_status()
    assert [attributes(each)[kit.attribute] for each in queue.take(3)] == ["version=v2"] * 3


class Chain:
    """The queue of B, the gateway, B and B1, the queue of C, and C and C1 as recorders."""

    def __init__(
        self,
        instrumented: Instrumented,
        emulator: EmulatedSqs,
        next_queue: Queue,
        new_service: NewService,
        folder: Path,
    ) -> None:
        self.queue = emulator.create(f"otel-first-{next(_numbers)}")
        self.c, self.c1 = new_service("C"), new_service("C1")
        urls = instrumented.urls
        first, second = two_versions(urls["B"], urls["B1"]), two_versions(self.c.url, self.c1.url)
        self._gone = two_versions(urls["B"], f"http://{LOOPBACK}:{free_port()}/events")
        self._first = {"name": "orders", "queue": self.queue.name, "wait": "1s", **first}
        self._second = {"name": "invoices", "queue": next_queue.name, "wait": "1s", **second}
        self._routing = {"routes": [self._first, self._second]}
        self.gateway = GatewayProcess(folder, self._routing, emulator.endpoint)

    def lose_b1(self) -> None:
        """Let nothing listen where B1 was."""
        self.gateway.write({"routes": [{**self._first, **self._gone}, self._second]})
        assert self.gateway.reload().status_code == 200

    def send(self, order: str, version: str) -> None:
        """Send an order that is pinned to a version."""
        body = json.dumps({"order": order, "path": ["A"]})
        self.queue.send(body, attributes={"version": version})


@pytest.fixture
def chain(
    instrumented: Instrumented,
    emulator: EmulatedSqs,
    next_queue: Queue,
    new_service: NewService,
    tmp_path: Path,
) -> Iterator[Chain]:
    chain = Chain(instrumented, emulator, next_queue, new_service, tmp_path)
    with chain.gateway:
        yield chain
        for queue in (chain.queue, next_queue):  # what is not deleted would come to the next test
            queue.wait_until_empty()


def arrival(service: Service) -> tuple[list[str], str, str]:
    """Return the path of the one order that a service has got, its version and the reason."""
    (request,) = service.wait_for(1)
    return json.loads(request.text)["path"], request["version"], request["x-gateway-reason"]


def test_what_b1_sends_goes_to_c1_and_what_b_sends_to_c(chain: Chain) -> None:
    chain.send("mine", "v2")
    chain.send("yours", "v1")
    assert arrival(chain.c1) == (["A", "B1"], "v2", "pinned")
    assert arrival(chain.c) == (["A", "B"], "v1", "pinned")


def test_what_stable_handles_by_fallback_goes_on_to_c1(chain: Chain) -> None:
    """B1 is gone, so B handles a message of v2; what it then sends is of v2 all the same.

    This is what no knowledge of the sender can tell.
    """
    chain.lose_b1()
    chain.send("mine", "v2")
    assert arrival(chain.c1) == (["A", "B"], "v2", "pinned")
    assert not chain.c.seen()
