"""Extra polls are shared out between the routes of a process."""

from __future__ import annotations

from gateway.runtime.poll_budget import MOST, MOST_OF_ONE, ExtraPolls


def taken(polls: ExtraPolls, route: str) -> int:
    """Take as many as there are for a route."""
    count = 0
    while polls.begin(route):
        count += 1
    return count


def test_one_busy_route_has_as_many_as_one_may_have() -> None:
    assert taken(ExtraPolls(), "orders") == MOST_OF_ONE


def test_routes_that_become_busy_together_have_equal_parts() -> None:
    polls = ExtraPolls(64)
    for route in "abcd":
        assert polls.begin(route)
    assert [taken(polls, route) for route in "abcd"] == [15, 15, 15, 15]


def test_there_are_never_more_than_the_process_may_have() -> None:
    polls = ExtraPolls()
    assert sum(taken(polls, f"route-{number}") for number in range(500)) == MOST


def test_a_route_lets_go_of_what_is_beyond_its_part_once_another_is_busy() -> None:
    polls = ExtraPolls(10)
    assert taken(polls, "first") == 10
    polls.end("first")
    assert polls.begin("second")
    assert not polls.may_go_on("first")
    for _ in range(4):
        polls.end("first")
    assert polls.may_go_on("first")
    assert taken(polls, "second") == 4


def test_what_is_given_back_is_there_for_others() -> None:
    polls = ExtraPolls(2)
    assert polls.begin("first")
    assert polls.begin("second")
    assert not polls.begin("third")
    polls.end("first")
    assert polls.begin("third")
