"""What each answer does to the message: the table of contract section 4, against moto.

All rows travel at once; each test then looks at its own.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.exchanges import Answer, Raw, Reply, Reset, Silence
from tests.integration.gateway_process import GatewayProcess
from tests.integration.queues import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import NewService
    from tests.integration.queues import Queue, Sqs
    from tests.integration.services import Service

CLOSING: Reply = Answer(headers={"connection": "close"})
"""Leaves no connection behind, so that the next delivery opens one of its own."""

ACKED = {f"status {status}": Answer(status) for status in (200, 201, 202, 204, 206, 226, 299)}
STATUSES: dict[str, Reply] = {
    f"status {status}": Answer(status, {"connection": "close"})
    for status in (404, 408, 409, 425, 429, 500, 501, 502, 503, 504, 505, 511, 599)
}
SILENT: dict[str, Reply] = {
    "no answer in time": Silence(),
    "half an answer in time": Silence(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12"),
}
BROKEN: dict[str, Reply] = {
    "an end in the body": Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12"),
    "a reset": Reset(),
    "an end without an answer": Raw(),
    "an end in the status line": Raw(b"HTTP/1.1 20"),
    "another protocol": Raw(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
    "garbage": Raw(bytes(range(256))),
    "HTTP/2": Raw(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\1\0\0\0\5\0\xff\xff\xff"),
    "a broken header": Raw(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
    "status 500 with Retry-After": Answer(500, {"retry-after": "3600", "connection": "close"}),
    "status 429 with a meaningless Retry-After": Answer(
        429, {"retry-after": "soon", "connection": "close"}
    ),
}
RETRIED = STATUSES | SILENT | BROKEN
REJECTED = (
    *(300, 301, 302, 303, 304, 307, 308),
    *(400, 401, 402, 403, 405, 406, 410, 411, 413, 414, 415, 416, 417, 418),
    *(421, 422, 423, 424, 426, 428, 431, 451),
)
DELAYED = {"429": "3", "503": "3", "503 with a date": "the date"}


class Rows:
    """The services after all rows have travelled, and the dead-letter copies by body.

    `date` is what the one Retry-After with a date said, in seconds since the epoch; `kept` is the
    queue of a route that nothing else uses.
    """

    def __init__(
        self,
        service: Service,
        elsewhere: Service,
        copies: dict[str, dict[str, Any]],
        date: int,
        kept: Queue,
    ) -> None:
        self.service, self.elsewhere, self.copies, self.date = service, elsewhere, copies, date
        self.kept = kept

    def receives(self, row: str) -> list[int]:
        """Return the receive count of each delivery of a row's message."""
        return [request.receive_count for request in self.service.seen(row)]


@pytest.fixture(scope="module")
def rows(
    moto: Sqs, new_service: NewService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rows]:
    service, elsewhere = new_service("service"), new_service("elsewhere")
    dead = moto.create("answers-dead")
    names = ("acked", "retried", "silent", "rejected", "kept")
    queues = {name: moto.create(f"answers-{name}") for name in names}
    routes = [_route(name, service) for name in names]
    folder = tmp_path_factory.mktemp("gateway")
    with GatewayProcess(folder, {"routes": routes}, moto.endpoint):
        date = int(time.time()) + 5
        _script(service, elsewhere, date)
        queues["acked"].send_all([Draft(row) for row in ACKED])
        queues["retried"].send_all([Draft(row) for row in (*DELAYED, *STATUSES, *BROKEN)])
        queues["silent"].send_all([Draft(row) for row in SILENT])
        queues["rejected"].send_all([Draft(row, {"tenant": "acme"}) for row in _rejected()])
        copies = {copy["Body"]: copy for copy in dead.take(len(REJECTED))}
        for queue in queues.values():
            queue.wait_until_empty()
        yield Rows(service, elsewhere, copies, date, queues["kept"])


def _script(service: Service, elsewhere: Service, date: int) -> None:
    for row, reply in ACKED.items():
        service.on(row, reply, Answer(500))
    for row, failure in RETRIED.items():
        service.on(row, failure, CLOSING)
    for row, status in _rejected().items():
        service.on(row, Answer(status, {"location": elsewhere.url}))
    for row, value in DELAYED.items():
        said = value if value.isdigit() else formatdate(date, usegmt=True)
        service.on(row, Answer(int(row[:3]), {"retry-after": said, "connection": "close"}), CLOSING)


def _rejected() -> dict[str, int]:
    return {f"status {status}": status for status in REJECTED}


def _route(name: str, service: Service) -> dict[str, Any]:
    timeout = "800ms" if name == "silent" else "30s"
    return {
        "name": name,
        "queue": f"answers-{name}",
        "wait": "1s",
        "versions": {"stable": {"url": service.url, "tag": "v1", "timeout": timeout}},
        "retry": {"min": "1s", "max": "1s"},
        "reject": "answers-dead" if name == "rejected" else "redrive",
    }


@pytest.mark.parametrize("row", ACKED)
def test_a_2xx_deletes_the_message(rows: Rows, row: str) -> None:
    """The second answer in its script is a 500: one delivery means that it was never back."""
    assert rows.receives(row) == [1]


@pytest.mark.parametrize("row", RETRIED)
def test_a_failed_delivery_gives_the_message_back(rows: Rows, row: str) -> None:
    """It comes again from a second receive, and the 200 that it meets then ends it."""
    assert rows.receives(row) == [1, 2]


@pytest.mark.parametrize("row", DELAYED)
def test_retry_after_says_when_the_message_comes_again(rows: Rows, row: str) -> None:
    """Later than after the route's own backoff, which is 1 s."""
    first, second = rows.service.seen(row)
    assert (first.receive_count, second.receive_count) == (1, 2)
    said = DELAYED[row]
    earliest = first.arrived_at + int(said) if said.isdigit() else rows.date
    assert second.arrived_at >= earliest


@pytest.mark.parametrize("row", _rejected())
def test_any_other_status_moves_the_message_to_the_dead_letter_queue(rows: Rows, row: str) -> None:
    """One delivery, a copy that says what happened, and the original is gone."""
    assert rows.receives(row) == [1]
    attributes = rows.copies[row]["MessageAttributes"]
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "tenant": "acme",
        "gateway-route": "rejected",
        "gateway-version": "stable",
        "gateway-status": row.removeprefix("status "),
        "gateway-reason": "default",
    }


def test_a_redirect_is_not_followed(rows: Rows) -> None:
    assert rows.elsewhere.seen() == []


def test_a_kept_connection_that_closes_in_silence_is_replaced_once(rows: Rows) -> None:
    """The first message leaves a connection behind; the next request on it gets no answer.

    Neither does the one on a fresh connection, and then the message goes back to the queue.
    """
    rows.service.on("finds it closed", Raw(), Raw(), Answer())
    rows.kept.send("leaves a connection")
    (left,) = rows.service.wait_for(1, "leaves a connection")
    rows.kept.wait_until_empty()
    rows.kept.send("finds it closed")
    rows.kept.wait_until_empty()
    kept, fresh, again = rows.service.seen("finds it closed")
    assert [each.receive_count for each in (kept, fresh, again)] == [1, 1, 2]
    assert kept.connection == left.connection
    assert fresh.connection not in (kept.connection, again.connection)
