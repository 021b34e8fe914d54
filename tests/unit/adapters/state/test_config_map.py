"""What a ConfigMap says is merged with what was known: reads come in any order."""

from __future__ import annotations

from gateway.adapters.state.config_map import IDLE_SECONDS, SeenConfigMap
from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.route_state import RouteState, Torn
from gateway.core.rollout.stored import dump_folded, dump_state, dump_sums


def of(generation: int, weight: int) -> dict[str, str]:
    return {"route.orders": dump_state(RouteState(generation, weight))}


def sums(messages: float) -> str:
    return dump_sums({"orders": (messages,) * LENGTH})


def test_an_event_that_comes_late_changes_no_route() -> None:
    """A watch is behind the responses of this replica's own writes."""
    seen = SeenConfigMap()
    assert seen.take(of(2, 0), 0.0)
    assert seen.take(of(1, 25), 1.0)
    assert seen.routes == {"orders": RouteState(2, 0)}
    assert seen.unwritten == ["orders"]
    seen.take(of(2, 0), 2.0)
    assert seen.unwritten == []


def test_the_same_content_is_no_change() -> None:
    seen = SeenConfigMap()
    assert seen.take(of(1, 5), 0.0)
    assert not seen.take(of(1, 5), 1.0)


def test_evidence_that_comes_late_is_not_taken() -> None:
    """A sum that shrinks would be evidence of messages that were never there."""
    seen = SeenConfigMap()
    seen.take({"replica.a": sums(5)}, 0.0)
    seen.take({"replica.a": sums(3)}, 1.0)
    assert seen.contributions.total() == {"orders": (5.0,) * LENGTH}
    seen.take({"replica.a": sums(6)}, 2.0)
    assert seen.contributions.total() == {"orders": (6.0,) * LENGTH}


def test_folding_as_another_replica_wrote_it_changes_no_sum() -> None:
    seen = SeenConfigMap()
    seen.take({"replica.a": sums(5), "replica.b": sums(1)}, 0.0)
    folded = dump_folded({"orders": (5.0,) * LENGTH}, ["a"])
    for texts in (
        {"folded": folded, "replica.b": sums(1)},
        {"folded": folded, "replica.b": sums(1), "replica.a": sums(5)},
    ):
        seen.take(texts, 1.0)
        assert seen.contributions.total() == {"orders": (6.0,) * LENGTH}
        assert seen.contributions.total(without="b") == {"orders": (5.0,) * LENGTH}


def test_a_contribution_is_idle_once_it_has_not_changed_for_long() -> None:
    seen = SeenConfigMap()
    seen.take({"replica.a": sums(1), "replica.b": sums(1), "replica.c": "{"}, 0.0)
    seen.take({"replica.a": sums(1), "replica.b": sums(2), "replica.c": "{"}, 300.0)
    assert seen.idle_replicas(IDLE_SECONDS - 1) == []
    assert seen.idle_replicas(IDLE_SECONDS) == ["a", "c"]


def test_a_torn_route_counts_on_from_the_highest_generation_seen() -> None:
    seen = SeenConfigMap()
    seen.take(of(7, 25), 0.0)
    seen.take({"route.orders": ""}, 1.0)
    assert seen.routes == {"orders": Torn("is empty")}
    assert RouteState().follow(seen.before("orders")).generation == 8
    assert RouteState().follow(seen.before("payments")).generation == 1


def test_a_torn_route_that_is_taken_away_is_fresh_and_a_known_one_is_not() -> None:
    """A person resets a torn state by its key; a sound one is written again."""
    seen = SeenConfigMap()
    seen.take({"route.orders": "", "route.payments": dump_state(RouteState(3, 0))}, 0.0)
    seen.take({}, 1.0)
    assert seen.routes == {"payments": RouteState(3, 0)}
    assert seen.unwritten == ["payments"]


def test_torn_evidence_is_told_and_passed_over() -> None:
    seen = SeenConfigMap()
    seen.take({"replica.a": "{", "folded": "", "replica.b": sums(1)}, 0.0)
    assert seen.torn_contributions == [
        "the evidence of a is no JSON",
        "the evidence of earlier replicas is empty",
    ]
    assert seen.contributions.total() == {"orders": (1.0,) * LENGTH}


def test_what_was_folded_is_not_forgotten_by_a_config_map_that_was_emptied() -> None:
    """The replicas store their own sums again; those of replicas that are gone would be lost."""
    seen = SeenConfigMap()
    seen.take({"folded": dump_folded({"orders": (5.0,) * LENGTH}, ["a"])}, 0.0)
    seen.take({}, 1.0)
    seen.take({"replica.b": sums(1)}, 2.0)
    assert seen.contributions.total() == {"orders": (6.0,) * LENGTH}
    assert seen.contributions.folded_replicas == ("a",)
