"""An object of the mesh, written by others, costs little: counted in calls, not in seconds."""

from __future__ import annotations

import json
from dataclasses import replace
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.routing.decision import Decision, Reason
from gateway.core.routing.mesh.delegates import merged
from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import MOST_HEADER_BYTES, MOST_STEPS, Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.istio_routes import MOST_DELEGATES
from gateway.core.routing.mesh.reader import MOST_CHARACTERS, MOST_PROBLEMS, InvalidObject
from gateway.core.routing.mesh.string_match import (
    MOST_INSTRUCTIONS,
    MOST_REGEXES,
    BoundedRegex,
)
from gateway.core.routing.mesh.virtual_service import MOST_MATCHES, read_virtual_service
from tests.builders import message, version
from tests.hostile_objects import (
    BOMBS,
    ROUTE,
    http_routes,
    on_header,
    on_headers,
    origins,
    regexes,
    service,
    services,
)
from tools.fuzz.routing_file import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.core.routing.mesh.outcomes import FollowedDecision
    from gateway.core.routing.mesh.values import FollowedObject

STABLE = version("stable", url="http://b-primary.shop:8080/events")
CANARY = version("canary", url="http://b-canary.shop:8080/events")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders", namespace="shop")
FOLLOW = Follow(8080, "/events?q=1", namespace="shop", mirror=True)
CALLS_TO_BEGIN_WITH = 3_000
CALLS_PER_BYTE = 4
CALLS_OF_A_MESSAGE = 4 * MOST_MATCHES
LONGEST = (MOST_PROBLEMS + 2) * 3 * MOST_CHARACTERS
OBJECTS = {
    **{name: (read_virtual_service, each) for name, each in services().items()},
    **{name: (read_http_route, each) for name, each in http_routes().items()},
    **{f"regexes {each[:20]}": (read_virtual_service, regexes(each)) for each in BOMBS},
}
VALUES = {
    "equal": "a" * MOST_HEADER_BYTES,
    "mixed": "".join("ab"[int(bit)] for bit in f"{3**5169:b}")[:MOST_HEADER_BYTES],
    "wide": "é" * (MOST_HEADER_BYTES // 2),
    "NUL": "\0" * MOST_HEADER_BYTES,
    "no UTF-8": "\ud800" * MOST_HEADER_BYTES,
}


def compiled(read: Any, document: Any) -> Followed | InvalidObject:
    try:
        return Followed(read(document), FOLLOW, FOLLOWING)
    except InvalidObject as problem:
        return problem


def refused(root: FollowedObject, leaf: FollowedObject) -> str:
    with pytest.raises(InvalidObject) as caught:
        merged(root, [leaf])
    return str(caught.value)


def service_of(document: Any) -> FollowedObject:
    return read_virtual_service(document)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_costs_a_few_calls_for_each_of_its_bytes(name: str) -> None:
    read, document = OBJECTS[name]
    found, calls = counted(lambda: compiled(read, document))
    size = len(json.dumps(document))
    assert calls <= CALLS_TO_BEGIN_WITH + CALLS_PER_BYTE * size, (calls, size)
    said = [str(found)] if isinstance(found, InvalidObject) else [found.not_applied, *found.notes]
    assert sum(map(len, said)) <= LONGEST
    assert all(each.isprintable() for each in said)


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_shown_of_an_object_is_bounded(name: str) -> None:
    found = compiled(*OBJECTS[name])
    if isinstance(found, Followed):
        shown = found.named_destinations
        assert len(shown) <= 100
        assert len(shown) + found.destinations_left_out == len(found.destinations)
        assert all(each.isprintable() for each in shown)
        assert sum(map(len, shown)) <= 100 * LONGEST
        assert len(found.notes) <= MOST_PROBLEMS + 1


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", OBJECTS)
def test_a_message_costs_no_more_than_a_few_calls_for_each_condition(name: str, value: str) -> None:
    found = compiled(*OBJECTS[name])
    if isinstance(found, Followed):
        sent = message(attributes={"x": VALUES[value]})
        decision, calls = counted(lambda: found.decide(sent))
        assert calls <= CALLS_OF_A_MESSAGE
        assert decision == found.decide(sent)
        assert counted(lambda: found.copied(sent, STABLE, CANARY))[1] <= 2 * CALLS_OF_A_MESSAGE


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("pattern", BOMBS)
def test_all_regexes_of_an_object_take_a_bounded_number_of_steps(
    pattern: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if RE2 took each instruction for each byte, which it does where it is slowest."""
    steps = 0
    asked = BoundedRegex.holds

    def counting(regex: BoundedRegex, value: str | None) -> bool:
        nonlocal steps
        steps += regex.steps * len((value or "").encode("utf-8", "replace"))
        return asked(regex, value)

    found = compiled(read_virtual_service, regexes(pattern))
    if isinstance(found, Followed):
        monkeypatch.setattr(BoundedRegex, "holds", counting)
        found.decide(message(attributes={"x": VALUES[value]}))
        assert steps <= MOST_STEPS


def test_a_message_that_would_take_too_many_steps_goes_to_stable_and_is_counted() -> None:
    strays: list[FollowedDecision] = []
    seen = service_of(regexes("[ab]*a[ab]{900}c", 1))
    found = Followed(seen, FOLLOW, FOLLOWING, strays.append)
    sent = message(attributes={"x": VALUES["mixed"]})
    assert found.decide_for(sent, counted=True) == Decision(STABLE, Reason.DEFAULT)
    assert [each.unroutable for each in strays] == [True]


def test_a_hundred_usual_regexes_are_asked_of_a_usual_value() -> None:
    asked = regexes(r"(^|.*;\s*)tier=gold\d(;.*)?$", 100)
    asked["spec"]["http"][-1] = {"match": [on_header(regex=".*tier=gold7.*")], "route": ROUTE}
    found = Followed(service_of(asked), FOLLOW, FOLLOWING)
    sent = message(attributes={"x": "a=1; tier=gold7; b=" + "x" * 80})
    assert found.decide(sent).decision.reason is Reason.RULE


@pytest.mark.parametrize("make", [regexes, origins])
@pytest.mark.parametrize("pattern", BOMBS)
def test_the_regexes_of_an_object_are_bounded_together(
    pattern: str, make: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once they are too large together no other one is compiled."""
    made: list[int] = []
    compile_it = BoundedRegex.__post_init__

    def counting(regex: BoundedRegex) -> None:
        made.append(MOST_INSTRUCTIONS // 10)
        compile_it(regex)
        made[-1] = regex.instructions

    monkeypatch.setattr(BoundedRegex, "__post_init__", counting)
    compiled(read_virtual_service, make(pattern))
    if not isinstance(compiled(read_virtual_service, make(pattern)), InvalidObject):
        assert sum(made[:-1]) <= 2 * MOST_INSTRUCTIONS + max(made)


def test_regexes_that_are_too_large_to_compile_are_tried_a_few_times_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = 0
    compile_it = BoundedRegex.__post_init__

    def counting(regex: BoundedRegex) -> None:
        nonlocal tried
        tried += 1
        compile_it(regex)

    monkeypatch.setattr(BoundedRegex, "__post_init__", counting)
    found = service_of(regexes(f"({ascii_lowercase}){{900}}"))
    assert tried <= 11
    assert all(each.blocked for each in found.routes[:-1])
    assert not found.routes[-1].blocked


def test_regexes_that_are_not_obeyed_are_checked_up_to_the_two_hundredth() -> None:
    for count, fine in ((MOST_REGEXES - 1, False), (MOST_REGEXES, True)):
        asked = origins("a", count)
        asked["spec"]["http"][0]["corsPolicy"]["allowOrigins"].append({"regex": "("})
        assert isinstance(compiled(read_virtual_service, asked), Followed) is fine


def test_routes_past_the_fiftieth_delegate_are_passed_over() -> None:
    seen = service_of(services()["1,000 delegates"])
    wanted = {each.delegate for each in seen.routes if each.delegate and not each.blocked}
    assert len(wanted) == MOST_DELEGATES
    assert "more than 50 delegates" in seen.notes[0]
    assert not seen.routes[-1].blocked


def test_notes_of_many_delegates_are_counted() -> None:
    there = service(*({"delegate": {"name": f"d{at}"}} for at in range(MOST_DELEGATES)))
    found = merged(service_of(there), [])
    assert len(found.notes) == MOST_PROBLEMS + 1
    assert found.notes[-1] == f"and {MOST_DELEGATES - MOST_PROBLEMS} more"


@pytest.mark.parametrize(
    "condition",
    [
        {"queryParams": {f"q{at}": {} for at in range(1500)}},
        {"sourceLabels": {f"l{at}": "" for at in range(1500)}},
        {"gateways": [f"g{at}" for at in range(1500)]},
    ],
)
def test_conditions_of_any_kind_are_bounded_where_a_delegate_multiplies_them(
    condition: dict[str, Any],
) -> None:
    root = service_of(service({"match": [condition], "delegate": {"name": "d"}}))
    leaf = service_of(service({"match": on_headers(1500), "route": ROUTE}, name="d", hosts=[]))
    problem, calls = counted(lambda: refused(root, leaf))
    assert "with delegates more than 2000 matches" in problem
    assert calls < 20_000


def test_the_regexes_of_delegates_are_bounded_together() -> None:
    many = [{"delegate": {"name": f"d{at}"}} for at in range(3)]
    leaves = [
        service_of({**regexes(f"{at}x", 80), "metadata": _named(f"d{at}")}) for at in range(3)
    ]
    leaves = [_without_hosts(each) for each in leaves]
    with pytest.raises(InvalidObject, match="with delegates more than 200 regexes"):
        merged(service_of(service(*many)), leaves)
    assert merged(service_of(service(*many[:2])), leaves[:2]).routes


def test_many_mirrors_to_one_version_are_one() -> None:
    found = Followed(service_of(services()["10,000 mirrors"]), FOLLOW, FOLLOWING)
    assert len(found.decide(message()).copies) == 1
    assert found.decide(message()).copies[0].percent == 10_000
    assert (
        found.copied(message(), found.decide(message()).decision.version or STABLE, CANARY) == 100
    )


def test_a_regex_of_1024_bytes_is_the_longest() -> None:
    for length, fine in ((1024, True), (1025, False)):
        found = compiled(
            read_virtual_service,
            service({"match": [on_header(regex="x" * length)], "route": ROUTE}),
        )
        assert isinstance(found, Followed) is fine


def test_no_group_of_a_regex_is_ever_found() -> None:
    """RE2 takes many times as long where it is asked for them."""
    assert BoundedRegex("(a)(b)|(c)")._compiled.groups == 0


def _named(name: str) -> dict[str, str]:
    return {"name": name, "namespace": "shop"}


def _without_hosts(seen: FollowedObject) -> FollowedObject:
    return replace(seen, hosts=())
