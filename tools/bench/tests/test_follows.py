"""The mode `follow`: what is measured is what it says."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from gateway.config.loader import load
from gateway.core.routing.decision import Reason
from tools.bench import decisions, follows
from tools.bench.followed_objects import changing, cluster
from tools.bench.tests.test_bench import run_at

if TYPE_CHECKING:
    from pathlib import Path


class Here:
    """An arena, as far as its services go."""

    class services:  # noqa: N801 - as the arena has it
        http = "http://127.0.0.1:1"


@pytest.mark.parametrize("follows_one", [True, False])
def test_the_routes_load_and_follow_where_they_shall(follows_one: bool) -> None:  # noqa: FBT001
    here: Any = Here
    text = follows._routing(here, ["a", "b"], follows=follows_one, wait=1)
    routes = load(text.encode(), "routes.yaml").routes
    assert [each.name for each in routes] == ["a", "b"]
    assert all((each.follow is not None) is follows_one for each in routes)


@pytest.mark.parametrize("length", decisions.LENGTHS)
def test_a_fifth_of_the_messages_takes_a_route_of_the_object(length: int) -> None:
    decide = decisions.followed(length).decide
    reasons = [decide(each).decision.reason for each in decisions.messages()]
    by_route = min(length - 1, decisions.MESSAGES // 5)
    assert reasons.count(Reason.RULE) == by_route
    assert reasons.count(Reason.SPLIT) == decisions.MESSAGES - by_route


async def test_an_object_is_made_and_changes(tmp_path: Path) -> None:
    made: list[int] = []
    async with cluster(tmp_path) as api:
        await api.create("a", 3)
        async with changing(api, "a", made):
            while len(made) < 3:  # noqa: ASYNC110 - each one is a request
                await asyncio.sleep(0.005)
        assert (tmp_path / "kubeconfig").exists()


def test_following_is_compared_with_a_split_within_each_turn() -> None:
    turns = {
        follows.SPLIT: [run_at(100.0), run_at(2_000.0)],
        follows.FOLLOWS: [run_at(98.0), run_at(1_960.0)],
    }
    rests = {"1 object": [follows.Rest(0.01, 60.0, 0.0)]}
    text = follows.text(turns, rests, {"uncompiled": {1: 2.0, 20: 3.0}})
    assert "0.980" in text
    assert re.search(r"1 object +1\.00% +60 +0", text)
    assert re.search(r"uncompiled +2\.00 +3\.00", text)
