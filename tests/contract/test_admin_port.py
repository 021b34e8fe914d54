"""The admin port as probes, scrapers and people with curl meet it (docs/reference/admin-api.md)."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from gateway.adapters.admin.policy import Protection
from gateway.adapters.admin.server import _explain_errors
from gateway.core.events import Reloaded, ReloadFailed
from tests.unit.adapters.admin.admin_port import READS, RELOAD, admin_server, serving
from tests.unit.adapters.fakes import FakeControl, table, view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp


@pytest.fixture
def control() -> FakeControl:
    return FakeControl([view(table().routes[0])])


@pytest.fixture
async def session(control: FakeControl) -> AsyncIterator[aiohttp.ClientSession]:
    async with serving(control) as open_session:
        yield open_session


# ---- health and readiness -----------------------------------------------------------------------


@pytest.mark.parametrize(("path", "body"), [("/healthz", "ok"), ("/readyz", "ready")])
async def test_a_gateway_that_works_answers_200(
    session: aiohttp.ClientSession, path: str, body: str
) -> None:
    async with session.get(path) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert await answer.text() == body


async def test_a_stuck_loop_is_503_with_its_name(
    session: aiohttp.ClientSession, control: FakeControl
) -> None:
    control.said_stuck = ["poll orders", "settle orders"]
    async with session.get("/healthz") as answer:
        assert (answer.status, await answer.text()) == (503, "poll orders\nsettle orders\n")
    async with session.get("/readyz") as answer:
        assert answer.status == 200


async def test_what_is_not_ready_is_503_with_the_reasons_a_line_each(
    session: aiohttp.ClientSession, control: FakeControl
) -> None:
    control.said_unready = ["orders: no such queue", "payments:\nforged \x1b[31m line"]
    async with session.get("/readyz") as answer:
        assert (answer.status, answer.content_type) == (503, "text/plain")
        text = await answer.text()
    assert text == "orders: no such queue\npayments:\\nforged \\x1b[31m line\n"
    async with session.get("/healthz") as answer:
        assert answer.status == 200


# ---- metrics and routes -------------------------------------------------------------------------


async def test_metrics_are_in_the_text_format(session: aiohttp.ClientSession) -> None:
    async with session.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = {each.name: each for each in text_string_to_metric_families(await answer.text())}
    (sample,) = families["gateway_messages_received"].samples
    assert (sample.labels, sample.value) == ({"route": "orders"}, 3.0)
    assert "process_resident_memory_bytes" in families


async def test_the_api_shows_the_routes(
    session: aiohttp.ClientSession, control: FakeControl
) -> None:
    control.generation = 5
    async with session.get("/api/routes") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        said = await answer.json()
    assert said["generation"] == 5
    assert said["config"] == {"last_reload_successful": True, "problems": []}
    (orders,) = said["routes"]
    assert (orders["name"], orders["phase"], orders["messages_received"]) == (
        "orders",
        "polling",
        3,
    )
    assert [version["name"] for version in orders["versions"]] == ["stable", "canary"]


# ---- reload -------------------------------------------------------------------------------------


async def test_a_reload_says_what_changed(
    session: aiohttp.ClientSession, control: FakeControl
) -> None:
    control.answer = Reloaded(2, added=("a",), changed=("b",), removed=("c", "d"))
    async with session.post(RELOAD) as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        said = await answer.json()
    assert said == {"generation": 2, "added": ["a"], "changed": ["b"], "removed": ["c", "d"]}


async def test_a_refused_routing_file_is_422_with_every_problem(
    session: aiohttp.ClientSession, control: FakeControl
) -> None:
    control.answer = ReloadFailed(1, ("routes.yaml:1: a", "routes.yaml:2: b"))
    async with session.post(RELOAD) as answer:
        assert (answer.status, answer.content_type) == (422, "application/json")
        said = await answer.json()
    assert said == {"problems": ["routes.yaml:1: a", "routes.yaml:2: b"], "generation": 1}


async def test_a_defect_is_500_and_only_the_log_tells_more(
    session: aiohttp.ClientSession, control: FakeControl
) -> None:
    control.answer = RuntimeError("hunter2 in /srv/gateway/app.py")
    with capture_logs() as lines:
        async with session.post(RELOAD, headers={"Accept": "text/html"}) as answer:
            assert (answer.status, answer.content_type) == (500, "text/plain")
            assert await answer.text() == "internal error; the log has it\n"
    (line,) = lines
    assert (line["log_level"], line["path"], line["exc_info"]) == ("error", RELOAD, True)
    async with session.get("/healthz") as answer:
        assert answer.status == 200


async def test_json_of_a_reload_is_an_object_also_when_nothing_changed(
    session: aiohttp.ClientSession, control: FakeControl
) -> None:
    control.answer = Reloaded(9)
    async with session.post(RELOAD, data=b"ignored") as answer:
        assert json.loads(await answer.read()) == {
            "generation": 9,
            "added": [],
            "changed": [],
            "removed": [],
        }


# ---- methods, paths and headers -----------------------------------------------------------------


@pytest.mark.parametrize("path", READS)
async def test_head_answers_as_get_without_the_body(
    session: aiohttp.ClientSession, path: str
) -> None:
    async with session.get(path) as answer:
        got = answer.status, answer.headers["Content-Type"]
    async with session.head(path) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == got
        assert await answer.read() == b""


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_reading_paths_take_get_and_head_alone(
    session: aiohttp.ClientSession, path: str, method: str
) -> None:
    async with session.request(method, path) as answer:
        assert answer.status == 405
        assert set(answer.headers["Allow"].split(",")) == {"GET", "HEAD"}
        assert await answer.text() == "this path takes GET,HEAD\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
async def test_reload_takes_post_alone(
    session: aiohttp.ClientSession, control: FakeControl, method: str
) -> None:
    """A link, an image or a preflight never reloads."""
    async with session.request(method, RELOAD) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert control.reloads == 0


@pytest.mark.parametrize("path", ["/nope", "/healthz/", "/-/", "/api", "/%2e%2e/etc"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_unknown_path_is_404_with_the_paths_there_are(
    session: aiohttp.ClientSession, path: str, method: str
) -> None:
    async with session.request(method, path) as answer:
        assert (answer.status, answer.content_type) == (404, "text/plain")
        text = await answer.text()
    assert all(known in text for known in [*READS[1:], RELOAD])


async def test_the_front_page_lists_the_paths(session: aiohttp.ClientSession) -> None:
    async with session.get("/") as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        text = await answer.text()
    assert all(path in text for path in [*READS[1:], RELOAD])


@pytest.mark.parametrize(
    ("method", "path"),
    [*(("GET", path) for path in READS), ("GET", "/no"), ("POST", "/"), ("POST", RELOAD)],
)
async def test_every_answer_is_neither_stored_nor_guessed_at(
    session: aiohttp.ClientSession, method: str, path: str
) -> None:
    async with session.request(method, path) as answer:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Python" not in answer.headers["Server"]


async def test_requests_make_no_log_lines(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[logging.LogRecord] = []
    listener = logging.Handler(logging.INFO)
    monkeypatch.setattr(listener, "emit", lines.append)
    monkeypatch.setattr(logging.getLogger(), "handlers", [listener])
    monkeypatch.setattr(logging.getLogger(), "level", logging.INFO)
    logging.getLogger("aiohttp.access").warning("this one is heard")
    for path in [*READS, "/nope"]:
        async with session.get(path):
            pass
    assert [line.getMessage() for line in lines] == ["this one is heard"]


async def test_an_answer_that_is_raised_goes_out_as_it_is() -> None:
    async def moved(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/dashboard")

    with pytest.raises(web.HTTPFound):
        await _explain_errors(make_mocked_request("GET", "/"), moved)


# ---- starting and stopping ----------------------------------------------------------------------


async def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = admin_server(port=port)
        with pytest.raises(OSError, match=rf"127\.0\.0\.1:{port}.*in use.*GATEWAY_ADMIN_PORT"):
            await server.start()


async def test_a_host_that_does_not_exist_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match=r"cannot listen on host\.invalid:0: \S"):
        await admin_server(host="host.invalid").start()


async def test_stopping_closes_the_port_and_what_is_connected() -> None:
    server = admin_server()
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await server.stop()
    assert (await reader.read()).endswith(b"ok")
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_two_gateways_on_one_machine_get_a_port_each() -> None:
    first, second = admin_server(), admin_server()
    await first.start()
    await second.start()
    assert first.port != second.port
    await first.stop()
    await second.stop()


async def test_rubbish_is_answered_without_a_trace() -> None:
    server = admin_server()
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"\x16\x03\x01 rubbish\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await server.stop()
    assert answer.split(maxsplit=2)[1] == b"400"
    assert b"Traceback" not in answer


# ---- protected reads ----------------------------------------------------------------------------

PROTECTED = {
    (False, False): set[str](),
    (True, False): {"/", "/api/routes", "/nowhere"},
    (False, True): {"/metrics"},
    (True, True): {"/", "/api/routes", "/nowhere", "/metrics"},
}


@pytest.mark.parametrize(("reads", "metrics"), PROTECTED)
async def test_protected_reads_ask_for_the_token(
    control: FakeControl, *, reads: bool, metrics: bool
) -> None:
    """Loopback included. Probes never need it."""
    async with serving(control, token="s3cret", protection=Protection(reads, metrics)) as session:
        for path in (*READS, "/nowhere"):
            async with session.get(path) as answer:
                protected = path in PROTECTED[reads, metrics]
                assert (answer.status == 401) is protected, path
                assert ("WWW-Authenticate" in answer.headers) is protected
                assert answer.headers["Cache-Control"] == "no-store"
            bearer = {"Authorization": "Bearer s3cret"}
            async with session.get(path, headers=bearer) as answer:
                assert answer.status == (404 if path == "/nowhere" else 200), path


async def test_protected_reads_without_a_token_are_for_loopback(control: FakeControl) -> None:
    async with serving(control, protection=Protection(reads=True, metrics=True)) as session:
        for path in READS:
            async with session.get(path) as answer:
                assert answer.status == 200
        rebound = {"Host": "evil.example"}
        async with session.get("/api/routes", headers=rebound) as answer:
            assert answer.status == 403
        async with session.get("/readyz", headers=rebound) as answer:
            assert answer.status == 200
