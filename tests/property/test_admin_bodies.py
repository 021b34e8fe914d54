"""Whatever is sent to the admin port about rollouts: it is understood or explained, never a 500."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from unittest.mock import Mock
from urllib.parse import quote, urlencode

from aiohttp import StreamReader
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.admin.flagger import Gate
from gateway.core.rollout.verbs import Verb
from tests.builders import route
from tests.fakes.rollouts import FakeRollouts, rollout_view
from tests.unit.adapters.admin.admin_port import admin_server
from tests.unit.adapters.fakes import FakeControl, view

TEXTS = st.text(max_size=20)
NAMES = st.sampled_from(["canary", "stable", "by", "reason", "full", "metadata"]) | TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 120) | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4).map(lambda found: json.dumps(found).encode())
BODIES = OBJECTS | VALUES.map(lambda found: json.dumps(found).encode()) | st.binary(max_size=60)
QUERIES = st.dictionaries(st.sampled_from(["by", "reason", "full", "x"]), TEXTS, max_size=3)
CHANGES = st.sampled_from(
    [*(("POST", f"rollout/{verb}") for verb in Verb), ("PUT", "weights"), ("DELETE", "weights")]
)


def send(rollouts: FakeRollouts, method: str, path: str, body: bytes) -> tuple[int, str]:
    """Return the status and the text of the response."""

    async def ask() -> tuple[int, str]:
        control = FakeControl([view(route({"stable": 95, "canary": 5}))])
        stream = StreamReader(Mock(), 2**16, loop=asyncio.get_running_loop())
        stream.feed_data(body)
        stream.feed_eof()
        headers = {"Host": "127.0.0.1", "Authorization": "Bearer s3cret"}
        request = make_mocked_request(
            method, path, headers, payload=stream, client_max_size=64 * 1024
        )
        server = admin_server(control, rollouts=rollouts, token="s3cret")
        answer = await server._application()._handle(request)
        return answer.status, str(getattr(answer, "text", ""))

    return asyncio.run(ask())


@given(change=CHANGES, query=QUERIES, body=BODIES)
def test_any_body_and_query_of_a_change_is_understood_or_explained(
    change: tuple[str, str], query: dict[str, str], body: bytes
) -> None:
    method, below = change
    encoded = urlencode(query, errors="surrogatepass")
    rollouts = FakeRollouts(rollout_view())
    status, text = send(rollouts, method, f"/api/routes/orders/{below}?{encoded}", body)
    assert status in (200, 409, 422)
    said: dict[str, Any] = json.loads(text, parse_constant=_no_json)
    if status != 200:
        assert list(said) == ["error"]
        assert said["error"].isprintable()
        assert len(said["error"]) <= 500
    for asked in rollouts.asked:
        assert asked.by
        assert len(asked.by) <= 100
        assert (asked.by + asked.reason).isprintable()


@given(body=st.dictionaries(NAMES, VALUES, max_size=4))
def test_weights_are_set_just_where_they_are_whole_and_100_at_most(body: dict[str, Any]) -> None:
    good = (
        bool(body)
        and set(body) <= {"stable", "canary"}
        and all(type(each) is int and each >= 0 for each in body.values())
        and sum(body.values()) <= 100
        and ("stable" not in body or sum(body.values()) > 0)
    )
    rollouts = FakeRollouts(rollout_view())
    sent = json.dumps(body).encode()
    status, _ = send(rollouts, "PUT", "/api/routes/orders/weights", sent)
    assert (status == 200) is good
    assert [asked.weights for asked in rollouts.asked] == ([body] if good else [])


@given(gate=st.sampled_from(Gate), name=st.just("orders") | TEXTS.filter(bool), body=BODIES)
def test_a_gate_of_flaggers_is_200_or_403(gate: Gate, name: str, body: bytes) -> None:
    segment = quote(name, safe="", errors="surrogatepass")
    if segment in (".", ".."):  # no name of a path's
        return
    rollouts = FakeRollouts(rollout_view())
    status, text = send(rollouts, "POST", f"/api/flagger/{segment}/{gate}", body)
    assert status in (200, 403)
    assert text.removesuffix("\n").isprintable()
    assert not rollouts.asked


def _no_json(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
