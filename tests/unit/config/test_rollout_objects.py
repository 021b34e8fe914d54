"""What `rollout`, `rollback` and `strict` become: the plan of core, and a canary without weight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from gateway.config.file import read
from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound
from gateway.config.schema.routing_file import json_schema
from gateway.core.rollout.judge import Bounds
from gateway.core.rollout.plan import OnTrouble, Plan, Rollback, Rollout, Step, Then
from gateway.core.routing.sources import FromGroup
from gateway.core.routing.weights import weighted

if TYPE_CHECKING:
    from gateway.core.routing.route import Route

VALIDATOR = jsonschema.Draft202012Validator(json_schema())
EXAMPLE = Path(__file__).parents[3] / "config/examples/rollout.yaml"
TWO = "{stable: http://b/, canary: {url: http://b1/, tag: v2}}"
DEFAULT_STEPS = tuple(Step(weight, 600.0) for weight in (1, 5, 25, 50, 100))


def route_of(more: str, *, queue: str = "orders", versions: str = TWO) -> Route:
    """Load one route; `more` are further keys, each on a line of its own."""
    text = f"routes:\n- name: orders\n  queue: {queue}\n  versions: {versions}\n"
    indented = "".join(f"  {line}\n" for line in more.splitlines())
    (route,) = load((text + indented).encode(), "routes.yaml").routes
    return route


def plan_of(more: str, **rest: str) -> Plan:
    plan = route_of(more, **rest).plan
    assert plan is not None
    return plan


def rollout_of(keys: str) -> Rollout:
    rollout = plan_of(f"rollout: {keys}").rollout
    assert rollout is not None
    return rollout


def rollback_of(keys: str) -> Rollback:
    rollback = plan_of(f"split: {{stable: 9, canary: 1}}\nrollback: {keys}").rollback
    assert rollback is not None
    return rollback


def test_an_empty_rollout_has_the_documented_defaults() -> None:
    assert plan_of("rollout: {}") == Plan(
        canary="canary",
        address="http://b1/",
        tag="v2",
        revision="",
        rollout=Rollout(
            steps=DEFAULT_STEPS,
            min_messages=200,
            starts_by_itself=True,
            deadline_seconds=86_400.0,
            on_deadline=OnTrouble.PAUSE,
            on_failure=OnTrouble.ABORT,
        ),
        rollback=None,
        bounds=Bounds(max_failure_ratio=None, max_p99_seconds=None, margin=0.05, tolerance=0.01),
        strict=False,
    )


def test_an_empty_rollback_has_the_documented_defaults() -> None:
    assert rollback_of("{}") == Rollback(
        max_failure_ratio=0.1,
        window_seconds=60.0,
        min_messages=20,
        cooldown_seconds=600.0,
        then=Then.MANUAL,
    )


def test_the_example_becomes_exactly_this() -> None:
    payments, orders = read(EXAMPLE).routes
    assert payments.plan == Plan(
        canary="canary",
        address="http://payments-canary.shop.svc.cluster.local:8080/events",
        tag="canary",
        revision="2026-11-29.1",
        rollout=Rollout(
            (
                Step(1, 600.0),
                Step(5, 1800.0),
                Step(25, 600.0, gate=True),
                Step(50, 600.0),
                Step(100, 600.0),
            ),
            deadline_seconds=86_400.0,
        ),
        rollback=Rollback(0.1),
        bounds=Bounds(max_failure_ratio=0.02, max_p99_seconds=2.0),
    )
    assert orders.plan == Plan(
        canary="canary",
        address="orders-b1.fifo",
        tag="v2",
        rollback=Rollback(0.2, cooldown_seconds=900.0, then=Then.PROBE),
    )


def test_a_route_without_them_has_no_plan() -> None:
    assert route_of("split: {stable: 90, canary: 10}\nstrict: false").plan is None


def test_the_canary_of_a_rollout_has_no_weight_in_the_file() -> None:
    route = route_of("rollout: {}")
    assert route.split_weights() == {"stable": 100, "canary": 0}
    assert route.split is not None
    assert {route.split.pick(bucket).name for bucket in range(10_000)} == {"stable"}


def test_with_a_rollback_the_weights_are_those_of_the_split() -> None:
    split = "split: {stable: 19, canary: 1}"
    route, plain = route_of(f"{split}\nrollback: {{}}"), route_of(split)
    assert (route.split, route.weights) == (plain.split, plain.weights)


@pytest.mark.parametrize("weight", [1, 25, 100])
def test_a_step_gives_the_canary_the_buckets_of_a_split_of_its_weight(weight: int) -> None:
    stepped = weighted(route_of("rollout: {}\nseed: shop"), weight).split
    plain = route_of(f"split: {{stable: {100 - weight}, canary: {weight}}}\nseed: shop").split
    assert stepped is not None
    assert plain is not None
    assert stepped.seed == "shop"
    buckets = range(10_000)
    assert [*map(stepped.pick, buckets)] == [*map(plain.pick, buckets)]


def test_on_a_fifo_queue_the_split_of_a_rollout_keeps_groups_together() -> None:
    split = weighted(route_of("rollout: {}", queue="orders.fifo"), 5).split
    assert split is not None
    assert split.sticky == FromGroup()


@pytest.mark.parametrize(
    ("written", "ratio"),
    [("5%", 0.05), ("0.05", 0.05), ('"0.5%"', 0.005), ("0", 0.0), ("0%", 0.0), ("99.9%", 0.999)],
)
def test_percentages_and_ratios_mean_the_same(written: str, ratio: float) -> None:
    rollout = f"{{max_failure_ratio: {written}, compare: {{tolerance: {written}}}}}"
    bounds = plan_of(f"rollout: {rollout}").bounds
    assert bounds.max_failure_ratio == pytest.approx(ratio)
    assert bounds.tolerance == pytest.approx(ratio)
    assert rollback_of(f"{{max_failure_ratio: {written}}}").max_failure_ratio == pytest.approx(
        ratio
    )


@pytest.mark.parametrize("ratio", ["1", "100%", "-0.1", "-1%", ".nan", ".inf", "true", "5 %", "x%"])
def test_no_other_number_is_a_ratio(ratio: str) -> None:
    with pytest.raises(ProblemsFound, match="must be a share, 0 or more and below 1"):
        plan_of(f"rollout: {{max_failure_ratio: {ratio}}}")


@pytest.mark.parametrize("key", ["margin", "tolerance"])
@pytest.mark.parametrize(
    "ratio",
    [
        *("0%", "00%", "0.0%", "0.10%", "00.01%", "1%", "05%", "10%", "90.0%", "99.99%"),
        *("100%", "005%", "5", "5 %", "%", ".5%", "5.%", "-5%", "5%5%", ""),
        *(0, 0.0, 0.01, 0.999, 1, 1.0, 5, -0.1, True),
    ],
)
def test_the_schema_takes_the_ratios_that_the_gateway_takes(key: str, ratio: object) -> None:
    route = {
        "name": "orders",
        "queue": "orders",
        "versions": {"stable": "http://b/", "canary": "http://b1/"},
        "rollout": {"compare": {key: ratio}},
    }
    file = {"routes": [route]}
    try:
        load(json.dumps(file).encode(), "routes.yaml")
    except ProblemsFound:
        taken = False
    else:
        taken = True
    assert VALIDATOR.is_valid(file) is taken


def test_a_step_is_a_weight_or_says_more() -> None:
    steps = "[1, {weight: 5}, {weight: 25, pause: true}, {weight: 50, every: 1h}]"
    assert rollout_of(f"{{steps: {steps}, every: 30s}}").steps == (
        Step(1, 30.0),
        Step(5, 30.0),
        Step(25, 30.0, gate=True),
        Step(50, 3600.0),
    )


def test_a_rollout_may_wait_for_a_person() -> None:
    said = rollout_of("{start: manual, on_deadline: abort, on_failure: pause, deadline: 90m}")
    assert not said.starts_by_itself
    assert (said.on_deadline, said.on_failure) == (OnTrouble.ABORT, OnTrouble.PAUSE)
    assert said.deadline_seconds == 5400.0


@pytest.mark.parametrize("keys", ["rollout: {}", "split: {new: 9, old: 1}\nrollback: {}"])
def test_the_only_version_that_is_not_stable_is_on_trial(keys: str) -> None:
    found = plan_of(f"stable: new\n{keys}", versions="{old: http://b/, new: http://b1/}")
    assert (found.canary, found.address) == ("old", "http://b/")


@pytest.mark.parametrize(
    "keys",
    [
        "rollout: {canary: two}",
        "rollout: {canary: two}\nrollback: {}",
        "rollout: {canary: two}\nrollback: {canary: two}",
        "split: {stable: 8, one: 1, two: 1}\nrollback: {canary: two}",
    ],
)
def test_of_several_versions_the_file_names_the_one_on_trial(keys: str) -> None:
    versions = "{stable: http://b/, one: http://b1/, two: {queue: b2}}"
    found = plan_of(keys, versions=versions)
    assert (found.canary, found.address) == ("two", "b2")


@pytest.mark.parametrize(
    "keys",
    [
        'rollout: {revision: "7"}',
        'rollout: {revision: "7"}\nrollback: {revision: "7"}',
        'split: {stable: 9, canary: 1}\nrollback: {revision: "7"}',
    ],
)
def test_a_revision_is_a_trial_of_its_own(keys: str) -> None:
    found = plan_of(keys)
    assert found.revision == "7"
    assert found.trial != plan_of(keys.replace("7", "8")).trial


def test_strict_goes_with_either() -> None:
    assert plan_of("rollout: {}\nstrict: true").strict
    assert plan_of("split: {stable: 9, canary: 1}\nrollback: {}\nstrict: true").strict


def test_a_rollout_may_be_compared_with_stable_by_its_name() -> None:
    assert plan_of("rollout: {compare: {to: v1}}", versions="{v1: http://b/, v2: http://b1/}")
