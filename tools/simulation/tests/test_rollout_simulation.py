"""Small simulations keep to the bounds, and the page shows what the large ones found."""

from __future__ import annotations

import pytest

from tools.simulation.__main__ import simulate
from tools.simulation.page import PAGE, PLOT, read, rendered
from tools.simulation.plot import plot

FOUND = read()
LEAST_ROLLOUTS = 1_000
A_HUNDRED = 100


def test_the_page_shows_what_was_found() -> None:
    """To renew it: `make simulate ARGS=--write`."""
    assert PAGE.read_text("utf-8") == rendered(PAGE.read_text("utf-8"), FOUND)
    assert PLOT.read_text("utf-8") == plot(FOUND)


@pytest.mark.parametrize("name", [name for name in FOUND if name.startswith("equal/")])
def test_a_canary_as_good_as_stable_is_neither_aborted_nor_held(name: str) -> None:
    found = FOUND[name]
    assert found["rollouts"] >= LEAST_ROLLOUTS
    assert found["aborted"] < found["rollouts"] / A_HUNDRED
    assert found["held"] < found["rollouts"] / A_HUNDRED


@pytest.mark.parametrize("name", [name for name in FOUND if name.startswith("worse/")])
def test_one_that_is_5_points_worse_does_not_reach_25_percent(name: str) -> None:
    found = FOUND[name]
    assert found["rollouts"] >= LEAST_ROLLOUTS
    assert found["reached_25"] < found["rollouts"] / A_HUNDRED


@pytest.mark.parametrize("base", ["0.1 %", "1 %", "5 %"])
@pytest.mark.parametrize("weight", [1, 5, 10])
def test_one_that_is_30_points_worse_is_aborted_by_its_20th_message(base: str, weight: int) -> None:
    found = FOUND[f"much worse/{base}/{weight} %"]
    assert found["aborted"] == found["rollouts"] >= LEAST_ROLLOUTS
    assert found["aborted_median"] <= 20
    if base != "5 %":
        assert found["aborted_p99"] <= 40


@pytest.mark.parametrize(
    ("name", "rollouts"),
    [
        ("trap/poison messages", 5),
        ("trap/sticky keys", 5),
        ("trap/slow successes", 5),
        ("trap/pinned messages", 5),
        ("trap/outages, limit 10 %", 5),
        ("trap/fast, max_p99 2 s", 5),
        ("rollback/5 %, equal", 2),
        ("replicas/5 %, 0 % worse", 5),
    ],
)
def test_no_trap_aborts_a_canary_as_good_as_stable(name: str, rollouts: int) -> None:
    assert simulate(name, range(rollouts))["aborted"] == 0


@pytest.mark.parametrize(
    "name",
    [
        "worse/1 %",
        "much worse/1 %/10 %",
        "rollback/1 %, 30 points worse",
        "replicas/1 %, 30 % worse",
        "trap/slow, max_p99 2 s",
    ],
)
def test_a_worse_canary_is_aborted(name: str) -> None:
    assert simulate(name, range(10))["aborted"] == 10


@pytest.mark.parametrize(
    "name",
    [
        "trap/pinned messages/pinned messages count",
        "trap/slow successes/in the order of completion",
        "trap/threshold/over 10 % of the last 20",
    ],
)
def test_the_mistake_beside_a_trap_does_abort(name: str) -> None:
    assert simulate(name, range(10))["aborted"] > 0
