"""The scenarios' plans, and the routing file that follows."""

from __future__ import annotations

from gateway.cli.demo import SCENARIOS
from gateway.config.loader import load
from gateway.demo.addresses import ON_TRIAL, Addresses
from gateway.demo.follow.plan import FOLLOW
from gateway.demo.rollout.plan import PLANS, changed

PORTS = Addresses({**ON_TRIAL, "B1": 40_001})


def test_the_command_line_offers_each_plan() -> None:
    assert set(SCENARIOS) == {*PLANS, FOLLOW.name}


def test_each_routing_file_is_valid_and_has_the_steps_and_ports_that_were_given() -> None:
    for name in PLANS:
        plan = changed(PLANS[name], 100, None, (10, 100))
        (route,) = load(plan.routing(PORTS).encode(), "routes.yaml").routes
        assert route.plan is not None
        assert route.plan.rollout is not None
        assert [step.weight for step in route.plan.rollout.steps] == [10, 100]
        assert route.plan.address == "http://127.0.0.1:40001/events"
        assert (route.plan.bounds.max_p99_seconds is not None) == (plan.trouble.slow > 0)
        assert (plan.messages, plan.rate) == (100, PLANS[name].rate)


def test_only_the_good_canary_is_promoted() -> None:
    assert [name for name, plan in PLANS.items() if not plan.is_bad] == ["good-canary"]
