"""Rollouts over the admin port, as commands, controllers and people with curl meet them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.adapters.admin import json_bodies
from gateway.adapters.admin.policy import Protection
from gateway.core.rollout.judge import Verdict
from gateway.core.rollout.state import RolloutPhase
from gateway.core.rollout.verbs import Verb
from gateway.rollout_port import WeightsError
from gateway.state_port import StateError
from tests.builders import route
from tests.fakes.rollouts import ROLLBACK, FakeRollouts, rollout_view, unjudged_view
from tests.unit.adapters.admin.admin_port import admin_server, serving
from tests.unit.adapters.fakes import FakeControl, view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import aiohttp

ROUTES: Final = "/api/routes"
ROLLOUT: Final = f"{ROUTES}/orders/rollout"
WEIGHTS: Final = f"{ROUTES}/orders/weights"
VERDICT: Final = f"{ROUTES}/orders/verdict"
CHANGES: Final = [*(("POST", f"{ROLLOUT}/{verb}") for verb in Verb), ("PUT", WEIGHTS)]
OPEN: Final = Protection()
CHANGES_AND_DELETE: Final = [*CHANGES, ("DELETE", WEIGHTS)]


@pytest.fixture
def rollouts() -> FakeRollouts:
    back = rollout_view(
        "back", plan=ROLLBACK, phase=RolloutPhase.IDLE, step=0, verdict=Verdict.PASS
    )
    return FakeRollouts(rollout_view(), unjudged_view("plain"), back)


@asynccontextmanager
async def port(
    rollouts: FakeRollouts, token: str | None = None, protection: Protection = OPEN
) -> AsyncIterator[aiohttp.ClientSession]:
    routes = [route({"stable": 95, "canary": 5}, name=name) for name in ("orders", "plain", "back")]
    control = FakeControl([view(each) for each in routes])
    async with serving(control, token=token, protection=protection, rollouts=rollouts) as session:
        yield session


@pytest.fixture
async def session(rollouts: FakeRollouts) -> AsyncIterator[aiohttp.ClientSession]:
    async with port(rollouts) as open_session:
        yield open_session


async def said(answer: aiohttp.ClientResponse, status: int = 200) -> Any:
    assert (answer.status, answer.content_type) == (status, "application/json")
    return json.loads(await answer.read(), parse_constant=refuse)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


async def why(answer: aiohttp.ClientResponse, status: int) -> str:
    error = await said(answer, status)
    assert list(error) == ["error"]
    return str(error["error"])


# ---- what there is to see -----------------------------------------------------------------------


async def test_a_rollout_shows_every_member(session: aiohttp.ClientSession) -> None:
    async with session.get(ROLLOUT) as answer:
        shown = await said(answer)
    assert shown == {
        "route": "orders",
        "phase": "progressing",
        "canary": "canary",
        "stable": "stable",
        "revision": "2026-11-29.1",
        "step": 1,
        "steps": [
            {"weight": 1, "every_seconds": 600.0, "pause": False},
            {"weight": 5, "every_seconds": 600.0, "pause": False},
            {"weight": 25, "every_seconds": 600.0, "pause": True},
            {"weight": 100, "every_seconds": 3600.0, "pause": False},
        ],
        "weight": 5.0,
        "weights": {"stable": 95.0, "canary": 5.0},
        "override": None,
        "since": "2027-01-15T07:59:00.000Z",
        "deadline": "2027-01-16T08:00:00.000Z",
        "verdict": "wait",
        "value": 0,
        "reason": "132 of 200 messages",
        "evidence": {
            "messages": {"canary": 132, "stable": 2514},
            "failed": {"canary": 1, "stable": 3},
            "slow": {"canary": 0, "stable": 1},
            "failure_ratio": {"canary": 0.007576, "stable": 0.001193},
            "chance": 1.0,
            "min_messages": 200,
        },
        "limits": {
            "max_failure_ratio": 0.02,
            "max_p99_seconds": 2.0,
            "margin": 0.05,
            "tolerance": 0.01,
        },
        "generation": 17,
        "history": [
            {
                "at": "2027-01-15T07:59:00.000Z",
                "by": "the gateway",
                "action": "step",
                "from": 1,
                "to": 5,
                "reason": "passed",
            }
        ],
        "problems": [],
    }


async def test_a_route_that_nothing_judges_is_phase_none_and_passes(
    session: aiohttp.ClientSession,
) -> None:
    async with session.get(f"{ROUTES}/plain/rollout") as answer:
        shown = await said(answer)
    assert (shown["phase"], shown["verdict"], shown["value"]) == ("none", "pass", 1)
    assert (shown["canary"], shown["steps"], shown["limits"]) == (None, [], None)
    assert (shown["weight"], shown["since"], shown["deadline"]) == (None, None, None)
    assert (shown["weights"], shown["revision"]) == ({"stable": 90.0, "canary": 10.0}, "")
    async with session.get(f"{ROUTES}/plain/verdict") as answer:
        assert await said(answer) == {
            "verdict": "pass",
            "value": 1,
            "reason": "nothing judges this route",
            "failure_ratio": {"canary": 0.0, "stable": 0.0},
            "messages": {"canary": 0, "stable": 0},
            "chance": 1.0,
        }


async def test_a_rollback_alone_is_held_to_its_own_limit(session: aiohttp.ClientSession) -> None:
    async with session.get(f"{ROUTES}/back/rollout") as answer:
        shown = await said(answer)
    assert (shown["phase"], shown["steps"]) == ("idle", [])
    assert shown["limits"]["max_failure_ratio"] == 0.1
    assert shown["evidence"]["min_messages"] == 20


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("number", [0.25, 0.0, float("nan"), float("inf"), -1.0, 7.0])
async def test_a_verdict_is_200_and_never_null_or_nan(
    session: aiohttp.ClientSession, rollouts: FakeRollouts, verdict: Verdict, number: float
) -> None:
    rollouts.seen["orders"] = rollout_view(
        verdict=verdict, p_value=number, weights={"stable": number, "canary": number}
    )
    async with session.get(VERDICT) as answer:
        shown = await said(answer)
    assert shown["verdict"] == verdict.value
    assert shown["value"] == {"pass": 1, "wait": 0, "abort": -1}[verdict]
    assert 0 <= shown["chance"] <= 1
    assert None not in [*shown.values(), *shown["messages"].values()]
    async with session.get(ROLLOUT) as answer:
        assert (await said(answer))["value"] == shown["value"]


async def test_a_moment_that_is_no_date_is_null(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    rollouts.seen["orders"] = rollout_view(since=1e300, deadline=-1e20)
    async with session.get(ROLLOUT) as answer:
        shown = await said(answer)
    assert (shown["since"], shown["deadline"]) == (None, None)


async def test_the_routes_show_their_rollouts_and_what_is_wrong_with_the_state(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    rollouts.seen["orders"] = rollout_view(problems=("the state is out of reach: 403",))
    async with session.get(ROUTES) as answer:
        shown = await said(answer)
    assert shown["state"] == {"problems": ["the state is out of reach: 403"]}
    orders, plain, _ = shown["routes"]
    assert orders["rollout"]["reason"] == "132 of 200 messages"
    assert (plain["rollout"], plain["override"]) == (None, None)


# ---- verbs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "phase"),
    [("pause", "paused"), ("promote", "waiting"), ("abort", "aborted"), ("resume", "progressing")],
)
async def test_a_verb_is_done_and_twice_is_as_once(
    session: aiohttp.ClientSession, verb: str, phase: str
) -> None:
    async with session.post(f"{ROLLOUT}/{verb}") as answer:
        first = await said(answer)
    assert first["phase"] == phase
    if verb == "promote":  # each call is one step more
        assert first["step"] == 2
        return
    async with session.post(f"{ROLLOUT}/{verb}") as answer:
        assert await said(answer) == first


async def test_an_abort_takes_all_from_the_canary_and_a_retry_begins_anew(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    async with session.post(f"{ROLLOUT}/abort", json={"reason": "wrong", "by": "Ana"}) as answer:
        aborted = await said(answer)
    assert (aborted["weight"], aborted["weights"]) == (0.0, {"stable": 100.0, "canary": 0.0})
    assert (aborted["history"][-1]["by"], aborted["history"][-1]["reason"]) == ("Ana", "wrong")
    async with session.post(f"{ROLLOUT}/retry") as answer:
        assert (await said(answer))["step"] == 0
    assert rollouts.asked[-1].by == "the API"


@pytest.mark.parametrize(
    ("query", "body"), [("?full=true", None), ("", {"full": True}), ("?full=false", {"full": True})]
)
async def test_promote_goes_one_step_and_in_full_to_the_end(
    session: aiohttp.ClientSession, query: str, body: Mapping[str, Any] | None
) -> None:
    async with session.post(f"{ROLLOUT}/promote{query}", json=body) as answer:
        shown = await said(answer)
    assert (shown["phase"], shown["step"], shown["weight"]) == ("promoted", 3, 100.0)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (f"{ROLLOUT}/retry", "progressing"),
        (f"{ROUTES}/plain/rollout/abort", "none"),
        (f"{ROUTES}/back/rollout/promote", "idle"),
    ],
)
async def test_what_the_phase_does_not_allow_is_409_and_names_it(
    session: aiohttp.ClientSession, path: str, names: str
) -> None:
    async with session.post(path) as answer:
        assert names in await why(answer, 409)


async def test_a_verb_after_the_promotion_is_409(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    rollouts.seen["orders"] = rollout_view(phase=RolloutPhase.PROMOTED, step=3)
    for verb in Verb:
        async with session.post(f"{ROLLOUT}/{verb}") as answer:
            assert "promoted" in await why(answer, 409)


@pytest.mark.parametrize(
    "given",
    [
        {"by": "x" * 500, "reason": "y" * 5_000},
        {"by": "a\nforged \x1b[31m line", "reason": "\u202edesrever"},
        {"by": "   ", "reason": ""},
        {"by": "\ud800"},
    ],
)
async def test_who_asks_and_why_are_printable_and_bounded(
    session: aiohttp.ClientSession, rollouts: FakeRollouts, given: Mapping[str, str]
) -> None:
    async with session.post(f"{ROLLOUT}/pause", json=given) as answer:
        await said(answer)
    (asked,) = rollouts.asked
    assert 1 <= len(asked.by) <= 100
    assert len(asked.reason) <= 500
    assert (asked.by + asked.reason).isprintable()


async def test_who_asks_may_be_in_the_query(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    for method, path in CHANGES_AND_DELETE:
        body = '{"canary": 7}' if method == "PUT" else None
        async with session.request(method, f"{path}?by=Ana", data=body):
            assert rollouts.asked[-1].by == "Ana"


# ---- weights by hand ----------------------------------------------------------------------------


async def test_weights_are_set_by_hand_until_they_are_taken_back(
    session: aiohttp.ClientSession,
) -> None:
    for _ in range(2):
        async with session.put(WEIGHTS, json={"canary": 20}) as answer:
            shown = await said(answer)
        assert (shown["override"], shown["phase"]) == ({"canary": 20, "stable": 80}, "paused")
        assert shown["weights"] == {"stable": 80.0, "canary": 20.0}
        assert shown["generation"] == 18
    for _ in range(2):
        async with session.delete(WEIGHTS) as answer:
            shown = await said(answer)
        assert (shown["override"], shown["phase"], shown["weight"]) == (None, "paused", 5.0)


@pytest.mark.parametrize(
    "body", [{"canary": 0}, {"stable": 100}, {"canary": 100}, {"stable": 60, "canary": 40}]
)
async def test_weights_that_can_be_set(
    session: aiohttp.ClientSession, body: Mapping[str, int]
) -> None:
    async with session.put(WEIGHTS, json=body) as answer:
        assert sum((await said(answer))["weights"].values()) == 100


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{}", "no version is named: stable, canary"),
        ("", "no version is named: stable, canary"),
        ('{"canry": 5}', "no version canry"),
        ('{"canary": 20.5}', "canary is no whole number"),
        ('{"canary": 20.0}', "whole number"),
        ('{"canary": "20"}', "whole number"),
        ('{"canary": true}', "whole number"),
        ('{"canary": null}', "whole number"),
        ('{"canary": -1}', "must be 0 to 100"),
        ('{"canary": 1e999}', "whole number"),
        ('{"canary": NaN}', "NaN"),
        ('{"canary": 101}', "must be 0 to 100"),
        ('{"canary": 60, "stable": 60}', "at most 100 in all"),
        ('{"canary": 0, "stable": 0}', "all weights are 0"),
        ('{"canary": 5, "canary": 6}', "canary comes twice"),
        ("[5]", "no JSON object"),
        ("5", "no JSON object"),
        ('{"canary": 5', "no JSON"),
        ("[" * 60_000, "no JSON"),
        ('{"canary": ' + "9" * 60_000 + "}", "no JSON"),
        ('{"canary": 5}'.encode("utf-16"), "no JSON"),
        (b"\xff", "no JSON"),
    ],
)
async def test_weights_that_cannot_be_set_are_422_with_what_is_wrong(
    session: aiohttp.ClientSession, rollouts: FakeRollouts, body: str | bytes, says: str
) -> None:
    async with session.put(WEIGHTS, data=body) as answer:
        assert says in await why(answer, 422)
    assert not rollouts.asked


async def test_weights_that_rollouts_refuse_are_422(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    rollouts.error = WeightsError("a route that follows an object has none")
    async with session.put(WEIGHTS, json={"canary": 5}) as answer:
        assert await why(answer, 422) == "a route that follows an object has none"


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"why": "x"}, "the key why; there are: by, reason, full"),
        ({"by": 5}, "by is no text"),
        ({"reason": None}, "reason is no text"),
        ({"full": "yes"}, "full is true or false"),
        ({"full": 1}, "full is true or false"),
        ({"full": True}, "full goes with promote"),
    ],
)
async def test_a_verbs_body_that_is_not_understood_is_422(
    session: aiohttp.ClientSession, rollouts: FakeRollouts, body: Mapping[str, Any], says: str
) -> None:
    async with session.post(f"{ROLLOUT}/pause", json=body) as answer:
        assert says in await why(answer, 422)
    assert not rollouts.asked


@pytest.mark.parametrize("name", ["nowhere", "Orders", "%00", "a" * 300, "%1b%5b31m", "%7B"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "rollout"), ("GET", "verdict"), ("POST", "rollout/abort"), ("PUT", "weights")],
)
async def test_an_unknown_route_is_404_with_the_routes_there_are(
    session: aiohttp.ClientSession, name: str, method: str, path: str
) -> None:
    async with session.request(method, f"{ROUTES}/{name}/{path}") as answer:
        assert "there are: orders, plain, back" in await why(answer, 404)


async def test_a_route_that_is_gone_by_now_is_404(rollouts: FakeRollouts) -> None:
    del rollouts.seen["orders"]
    async with port(rollouts) as session:
        for method, path in [("GET", ROLLOUT), ("GET", VERDICT), *CHANGES_AND_DELETE]:
            body = '{"canary": 7}' if method == "PUT" else None
            async with session.request(method, path, data=body) as answer:
                assert "orders" in await why(answer, 404)


async def test_a_state_that_is_out_of_reach_is_503_with_the_reason(
    session: aiohttp.ClientSession, rollouts: FakeRollouts
) -> None:
    rollouts.error = StateError("the ConfigMap gateway is out of reach: timed out")
    for method, path in CHANGES_AND_DELETE:
        body = '{"canary": 7}' if method == "PUT" else None
        async with session.request(method, path, data=body) as answer:
            assert await why(answer, 503) == "the ConfigMap gateway is out of reach: timed out"


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_a_body_of_more_than_64_kib_is_413(
    session: aiohttp.ClientSession, rollouts: FakeRollouts, method: str, path: str
) -> None:
    async with session.request(method, path, data=b" " * 65_537) as answer:
        assert "65,536" in await why(answer, 413)
    assert not rollouts.asked


async def test_a_body_that_does_not_come_is_408(
    rollouts: FakeRollouts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_bodies, "READ_SECONDS", 0.05)
    head = await raw(rollouts, f"POST {ROLLOUT}/pause HTTP/1.1\r\nContent-Length: 9\r\n", "{")
    assert head.split()[1] == b"408"
    assert not rollouts.asked


async def test_a_body_that_is_malformed_is_400(rollouts: FakeRollouts) -> None:
    head = await raw(
        rollouts, f"POST {ROLLOUT}/pause HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", "zz\r\n"
    )
    assert head.split()[1] == b"400"
    assert not rollouts.asked


async def raw(rollouts: FakeRollouts, head: str, body: str) -> bytes:
    """Send a request as it is written; return the status line."""
    control = FakeControl([view(route({"stable": 95, "canary": 5}))])
    server = admin_server(control, rollouts=rollouts)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"{head}Host: localhost\r\n\r\n{body}".encode())
    line = await reader.readline()
    writer.close()
    await server.stop()
    return line


# ---- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), CHANGES_AND_DELETE)
async def test_with_a_token_a_change_needs_it(
    rollouts: FakeRollouts, method: str, path: str
) -> None:
    body = '{"canary": 7}' if method == "PUT" else None
    async with port(rollouts, token="s3cret") as session:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            async with session.request(method, path, headers=headers, data=body) as answer:
                assert (answer.status, answer.content_type) == (401, "text/plain")
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert not rollouts.asked
        bearer = {"Authorization": "Bearer s3cret"}
        async with session.request(method, path, headers=bearer, data=body) as answer:
            assert answer.status in (200, 409)
    assert len(rollouts.asked) == 1


@pytest.mark.parametrize(("method", "path"), CHANGES_AND_DELETE)
async def test_without_a_token_another_sites_page_may_change_nothing(
    session: aiohttp.ClientSession, rollouts: FakeRollouts, method: str, path: str
) -> None:
    for headers in ({"Origin": "http://evil.test"}, {"Host": "rebound.evil.test"}):
        async with session.request(method, path, headers=headers, data="{}") as answer:
            assert (answer.status, answer.content_type) == (403, "text/plain")
    assert not rollouts.asked


async def test_protected_reads_cover_rollout_and_verdict(rollouts: FakeRollouts) -> None:
    async with port(rollouts, "s3cret", Protection(reads=True)) as session:
        for path in (ROLLOUT, VERDICT, f"{ROUTES}/nowhere/verdict"):
            async with session.get(path) as answer:
                assert answer.status == 401
        async with session.get(VERDICT, headers={"Authorization": "Bearer s3cret"}) as answer:
            assert answer.status == 200


# ---- methods ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        (ROLLOUT, "GET,HEAD"),
        (VERDICT, "GET,HEAD"),
        (f"{ROLLOUT}/pause", "POST"),
        (WEIGHTS, "DELETE,PUT"),
    ],
)
async def test_another_method_is_405_with_those_there_are(
    session: aiohttp.ClientSession, path: str, takes: str
) -> None:
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} - {*takes.split(",")}:
        async with session.request(method, path) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, takes)
            assert await answer.text() == f"this path takes {takes}\n"


@pytest.mark.parametrize("path", [ROLLOUT, VERDICT])
async def test_head_answers_as_get_without_the_body(
    session: aiohttp.ClientSession, path: str
) -> None:
    async with session.head(path) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        assert await answer.read() == b""


async def test_an_unknown_verb_is_404_with_the_paths_there_are(
    session: aiohttp.ClientSession,
) -> None:
    async with session.post(f"{ROLLOUT}/restart") as answer:
        assert (answer.status, answer.content_type) == (404, "text/plain")
        assert "/api/routes/{route}/rollout/{verb}" in await answer.text()
