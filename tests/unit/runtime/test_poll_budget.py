"""Extra polls are shared out between the routes of a process."""

from __future__ import annotations

from gateway.runtime.poll_budget import MOST, MOST_OF_ONE, PollBudget


def taken(polls: PollBudget, route: str) -> int:
    """Take as many as there are for a route."""
    count = 0
    while polls.acquire(route):
        count += 1
    return count


def test_one_busy_route_has_as_many_as_one_may_have() -> None:
    assert taken(PollBudget(), "orders") == MOST_OF_ONE


def test_routes_that_become_busy_together_have_equal_parts() -> None:
    polls = PollBudget(64)
    for route in "abcd":
        assert polls.acquire(route)
    assert [taken(polls, route) for route in "abcd"] == [15, 15, 15, 15]


def test_there_are_never_more_than_the_process_may_have() -> None:
    polls = PollBudget()
    assert sum(taken(polls, f"route-{number}") for number in range(500)) == MOST


def test_a_route_lets_go_of_what_is_beyond_its_part_once_another_is_busy() -> None:
    polls = PollBudget(10)
    assert taken(polls, "first") == 10
    polls.release("first")
    assert polls.acquire("second")
    assert not polls.may_keep("first")
    for _ in range(4):
        polls.release("first")
    assert polls.may_keep("first")
    assert taken(polls, "second") == 4


def test_what_is_given_back_is_there_for_others() -> None:
    polls = PollBudget(2)
    assert polls.acquire("first")
    assert polls.acquire("second")
    assert not polls.acquire("third")
    polls.release("first")
    assert polls.acquire("third")
