"""A list and its watch go on through all that the API's concepts page, and worse, has in store."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from gateway.adapters.kubernetes.errors import KubernetesError, UnreachableError
from gateway.adapters.kubernetes.resource import config_maps
from gateway.adapters.kubernetes.watch import Watch
from tests.hostile_objects import nested
from tests.unit.adapters.kubernetes.scripted_api import (
    Heard,
    ScriptedApi,
    Step,
    bookmark,
    event,
    thing,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from gateway.adapters.kubernetes.resource import Resource

pytestmark = pytest.mark.looptime

MAPS = config_maps("shop")
EXPIRED = {"metadata": {}, "code": 410, "reason": "Expired", "message": "too old"}


async def follow(api: ScriptedApi) -> Heard:
    """Run the loop until the script is over."""
    heard = Heard()
    task = asyncio.create_task(Watch(api, MAPS, heard, jitter=lambda: 1.0).run())
    await asyncio.wait(
        [task, asyncio.create_task(api.finished.wait())], return_when="FIRST_COMPLETED"
    )
    assert not task.done()
    task.cancel()
    await asyncio.wait([task])
    assert api.open == 0
    return heard


def calls(api: ScriptedApi) -> list[str]:
    return [what for _, what in api.calls]


async def test_a_list_comes_first_and_its_watch_goes_on_from_it() -> None:
    a, b = thing("a", 5), thing("b", 11)
    api = ScriptedApi([("10", [a])], [[event("ADDED", b, 3.0)]])
    heard = await follow(api)
    assert heard.changes == [("a", a), ("b", b)]
    assert calls(api) == ["list", "watch 10", "watch 11"]


async def test_a_deleted_object_is_gone() -> None:
    a = thing("a", 5)
    heard = await follow(ScriptedApi([("10", [a])], [[event("DELETED", thing("a", 11), 3.0)]]))
    assert heard.changes == [("a", a), ("a", None)]


async def test_after_a_clean_end_the_watch_goes_on_from_the_last_bookmark() -> None:
    api = ScriptedApi([("10", [])], [[bookmark(20, 60.0)], [bookmark(30, 60.0)]])
    heard = await follow(api)
    assert calls(api) == ["list", "watch 10", "watch 20", "watch 30"]
    assert heard.errors == []
    assert heard.synced_at == [0.0, 60.0, 60.0, 120.0, 120.0]


async def test_a_clean_end_without_an_event_counts_as_seen_if_it_took_its_time() -> None:
    api = ScriptedApi([("10", [])], [[(61.0, None)]])
    heard = await follow(api)
    assert calls(api) == ["list", "watch 10", "watch 10"]
    assert heard.synced_at == [0.0, 61.0]


async def test_a_watch_that_ends_at_once_is_followed_by_a_list() -> None:
    """Some API servers close a watch from too old a version without a 410."""
    api = ScriptedApi([("10", []), ("90", [thing("a", 80)])], [[], [bookmark(91, 5.0)]])
    heard = await follow(api)
    assert calls(api) == ["list", "watch 10", "list", "watch 90", "watch 91"]
    assert heard.changes == [("a", thing("a", 80))]


async def test_watches_that_always_end_at_once_do_not_become_a_hot_loop() -> None:
    api = ScriptedApi([("10", []) for _ in range(12)], [[] for _ in range(12)])
    await follow(api)
    times = [at for at, what in api.calls if what == "list"]
    assert [round(b - a, 1) for a, b in pairwise(times)][:7] == [
        0.2, 0.4, 0.8, 1.6, 3.2, 4.0, 4.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "expired",
    [event("ERROR", EXPIRED, 5.0), (5.0, KubernetesError("watch: 410 too old", 410, "Expired"))],
)
async def test_410_leads_to_a_list_and_only_what_differs_is_a_change(expired: Step) -> None:
    """As an event of the watch, or as the status of its response; it is no trouble to report."""
    a, b, c = thing("a", 5), thing("b", 6), thing("c", 40)
    api = ScriptedApi([("10", [a, b]), ("50", [a, c])], [[expired]])
    heard = await follow(api)
    assert heard.changes == [("a", a), ("b", b), ("b", None), ("c", c)]
    assert calls(api) == ["list", "watch 10", "list", "watch 50"]
    assert heard.errors == []


@pytest.mark.parametrize("code", [429, 500])
async def test_any_other_error_event_leads_to_a_list_and_is_reported(code: int) -> None:
    status = {"metadata": {}, "code": code, "message": "later"}
    api = ScriptedApi([("10", []), ("50", [])], [[event("ERROR", status, 5.0)]])
    heard = await follow(api)
    assert calls(api) == ["list", "watch 10", "list", "watch 50"]
    assert heard.errors == [f"watch configmaps shop/*: {code} later"]


async def test_a_broken_connection_is_followed_by_a_list() -> None:
    """The API server may return from a backup, with lower versions, or ones that are used again."""
    before, other = thing("a", 15, spec=1), thing("a", 15, spec=2)
    broken: Step = (1.0, UnreachableError("reset"))
    api = ScriptedApi([("20", [before]), ("16", [other])], [[bookmark(25, 3.0), broken]])
    heard = await follow(api)
    assert calls(api) == ["list", "watch 20", "list", "watch 16"]
    assert heard.errors == ["reset"]
    assert heard.changes == [("a", before), ("a", other)]


async def test_a_silent_connection_is_given_up_after_the_read_deadline() -> None:
    """90 s as asked for, and 10 more: 100 s at most, as the contract of the watch has it."""
    api = ScriptedApi([("10", []), ("20", [])], [[bookmark(20, 30.0)]], ends=False)
    heard = await follow(api)
    assert heard.errors == ["watch configmaps shop/*: the connection is silent and is given up"]
    assert calls(api)[-1] == "watch 20"
    assert api.calls[-1][0] == pytest.approx(100.2)


class NeverBegun(ScriptedApi):
    """Takes watches and says nothing, not even their status."""

    async def watch(
        self, resource: Resource, version: str, seconds: int, opened: Callable[[], None]
    ) -> AsyncGenerator[dict[str, Any]]:
        watched = super().watch(resource, version, seconds, lambda: None)
        async with aclosing(watched):
            async for each in watched:
                yield each


async def test_a_watch_that_does_not_begin_is_given_up_after_15_s() -> None:
    api = NeverBegun([("10", []), ("10", [])], [[bookmark(20, 60.0)]])
    heard = await follow(api)
    assert heard.errors == ["watch configmaps shop/*: the connection is silent and is given up"]
    assert (calls(api)[:3], api.calls[2][0]) == (["list", "watch 10", "list"], 15.2)


async def test_a_broken_connection_is_over_once_the_next_watch_has_begun() -> None:
    """Not only once something changes: an API server that restarts is no hour out of reach."""
    broken: Step = (0.0, UnreachableError("refused"))
    api = ScriptedApi(
        [("10", [])] * 3, [[(5.0, UnreachableError("reset"))], [broken], [bookmark(20, 60.0)]]
    )
    heard = await follow(api)
    assert heard.errors == ["reset", "refused"]
    assert [round(at, 1) for at in heard.reached_at] == [0.0, 5.6]


async def test_a_list_does_not_say_that_a_watch_is_let() -> None:
    """A Role with `list` alone: what is missing stays said."""
    refused: Step = (0.0, KubernetesError("watch: forbidden", 403))
    api = ScriptedApi([("10", []), ("11", [])], [[refused], [refused]])
    heard = await follow(api)
    assert (heard.errors, heard.reached_at) == (["watch: forbidden"] * 2, [])


async def test_a_watch_that_was_open_for_a_while_ends_the_backoff() -> None:
    """Nothing has changed in it, which is what most watches see."""
    down: Step = (0.0, UnreachableError("refused"))
    lost: Step = (30.0, UnreachableError("reset"))
    api = ScriptedApi([("10", [])] * 6, [[down], [down], [down], [down], [lost]])
    await follow(api)
    times = [at for at, what in api.calls if what == "list"]
    assert [round(b - a, 1) for a, b in pairwise(times)] == [0.2, 0.4, 0.8, 1.6, 30.2]


async def test_a_list_that_fails_is_tried_again_with_a_growing_backoff() -> None:
    down = KubernetesError("list: 503", 503)
    api = ScriptedApi([down, down, down, ("10", [])], [])
    heard = await follow(api)
    assert [round(at, 1) for at, _ in api.calls] == [0.0, 0.2, 0.6, 1.4, 1.4]
    assert heard.errors == ["list: 503"] * 3


async def test_the_backoff_begins_anew_after_an_event() -> None:
    broken: Step = (0.0, UnreachableError("reset"))
    api = ScriptedApi([("10", [])] * 4, [[broken], [broken], [bookmark(20), broken]])
    await follow(api)
    times = [round(at, 1) for at, what in api.calls if what == "list"]
    assert times == [0.0, 0.2, 0.6, 0.8]


@pytest.mark.parametrize(
    "found", [{}, {"metadata": {}}, {"metadata": None}, thing("", 1) | {"metadata": 5}]
)
async def test_an_event_that_is_no_object_leads_to_a_list(found: dict[str, object]) -> None:
    api = ScriptedApi([("10", []), ("50", [])], [[event("MODIFIED", found, 5.0)]])
    heard = await follow(api)
    assert heard.errors == ["watch configmaps shop/*: an event has no object"]
    assert calls(api)[2] == "list"


async def test_a_list_of_what_are_no_objects_is_tried_again() -> None:
    api = ScriptedApi([("10", [{"metadata": {}}]), ("50", [thing("a", 40)])], [])
    heard = await follow(api)
    assert heard.errors == ["list configmaps shop/*: an item is no object"]
    assert heard.changes == [("a", thing("a", 40))]


@pytest.mark.parametrize("odd", [5, None, [], {"a": 1}, nested()])
async def test_a_name_or_version_that_is_no_text_leads_to_a_list(odd: object) -> None:
    for metadata in ({"name": odd, "resourceVersion": "1"}, {"name": "a", "resourceVersion": odd}):
        bad = {"metadata": metadata}
        heard = await follow(ScriptedApi([("10", []), ("50", [])], [[event("MODIFIED", bad, 5.0)]]))
        assert heard.errors == ["watch configmaps shop/*: an event has no object"]
        heard = await follow(ScriptedApi([("10", [bad]), ("50", [])], []))
        assert heard.errors == ["list configmaps shop/*: an item is no object"]


async def test_an_error_whose_message_is_no_text_is_told_without_it() -> None:
    bad = {"code": 500, "message": nested(), "reason": nested()}
    heard = await follow(ScriptedApi([("10", []), ("50", [])], [[event("ERROR", bad, 5.0)]]))
    assert heard.errors == ["watch configmaps shop/*: 500 no reason given"]


async def test_what_an_event_repeats_is_no_change() -> None:
    a = thing("a", 5)
    repeated = [event("ADDED", a, 5.0), event("DELETED", thing("b", 6))]
    heard = await follow(ScriptedApi([("10", [a])], [repeated]))
    assert heard.changes == [("a", a)]


async def test_an_unknown_type_of_event_is_passed_over() -> None:
    api = ScriptedApi([("10", [])], [[event("LATER", thing("a", 11), 5.0)]])
    heard = await follow(api)
    assert (heard.changes, heard.errors) == ([], [])
    assert calls(api)[-1] == "watch 11"
