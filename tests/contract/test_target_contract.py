"""What every Target promises (docs/reference/delivery.md), asked over real connections."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.http.httpx_target import HttpxTarget
from gateway.adapters.http.native_target import NativeTarget
from gateway.core.delivery.dialect import HeaderDialect
from gateway.core.delivery.disposition import Broken, Malformed, Responded, TimedOut, Unreachable
from gateway.core.delivery.headers import message_lines, plan_lines
from gateway.core.routing.route import Deliver, Unwrap
from tests.builders import message
from tests.contract.deliveries import SHORT_SECONDS, Watched, deliver, plan, post
from tests.contract.http_loops import on_uvloop
from tests.contract.http_services import (
    OK,
    refusing,
    responding,
    responding_once,
    serving,
    unaccepting,
)
from tests.header_lines import pairs
from tests.notifications import TOPIC, notified

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.core.delivery.disposition import DeliveryResult
    from tests.contract.http_services import Service, Visit

HEADERS = (("version", "v1"), ("x-aws-sqsd-attr-Tenant", "a\tb  c:d"), ("x-empty", ""))
LINES = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)

HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"

COMPLETE = {
    "content-length": OK,
    "empty body": b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunked with extension and trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nok\r\n0\r\nx: y\r\n\r\n"
    ),
    "no reason phrase": b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
    "after 100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "after 103 Early Hints": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK,
    "after several informational ones": b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + OK,
    "offering an upgrade": (
        b"HTTP/1.1 200 OK\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok"
    ),
}
ENDED_BY_CLOSING = {
    "no framing": b"HTTP/1.1 200 OK\r\n\r\nok",
    "no framing and no body": b"HTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nok",
    "after 100 Continue": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nok",
}
EMPTY_LINE = b"\r\n"  # before a response: a known habit of servers, which not every client bears
CUT = {
    "nothing": b"",
    "an empty line": EMPTY_LINE,
    "half a status line": b"HTTP/1.",
    "half the headers": b"HTTP/1.1 200 OK\r\ncontent-le",
    "half the body": HALF,
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nok",
    "half the chunks": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"),
    "no last line": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
    "only 100 Continue": b"HTTP/1.1 100 Continue\r\n\r\n",
}
NO_HTTP = {
    "HTTP/2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "RTSP": b"RTSP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
    "a status below 100": b"HTTP/1.1 020 OK\r\ncontent-length: 0\r\n\r\n",
    "switching protocols": (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    ),
    "two content-lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
    "a header without a name": b"HTTP/1.1 200 OK\r\n: x\r\n\r\n",
}

# What one parser accepts and another waits for, or refuses. Only NativeTarget promises:
STRICTLY = {
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "two framings": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok"
    ),
    "a chunk of no size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nok",
}
LOOSELY = {
    "after an empty line": EMPTY_LINE + OK,
    "a coding that is not chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nok",
}

FOLDED = b"HTTP/1.1 200 OK\r\nx-a: 1\r\n  2\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
# Not strict HTTP, but it can mean only one thing. Only NativeTarget promises:
LENIENTLY = {
    "a folded header": FOLDED,
    "a folded framing": b"HTTP/1.1 200 OK\r\ncontent-length:\r\n 2\r\n\r\nok",
    "content-length twice": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nContent-Length: 2\r\n\r\nok"
    ),
    "content-length twice in one line": b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nok",
    "a blank before the colon": b"HTTP/1.1 200 OK\r\nX-A : 1\r\ncontent-length: 2\r\n\r\nok",
    "a blank behind a chunk's size": CHUNKED + b"2 \r\nok\r\n0\r\n\r\n",
    "a blank before a chunk's extension": CHUNKED + b"2 ; a=b\r\nok\r\n0 \r\nx: y\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    "bare line feeds in chunks": (
        b"HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n2\nok\n3\nk\no\n0\n\n"
    ),
    "after an informational one": b"HTTP/1.1 103 Early Hints\r\nx-a : 1\r\n\r\n" + FOLDED,
    "no body": b"HTTP/1.1 204 No Content\r\nx-a : 1\r\n\r\n",
}
AMBIGUOUS = {
    "two framings and a fold": (
        b"HTTP/1.1 200 OK\r\nx: y\r\n z\r\n"
        b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    ),
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2, 3\r\n\r\nok",
    "a bare CR": b"HTTP/1.1 200 OK\r\nx-a: 1\rcontent-length: 0\r\ncontent-length: 2\r\n\r\nok",
    "a chunk of another size": CHUNKED + b"1 \r\nok\r\n0\r\n\r\n",
    "a blank before the first header": b"HTTP/1.1 200 OK\r\n x: y\r\n\r\n",
    "a blank in a name": b"HTTP/1.1 200 OK\r\nx y: z\r\ncontent-length: 0\r\n\r\n",
}


def cases(table: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("response", table.values(), ids=table.keys())


async def welcome(visit: Visit) -> None:
    """Respond to a first request, so that a short timeout need not cover connecting as well."""
    await visit.request()
    await visit.send(OK)


class TargetContract:
    """Inherited by the tests of each Target."""

    def make(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> NativeTarget | HttpxTarget:
        raise NotImplementedError

    @asynccontextmanager
    async def target(
        self, service: Service | str, headers: Sequence[tuple[str, str]] = ()
    ) -> AsyncIterator[Watched]:
        url = service if isinstance(service, str) else service.url
        target = Watched(self.make(url, headers))
        try:
            yield target
        finally:
            await target.close()

    # The request.

    async def test_it_posts_to_path_and_query_of_the_url(self) -> None:
        async with (
            serving(responding(OK)) as service,
            self.target(service.url + "/a%20b?c=d&e") as target,
        ):
            assert await deliver(target) == Responded(200)
        assert service.requests[0].line == "POST /events/a%20b?c=d&e HTTP/1.1"

    async def test_it_names_the_host_with_its_port(self) -> None:
        async with serving(responding(OK)) as service, self.target(service) as target:
            await deliver(target)
        authority = service.url.removeprefix("http://").removesuffix("/events")
        assert service.requests[0].values("host") == [authority]

    async def test_a_message_goes_out_under_the_headers_of_its_plan_and_its_own(self) -> None:
        sent = message("größer ☃", attributes={"tenant": "acme"})
        lines = plan_lines(plan()) + message_lines(sent, plan().tag)
        async with serving(responding(OK)) as service, self.target(service) as target:
            done = asyncio.Event()
            target.bind(plan()).send(sent, lambda _: done.set())
            await done.wait()
        (request,) = service.requests
        assert [header for header in request.headers if header in pairs(lines)] == pairs(lines)
        assert request.body == "größer ☃".encode()

    @pytest.mark.parametrize("what", Deliver)
    async def test_of_a_notification_the_body_or_the_message_goes_out(self, what: Deliver) -> None:
        dialect = HeaderDialect(unwrap=Unwrap.SNS, deliver=what)
        unwrapping = replace(plan(), dialect=dialect)
        taken = message(notified("größer ☃", {"tenant": "acme", "baggage": "user=anna"}))
        async with serving(responding(OK)) as service, self.target(service) as target:
            results: asyncio.Queue[DeliveryResult] = asyncio.Queue()
            sender = target.bind(unwrapping)
            for each in (taken, message("raw")):
                sender.send(each, results.put_nowait)
                assert await results.get() == Responded(200)
        wrapped, raw = service.requests
        whole = what is Deliver.BODY
        assert wrapped.body == (taken.body if whole else "größer ☃").encode()
        assert wrapped.values("baggage") == [f"user=anna,version={plan().tag}"]
        assert wrapped.values("x-aws-sqsd-attr-tenant") == ([] if whole else ["acme"])
        assert wrapped.values("x-amz-sns-topic-arn") == ([] if whole else [TOPIC])
        assert (raw.body, raw.values("x-amz-sns-topic-arn")) == (b"raw", [])

    async def test_a_sender_delivers_many_messages(self) -> None:
        results: asyncio.Queue[DeliveryResult] = asyncio.Queue()
        sent = [message(str(number)) for number in range(5)]
        async with serving(responding(OK)) as service, self.target(service) as target:
            sender = target.bind(plan())
            for each in sent:
                sender.send(each, results.put_nowait)
            assert [await results.get() for _ in sent] == [Responded(200)] * len(sent)
        assert {request.body for request in service.requests} == {b"%d" % n for n in range(5)}

    async def test_headers_arrive_as_they_were_given(self) -> None:
        own = ("X-Team", "shop; a=b")
        async with serving(responding(OK)) as service, self.target(service, [own]) as target:
            await post(target, lines=LINES)
        sent = service.requests[0].headers
        assert own in sent
        assert tuple(header for header in sent if header in HEADERS) == HEADERS

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{}",
            "größer ☃".encode(),
            bytes(range(256)),
            b"\r\n\r\n",
            b"0123456789abcdef" * 65536,
        ],
        ids=["empty", "short", "non-ASCII", "every byte", "line breaks", "1 MiB"],
    )
    async def test_the_body_arrives_unchanged(self, body: bytes) -> None:
        async with serving(responding(OK)) as service, self.target(service) as target:
            assert await post(target, body) == Responded(200)
        assert service.requests[0].body == body
        assert service.requests[0].values("content-length") == [str(len(body))]
        assert service.requests[0].values("transfer-encoding") == []

    # A complete response.

    @pytest.mark.parametrize("status", [200, 202, 299, 301, 307, 400, 404, 409, 429, 500, 503, 599])
    async def test_any_status_is_a_response(self, status: int) -> None:
        response = b"HTTP/1.1 %d x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n" % status
        async with serving(responding(response)) as service, self.target(service) as target:
            assert await deliver(target) == Responded(status)
        assert len(service.requests) == 1  # a redirect is not followed, an error not repeated

    @cases(COMPLETE)
    async def test_a_response_ends_where_its_framing_says(self, response: bytes) -> None:
        async with serving(responding(response)) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)

    @cases(COMPLETE)
    async def test_a_response_may_come_byte_by_byte(self, response: bytes) -> None:
        pieces = [response[at : at + 1] for at in range(len(response))]
        async with serving(responding(*pieces)) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)

    @cases(ENDED_BY_CLOSING)
    async def test_a_response_without_framing_ends_with_its_connection(
        self, response: bytes
    ) -> None:
        async with serving(responding_once(response)) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)

    @pytest.mark.parametrize(
        "head",
        [
            b"HTTP/1.1 204 No Content\r\n",
            b"HTTP/1.1 304 Not Modified\r\n",
            b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n",
            b"HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n",
        ],
    )
    async def test_204_and_304_have_no_body_whatever_they_announce(self, head: bytes) -> None:
        async with serving(responding(head + b"\r\n")) as service, self.target(service) as target:
            assert await deliver(target) == Responded(int(head[9:12]))

    async def test_retry_after_is_read(self) -> None:
        response = b"HTTP/1.1 503 x\r\nRetry-After: 120\r\ncontent-length: 0\r\n\r\n"
        async with serving(responding(response)) as service, self.target(service) as target:
            assert await deliver(target) == Responded(503, 120.0)

    # No complete response.

    @cases(CUT)
    async def test_a_cut_response_is_broken(self, response: bytes) -> None:
        async with serving(responding_once(response)) as service, self.target(service) as target:
            assert isinstance(await deliver(target), Broken)
        assert len(service.requests) == 1

    @cases(CUT)
    async def test_a_reset_is_broken(self, response: bytes) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(response)
            visit.reset()

        async with serving(script) as service, self.target(service) as target:
            assert isinstance(await deliver(target), Broken)
        assert len(service.requests) == 1

    @cases(NO_HTTP)
    async def test_what_is_no_http_is_broken(self, response: bytes) -> None:
        await self.is_broken(response)

    async def is_broken(self, response: bytes) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(response)
            await visit.gone()

        async with serving(script) as service, self.target(service) as target:
            assert isinstance(await deliver(target), Broken)
        assert len(service.requests) == 1

    @cases({name: response for name, response in CUT.items() if response != EMPTY_LINE})
    async def test_a_response_that_stalls_times_out(self, response: bytes) -> None:
        async def script(visit: Visit) -> None:
            await welcome(visit)
            await visit.request()
            await visit.send(response)
            await visit.gone()

        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            assert await deliver(target, timeout_seconds=SHORT_SECONDS) == TimedOut(SHORT_SECONDS)
            await service.left.wait()  # the client closed its connection
        assert len(service.requests) == 2

    async def test_the_timeout_is_for_the_whole_response(self) -> None:
        async def script(visit: Visit) -> None:
            await welcome(visit)
            await visit.request()
            await visit.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            while True:
                await visit.send(b".")
                await asyncio.sleep(SHORT_SECONDS / 10)

        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            assert await deliver(target, timeout_seconds=SHORT_SECONDS) == TimedOut(SHORT_SECONDS)

    async def test_a_service_that_does_not_read_times_out(self) -> None:
        async def script(visit: Visit) -> None:
            await welcome(visit)
            await asyncio.Event().wait()

        body = 16 * 1024 * 1024 * "x"  # more than socket buffers hold
        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            assert await deliver(target, body, SHORT_SECONDS) == TimedOut(SHORT_SECONDS)

    async def test_a_refused_connection_is_unreachable(self) -> None:
        with refusing() as url:
            async with self.target(url) as target:
                result = await deliver(target)
        assert isinstance(result, Unreachable)
        assert "refused" in result.why

    async def test_a_connection_that_is_not_opened_in_time_is_unreachable(self) -> None:
        with unaccepting() as url:
            async with self.target(url) as target:
                result = await deliver(target, timeout_seconds=SHORT_SECONDS)
        assert isinstance(result, Unreachable)
        assert "within 0.05 s" in result.why

    async def test_a_name_that_dns_cannot_have_is_unreachable(self) -> None:
        async with self.target(f"http://{'a' * 64}/") as target:
            assert isinstance(await deliver(target), Unreachable)

    # One connection after another.

    async def test_a_connection_is_used_again(self) -> None:
        async with serving(responding(OK)) as service, self.target(service) as target:
            for _ in range(3):
                assert await deliver(target) == Responded(200)
        assert [request.connection for request in service.requests] == [1, 1, 1]

    @pytest.mark.parametrize(
        "response",
        [
            b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 2\r\n\r\nok",
            b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        ],
    )
    async def test_a_connection_that_the_service_gives_up_is_not(self, response: bytes) -> None:
        async with serving(responding(response)) as service, self.target(service) as target:
            for _ in range(2):
                assert await deliver(target) == Responded(200)
        assert [request.connection for request in service.requests] == [1, 2]

    @pytest.mark.parametrize("resets", [False, True])
    async def test_a_stale_connection_costs_one_more_try(self, resets: bool) -> None:  # noqa: FBT001 - both rows of a table
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(OK)
            await visit.request()
            if visit.number > 1:
                await visit.send(OK)
            elif resets:
                visit.reset()

        async with serving(script) as service, self.target(service) as target:
            for _ in range(2):
                assert await deliver(target) == Responded(200)
        assert [request.connection for request in service.requests] == [1, 1, 2]

    async def test_that_try_gets_a_new_connection(self) -> None:
        both = asyncio.Barrier(2)

        async def script(visit: Visit) -> None:
            await visit.request()
            if visit.number < 3:
                await both.wait()
            await visit.send(OK)
            await visit.request()

        async with serving(script) as service, self.target(service) as target:
            await asyncio.gather(deliver(target), deliver(target))
            assert await deliver(target) == Responded(200)
        assert len(service.requests) == 4
        assert service.requests[-1].connection == 3

    async def test_there_is_no_third_try(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            if visit.number == 1:
                await visit.send(OK)
                await visit.request()

        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            assert isinstance(await deliver(target), Broken)
        assert [request.connection for request in service.requests] == [1, 1, 2]

    async def test_a_used_connection_that_breaks_within_a_response_is_broken(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(OK)
            await visit.request()
            await visit.send(b"H")

        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            assert isinstance(await deliver(target), Broken)
        assert len(service.requests) == 2

    async def test_both_tries_share_one_timeout(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            if visit.number == 1:
                await visit.send(OK)
                await visit.request()
            else:
                await visit.gone()

        seconds = SHORT_SECONDS * 10  # the second try has to connect within it
        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            assert await deliver(target, timeout_seconds=seconds) == TimedOut(seconds)
        assert len(service.requests) == 3

    async def test_a_service_that_dies_with_a_request_in_flight_was_reachable(self) -> None:
        """`unreachable` would say that nothing was sent."""

        async def script(visit: Visit) -> None:
            await visit.request()
            await visit.send(OK)
            await visit.request()
            visit.service.stop_listening()

        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            result = await deliver(target)
        assert isinstance(result, Broken)
        assert "refused" in result.why

    async def test_deliveries_at_once_have_a_connection_each(self) -> None:
        all_arrived = asyncio.Barrier(10)

        async def script(visit: Visit) -> None:
            await visit.request()
            await all_arrived.wait()
            await visit.send(OK)
            await visit.gone()

        async with serving(script) as service, self.target(service) as target:
            results = await asyncio.gather(*(deliver(target, str(i)) for i in range(10)))
        assert results == [Responded(200)] * 10
        assert {request.body for request in service.requests} == {b"%d" % i for i in range(10)}
        assert service.connections == 10

    # Its end.

    async def test_cancelling_a_delivery_closes_its_connection(self) -> None:
        async def script(visit: Visit) -> None:
            await visit.request()
            if visit.number > 1:
                await visit.send(OK)
            await visit.gone()

        async with serving(script) as service, self.target(service) as target:
            delivery = asyncio.create_task(deliver(target))
            await service.arrived.wait()
            delivery.cancel()
            with pytest.raises(asyncio.CancelledError):
                await delivery
            await service.left.wait()
            assert await deliver(target) == Responded(200)
        assert [request.connection for request in service.requests] == [1, 2]

    async def test_cancelling_a_delivery_that_connects_leaves_nothing_behind(self) -> None:
        with unaccepting() as url:
            async with self.target(url) as target:
                delivery = asyncio.create_task(deliver(target))
                for _ in range(5):
                    await asyncio.sleep(0)
                delivery.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await delivery

    async def test_closing_closes_idle_connections(self) -> None:
        async with serving(responding(OK)) as service:
            async with self.target(service) as target:
                assert await deliver(target) == Responded(200)
                assert not service.left.is_set()
            await service.left.wait()


class TestNativeTarget(TargetContract):
    """On asyncio's own loop."""

    def make(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> NativeTarget | HttpxTarget:
        return NativeTarget(url, headers)

    @cases(STRICTLY)
    async def test_what_another_client_would_wait_for_is_broken(self, response: bytes) -> None:
        await self.is_broken(response)

    @cases(LOOSELY)
    async def test_what_another_client_would_refuse_is_a_response(self, response: bytes) -> None:
        async with serving(responding_once(response)) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)

    @cases(LENIENTLY)
    async def test_what_can_mean_only_one_thing_is_a_response(self, response: bytes) -> None:
        async with serving(responding(response)) as service, self.target(service) as target:
            assert [await deliver(target) for _ in range(2)] == [Responded(200)] * 2 or (
                b" 204 " in response
            )
        assert service.connections == 2  # what is odd is not read on

    @cases(LENIENTLY)
    async def test_what_can_mean_only_one_thing_may_come_byte_by_byte(
        self, response: bytes
    ) -> None:
        pieces = [response[at : at + 1] for at in range(len(response))]
        async with serving(responding(*pieces)) as service, self.target(service) as target:
            result = await deliver(target)
        assert isinstance(result, Responded)
        assert 200 <= result.status < 300

    @cases(AMBIGUOUS)
    async def test_what_is_ambiguous_is_malformed(self, response: bytes) -> None:
        async with serving(responding(response)) as service, self.target(service) as target:
            assert isinstance(await deliver(target), Malformed)

    async def test_an_odd_response_ends_with_its_connection(self) -> None:
        odd = b"HTTP/1.1 503 no\nretry-after : 7\n\nbusy"
        async with serving(responding_once(odd)) as service, self.target(service) as target:
            assert await deliver(target) == Responded(503, 7.0)

    async def test_an_empty_line_is_waited_behind(self) -> None:
        async def script(visit: Visit) -> None:
            await welcome(visit)
            await visit.request()
            await visit.send(EMPTY_LINE)
            await visit.gone()

        async with serving(script) as service, self.target(service) as target:
            assert await deliver(target) == Responded(200)
            assert await deliver(target, timeout_seconds=SHORT_SECONDS) == TimedOut(SHORT_SECONDS)


TestNativeTargetOnUvloop = on_uvloop(TestNativeTarget)


class TestHttpxTarget(TargetContract):
    """The one for HTTP/2 and proxies."""

    def make(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> NativeTarget | HttpxTarget:
        return HttpxTarget(url, headers)


TestHttpxTargetOnUvloop = on_uvloop(TestHttpxTarget)
