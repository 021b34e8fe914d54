"""`weight`, `rollout` and `status` at a gateway at work: messages go where the commands say."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.integration.children import run_gateway
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs
    from tests.integration.queues import Queue
    from tests.integration.services import Service


class AtWork(NamedTuple):
    """A gateway with the routes `orders`, which has a plan, and `plain`, a split alone."""

    gateway: GatewayProcess
    queue: Queue
    canary: Service

    def run(self, *words: str) -> str:
        """Run a command that succeeds; return what it prints."""
        done = run_gateway(*words, GATEWAY_ADMIN_PORT=str(self.gateway.port))
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def at_work(emulator: EmulatedSqs, new_service: NewService, tmp_path: Path) -> Iterator[AtWork]:
    stable, canary = new_service("stable"), new_service("canary")
    versions = {"wait": "1s", **two_versions(stable.url, canary.url)}
    orders, plain = emulator.create("commanded"), emulator.create("commanded-plain")
    routes = [
        {"name": "orders", "queue": orders.name, **versions, "rollout": {"steps": [20, 100]}},
        {"name": "plain", "queue": plain.name, **versions, "split": {"stable": 3, "canary": 1}},
    ]
    with GatewayProcess(tmp_path, {"routes": routes}, emulator.endpoint) as gateway:
        until(lambda: gateway.get("/api/routes/orders/rollout")["generation"] > 0, "the trial")
        yield AtWork(gateway, orders, canary)


def test_a_canary_is_stopped_by_hand_and_aborted(at_work: AtWork) -> None:
    assert at_work.run("weight", "orders", "canary=100").startswith(
        "orders: canary 100 %, stable 0 %, set by hand; paused at step 1 of 2"
    )
    at_work.queue.send_all([Draft()] * 20)
    at_work.queue.wait_until_empty()
    before = len(at_work.canary.seen())
    assert before == 20
    at_work.run("weight", "orders", "canary=0")
    at_work.queue.send_all([Draft()] * 20)
    at_work.queue.wait_until_empty()
    assert len(at_work.canary.seen()) == before
    assert at_work.run("rollout", "abort", "orders", "--reason", "wrong totals") == (
        "orders: canary 0 %, stable 100 %; aborted at step 1 of 2: wrong totals\n"
    )
    assert " abort" in at_work.run("rollout", "status", "orders")


def test_the_table_has_what_is_set_and_what_is_seen(at_work: AtWork) -> None:
    at_work.run("weight", "plain", "canary=50")
    head, orders, plain = at_work.run("status").splitlines()
    assert head.split()[0] == "ROUTE"
    assert orders.split()[2:4] == ["1/2", "20/-"]
    assert plain.split()[:4] == ["plain", "none", "-", "50/-"]
    assert "weights set by hand" in plain
