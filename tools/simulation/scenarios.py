"""The rollouts that are simulated, by name; names begin with the group they are shown in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.core.rollout.judge import Bounds
from gateway.core.rollout.plan import Plan, Rollback, Rollout, Step, Then
from tools.simulation import misleading
from tools.simulation.probing import ProbedRun
from tools.simulation.replicas import TwoReplicas
from tools.simulation.run import Run
from tools.simulation.traffic import Mistake, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.simulation.outcome import Outcome

WEIGHTS: Final = (1, 5, 25, 50, 100)
FEWER: Final = (5, 25, 50, 100)
BASES: Final = (0.001, 0.01, 0.05)
LOW: Final = (1, 5, 10)
MIN_MESSAGES: Final = 200
HELD_AFTER: Final = 8
_NO_END: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of rollout, simulated from the seeds 0, 1, 2 and so on."""

    name: str
    simulate: Callable[[int], Outcome]
    rollouts: int = 1_000


def plan_of(
    weights: tuple[int, ...] = WEIGHTS,
    *,
    every: float = 2.0,
    longest: float = 20.0,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
) -> Plan:
    """Return a plan whose step is held once it takes eight times what the longest should."""
    steps = tuple(Step(weight, every) for weight in weights)
    rollout = Rollout(steps, MIN_MESSAGES, deadline_seconds=HELD_AFTER * longest)
    return Plan("canary", "http://b1/", "v2", rollout=rollout, bounds=bounds)


def single(name: str, plan: Plan, traffic: Traffic, rollouts: int = 1_000) -> Scenario:
    """Return a scenario of one replica."""
    return Scenario(name, lambda seed: Run(plan, traffic, seed).until_end(_NO_END), rollouts)


def in_service(traffic: Traffic, rollback: Rollback, most: int) -> Callable[[int], Outcome]:
    """Return a simulation of a canary at 10 % with a rollback and no plan."""
    plan = Plan("canary", "http://b1/", "v2", rollback=rollback)
    return lambda seed: Run(plan, traffic, seed).until_end(most)


def percent(ratio: float) -> str:
    """Return a ratio as the names have it."""
    return f"{ratio * 100:g} %"


def _whole_rollouts() -> list[Scenario]:
    found = [single(f"equal/{percent(base)}", plan_of(), Traffic(base)) for base in (0.0, *BASES)]
    found += [
        single(f"worse/{percent(base)}", plan_of(), Traffic(base, worse=0.05)) for base in BASES
    ]
    found += [
        single(
            f"much worse/{percent(base)}/{weight} %",
            plan_of((weight,), every=1e6, longest=1e6),
            _steady(base, 0.3, weight),
        )
        for weight in (*LOW, 25, 50)
        for base in BASES
    ]
    return found


def _steady(base: float, worse: float, weight: int) -> Traffic:
    """Return ten canary messages a second of a fast service: few are under way when it ends."""
    fast = 0.005
    return Traffic(base, worse, rate=1_000 / weight, canary_seconds=fast, stable_seconds=fast)


def _long_rollouts() -> list[Scenario]:
    """Return equal canaries with at least 10,000 messages a step."""
    plan = plan_of(every=10.0)
    return [single(f"long/{percent(base)}", plan, Traffic(base), 100) for base in (0.0, *BASES)]


def _traps() -> list[Scenario]:
    plan = plan_of(FEWER, every=2.0, longest=4.0)
    poison = Traffic(0.001, poison=0.005)
    keys = Traffic(0.001, keys=20_000, bad_keys=0.01)
    slow = Traffic(0.01, canary_seconds=10.0, failed_seconds=0.05)
    pinned = Traffic(0.01, pinned=0.01)
    outages = Traffic(0.01, outage_share=0.05)
    by_limit = plan_of((5, 25, 50), every=2.0, longest=4.0, bounds=Bounds(max_failure_ratio=0.1))
    patient = plan_of(FEWER, every=2.0, longest=4.0, bounds=Bounds(max_p99_seconds=2.0))
    found = []
    for name, traffic, mistake in (
        ("poison messages", poison, Mistake.DELIVERIES),
        ("sticky keys", keys, Mistake.KEYS),
        ("slow successes", slow, Mistake.COMPLETION),
        ("pinned messages", pinned, Mistake.SELECTION),
    ):
        found.append(single(f"trap/{name}", plan, traffic, 500))
        misled = replace(traffic, mistake=mistake)
        found.append(single(f"trap/{name}/{mistake}", plan, misled, 100))
    return [
        *found,
        single("trap/outages", plan_of(FEWER, every=10.0, longest=10.0), outages, 500),
        single("trap/outages, limit 10 %", by_limit, outages, 500),
        single("trap/outages/20 s, both fail always", plan, replace(
            outages, outage_seconds=20.0, outage_share=0.5, outage_ratio=1.0), 100),
        single("trap/slow, max_p99 2 s", patient, replace(slow, base=0.0), 100),
        single("trap/fast, max_p99 2 s", patient, Traffic(0.01, canary_seconds=0.3), 200),
        Scenario("trap/looks/z test of 1 % at every 50 messages", misleading.z_test),
        Scenario("trap/threshold/over 10 % of the last 20", misleading.last_20),
        Scenario("trap/threshold/over 10 % of the last 100", misleading.last_100),
    ]  # fmt: skip


def _rollbacks() -> list[Scenario]:
    rollback = Rollback(0.1)
    probing = replace(rollback, then=Then.PROBE)
    at_5 = Traffic(0.05, rate=100.0)
    broken = Traffic(0.01, worse=0.3, rate=100.0)
    probed = Plan("canary", "http://b1/", "v2", rollback=probing)
    return [
        Scenario("rollback/5 %, equal", in_service(at_5, rollback, 20_000), 500),
        Scenario("rollback/1 %, 30 points worse", in_service(broken, rollback, 20_000), 500),
        Scenario(
            "probe/1 %, 30 points worse",
            lambda seed: ProbedRun(probed, broken, seed).until_end(_NO_END),
            50,
        ),
    ]


def _others() -> list[Scenario]:
    middle = plan_of((25,), every=1e6, longest=1e6)
    turns = [
        single(
            f"turns bad/{percent(base)}/{percent(worse)}",
            middle,
            Traffic(base, worse, turns_at=TURNS_AT, rate=40.0, canary_seconds=0.005,
                    stable_seconds=0.005),
            300,
        )
        for base in BASES
        for worse in (0.3, 0.05)
    ]  # fmt: skip
    fast = plan_of(FEWER, every=2.0, longest=4.0)
    replicas = [
        Scenario(
            f"replicas/{percent(base)}, {percent(worse)} worse", _together(fast, base, worse), 300
        )
        for base, worse in ((0.01, 0.0), (0.05, 0.0), (0.01, 0.05), (0.01, 0.3))
    ]
    apart = Traffic(0.01)
    replicas.append(
        Scenario(
            "replicas/1 %, 0 % worse/starts without their sums",
            lambda seed: TwoReplicas(fast, apart, seed, together=False).until_end(_NO_END),
            200,
        )
    )
    return [*turns, *replicas]


TURNS_AT: Final = 1_200


def _together(plan: Plan, base: float, worse: float) -> Callable[[int], Outcome]:
    traffic = Traffic(base, worse)
    return lambda seed: TwoReplicas(plan, traffic, seed).until_end(_NO_END)


def _sure() -> list[Scenario]:
    steps = {
        weight: Rollout((Step(weight, 0.0),), 1, deadline_seconds=1e9) for weight in (1, 10, 50)
    }
    return [
        single(
            f"sure/{percent(base)}/{weight} %",
            Plan("canary", "http://b1/", "v2", rollout=rollout),
            _steady(base, 0.0, weight),
            100,
        )
        for weight, rollout in steps.items()
        for base in (0.0, *BASES)
    ]


def _small_harms() -> list[Scenario]:
    return [
        single(f"small/{percent(base)}/{percent(worse)}", plan_of(), Traffic(base, worse), 100)
        for base in BASES
        for worse in (0.01, 0.02, 0.03)
    ]


SCENARIOS: Final = {
    each.name: each
    for each in (
        *_whole_rollouts(),
        *_traps(),
        *_rollbacks(),
        *_others(),
        *_sure(),
        *_small_harms(),
        *_long_rollouts(),
    )
}
