"""After known traffic every number of the admin port is known (docs/reference/metrics.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.exchanges import Answer
from tests.integration.gateway_process import GatewayProcess, two_versions
from tests.integration.queues import Draft
from tests.integration.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.emulator import EmulatedSqs

TOKEN = "open-sesame"
ROUTE = "counted"
STABLE, CANARY = {"version": "v1"}, {"version": "v2"}
TRAFFIC = [
    *[Draft(f"well {n}", STABLE) for n in range(10)],
    *[Draft(f"well too {n}", CANARY) for n in range(5)],
    *[Draft(f"refused {n}", STABLE) for n in range(3)],
    *[Draft(f"fails once {n}", STABLE) for n in range(2)],
    Draft("not found by canary", CANARY),
]


@pytest.fixture(scope="module")
def gateway(
    emulator: EmulatedSqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    """The gateway after all traffic is over."""
    stable, canary = new_service("stable"), new_service("canary")
    queue, dead = emulator.create("counted"), emulator.create("counted-dead")
    route = {
        "name": ROUTE,
        "queue": queue.name,
        "wait": "1s",
        **two_versions(stable.url, canary.url),
        "split": {"stable": 3, "canary": 1},
        "retry": {"min": "1s", "max": "1s"},
        "reject": dead.name,
    }
    for n in range(3):
        stable.on(f"refused {n}", Answer(400))
        stable.on(f"fails once {n}", Answer(500), Answer())
    canary.on("not found by canary", Answer(404))
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(
        folder,
        {"routes": [route]},
        emulator.endpoint,
        environment={"GATEWAY_ADMIN_TOKEN": TOKEN},
    ) as gateway:
        queue.send_all(TRAFFIC)
        until(lambda: emulator.ledger(queue.name)["deleted"] == len(TRAFFIC), "all to be deleted")
        until(lambda: gateway.metric("gateway_messages_in_flight") == 0, "nothing in flight")
        yield gateway


def _counted(gateway: GatewayProcess, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Return the samples that are not 0; each is of the one route that there is."""
    found = gateway.metrics(name, "route", *labels)
    assert {route for route, *_ in found} == {ROUTE}
    return {key[1:]: value for key, value in found.items() if value}


def test_every_receive_counts(gateway: GatewayProcess) -> None:
    """Two messages come a second time."""
    assert _counted(gateway, "gateway_messages_received_total") == {(): len(TRAFFIC) + 2}
    receives = _counted(gateway, "gateway_receives_total", "result")
    assert receives["messages",] >= 1
    assert ("error",) not in receives


def test_every_decision_counts(gateway: GatewayProcess) -> None:
    """A message that comes again is decided again."""
    assert _counted(gateway, "gateway_decisions_total", "version", "reason") == {
        ("stable", "pinned"): 10 + 3 + 2 * 2,
        ("canary", "pinned"): 5 + 1,
    }


def test_every_delivery_counts_under_the_version_that_got_it(gateway: GatewayProcess) -> None:
    """A fallback is two deliveries: the canary's that failed, and stable's."""
    assert _counted(gateway, "gateway_deliveries_total", "version", "outcome") == {
        ("stable", "ack"): 10 + 2 + 1,
        ("stable", "reject"): 3,
        ("stable", "retry"): 2,
        ("canary", "ack"): 5,
        ("canary", "fallback"): 1,
    }


def test_durations_are_of_all_deliveries_and_ages_of_acked_ones(gateway: GatewayProcess) -> None:
    durations = _counted(gateway, "gateway_delivery_duration_seconds_count", "version")
    assert durations == {("stable",): 18, ("canary",): 6}
    ages = _counted(gateway, "gateway_message_age_seconds_count", "version")
    assert ages == {("stable",): 13, ("canary",): 5}


def test_the_age_of_a_retried_message_counts_from_its_sending(gateway: GatewayProcess) -> None:
    """Two of stable's thirteen were away for a second."""
    assert _counted(gateway, "gateway_message_age_seconds_sum", "version")["stable",] >= 2


def test_every_settlement_counts_and_none_failed(gateway: GatewayProcess) -> None:
    assert _counted(gateway, "gateway_settlements_total", "action") == {
        ("delete",): len(TRAFFIC),
        ("release",): 2,
        ("dead_letter",): 3,
    }
    assert _counted(gateway, "gateway_settlement_failures_total", "action") == {}


def test_the_weights_and_the_configuration_are_told(gateway: GatewayProcess) -> None:
    weights = _counted(gateway, "gateway_split_weight", "version")
    assert weights == {("stable",): 3, ("canary",): 1}
    assert gateway.metric("gateway_config_generation") == 1
    assert gateway.metric("gateway_config_last_reload_successful") == 1
    assert gateway.metric("gateway_config_last_reload_success_timestamp_seconds") > 1e9


def test_the_api_tells_shares_deliveries_and_last_errors(gateway: GatewayProcess) -> None:
    (route,) = gateway.get("/api/routes")["routes"]
    assert (route["name"], route["in_flight"], route["messages_received"]) == (ROUTE, 0, 23)
    stable, canary = route["versions"]
    assert (stable["weight"], canary["weight"]) == (3, 1)
    assert (stable["share_configured"], canary["share_configured"]) == (0.75, 0.25)
    assert stable["share_observed"] == pytest.approx(17 / 23, abs=1e-3)
    assert canary["share_observed"] == pytest.approx(6 / 23, abs=1e-3)
    assert canary["deliveries"] == {"ack": 5, "retry": 0, "reject": 0, "fallback": 1}
    assert "404" in canary["last_error"]["text"]


def test_reading_needs_no_token_and_reloading_does(gateway: GatewayProcess) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/api/routes", "/"):
        assert gateway.client.get(path).status_code == 200
    assert gateway.reload().status_code == 401
    wrong = gateway.client.post("/-/reload", headers={"authorization": "Bearer sesame"})
    assert wrong.status_code == 401
    right = gateway.client.post("/-/reload", headers={"authorization": f"Bearer {TOKEN}"})
    assert right.status_code == 200


def test_no_secret_and_no_message_shows_up_in_the_log(gateway: GatewayProcess) -> None:
    """Normal traffic is silent, too: no line names a message that was acked."""
    log = gateway.logged()
    assert TOKEN not in log
    assert "well" not in log
