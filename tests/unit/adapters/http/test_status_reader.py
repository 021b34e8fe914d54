"""Reading responses: the same result however the bytes are cut, and never an exception."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.http.retry_after import retry_after_seconds
from gateway.adapters.http.status_reader import (
    MAX_RESPONSE_BYTES,
    MAX_SAME_BYTES,
    StatusReader,
)
from gateway.adapters.http1.response import MAX_HEAD_BYTES
from gateway.core.delivery.disposition import Broken, Responded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC).timestamp()
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

FRAGMENTS = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n",
    b"HTTP/1.1 503 x\r\n",
    b"HTTP/2.0 200 OK\r\n",
    b"HTTP/1.",
    b"content-length: 5\r\n",
    b"content-length: 0\r\n",
    b"transfer-encoding: chunked\r\n",
    b"transfer-encoding: gzip, chunked\r\n",
    b"transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n",
    b"connection: close\r\n",
    b"retry-after: 7\r\n",
    b"x-empty:\r\n",
    b"x: \xff\xfe\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\n",
    b"5\r\nhello\r\n",
    b"5;a=b\r\nhello\r\n",
    b"0\r\n\r\n",
    b"0\r\nx: y\r\n\r\n",
    b"ffffffffffffffffff\r\n",
    b"hello",
]
responses = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=8), max_size=12).map(b"".join)
cuts = st.lists(st.integers(1, 40), max_size=30)


def reader() -> StatusReader:
    return StatusReader(lambda: NOW)


def pieces(response: bytes, sizes: Iterable[int]) -> list[bytes]:
    cut = []
    for size in sizes:
        cut.append(response[:size])
        response = response[size:]
    return [piece for piece in [*cut, response] if piece]


def read(parts: Iterable[bytes], error: Exception | None = None) -> Responded | Broken:
    reading = reader()
    for part in parts:
        result = reading.feed(part)
        if result is not None:
            return result
    return reading.end(error)


@given(response=responses, sizes=cuts)
def test_however_the_bytes_are_cut_the_result_is_the_same(
    response: bytes, sizes: list[int]
) -> None:
    assert read(pieces(response, sizes)) == read(pieces(response, []))


@given(response=st.binary() | responses, sizes=cuts, resets=st.booleans())
def test_whatever_is_sent_there_is_a_result(
    response: bytes,
    sizes: list[int],
    resets: bool,  # noqa: FBT001 - drawn by chance
) -> None:
    result = read(pieces(response, sizes), ConnectionResetError(104, "reset") if resets else None)
    match result:
        case Responded(status):
            assert 200 <= status <= 999
        case Broken(why):
            assert "callback" not in why  # that would be an exception of ours


@given(response=responses, error=st.sampled_from([None, ConnectionResetError(104, "reset")]))
def test_only_an_orderly_end_completes_a_response(response: bytes, error: Exception | None) -> None:
    reading = reader()
    if reading.feed(response + b"HTTP/1.1 200 OK\r\n\r\nx") is None and error:
        assert isinstance(reading.end(error), Broken)


def test_one_reader_reads_one_response_after_another() -> None:
    reading = reader()
    assert reading.feed(b"HTTP/1.1 503 x\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n") == (
        Responded(503, 7.0)
    )
    assert reading.reusable
    reading.expect()
    assert not reading.begun
    assert reading.feed(b"HTTP/1.1 200 OK\r\n\r\n") is None
    assert reading.end(None) == Responded(200)
    assert not reading.reusable


# A response that is byte for byte the last one is not parsed again.


@given(before=st.lists(responses, max_size=3), response=responses, sizes=cuts)
def test_what_came_before_does_not_change_a_result(
    before: list[bytes], response: bytes, sizes: list[int]
) -> None:
    """Not even the same bytes, and not those the response begins with."""
    alone = _result_and_reuse(reader(), pieces(response, sizes))
    for earlier in (
        [*before, response],
        [response, response],
        [response, *before],
        [response[:40]],
    ):
        used = reader()
        for one in earlier:
            if not _result_and_reuse(used, [one])[1]:
                used = reader()  # as the connection of such a response is not used again
        assert _result_and_reuse(used, pieces(response, sizes)) == alone


def _result_and_reuse(
    reading: StatusReader, parts: Iterable[bytes]
) -> tuple[Responded | Broken | None, bool]:
    reading.expect()
    result = None
    for part in parts:
        if result is not None:
            return result, False  # bytes to no request
        result = reading.feed(part)
    return result, result is not None and reading.reusable


def test_the_same_bytes_are_not_parsed_twice() -> None:
    reading = reader()
    for _ in range(2):
        reading.expect()
        assert reading.feed(OK) == Responded(200)
    del reading._parser  # it is not used
    reading.expect()
    assert reading.feed(OK) == Responded(200)
    assert reading.reusable
    assert reading.begun


@pytest.mark.parametrize("more", [b"x", OK, b"\r\nx"])
def test_the_same_bytes_with_more_behind_them_are_another_response(more: bytes) -> None:
    reading = reader()
    reading.feed(OK)
    reading.expect()
    assert reading.feed(OK + more) == Responded(200)
    assert not reading.reusable


def test_the_same_date_to_come_back_at_is_another_time_later() -> None:
    times = iter([NOW, NOW + 30])
    reading = StatusReader(lambda: next(times))
    response = (
        b"HTTP/1.1 503 x\r\nretry-after: Mon, 23 Nov 2026 12:01:30 GMT\r\ncontent-length: 0\r\n\r\n"
    )
    for seconds in (90.0, 60.0):
        reading.expect()
        assert reading.feed(response) == Responded(503, seconds)


@pytest.mark.parametrize(
    "response",
    [OK + b"x", OK.replace(b"\r\n", b"\r\nconnection: close\r\n", 1), b"HTTP/1.1 200 OK\r\n\r\n"],
)
def test_what_ends_its_connection_is_not_known_again(response: bytes) -> None:
    reading = reader()
    reading.feed(response)
    assert reading._same is None


def test_a_long_response_is_not_kept() -> None:
    reading = reader()
    reading.feed(head_of(MAX_SAME_BYTES + 1))
    assert reading.reusable
    assert reading._same is None


@pytest.mark.parametrize("surplus", [b"x", b"HTTP", OK, b"\r\n\r\nx", b"HTTP/1.1 101 x\r\n\r\n"])
def test_bytes_behind_a_response_do_not_change_it(surplus: bytes) -> None:
    reading = reader()
    assert reading.feed(OK + surplus) == Responded(200)
    assert not reading.reusable


def test_a_response_that_ends_where_a_limit_does_hides_no_bytes_behind_it() -> None:
    reading = reader()
    assert reading.feed(head_of(MAX_HEAD_BYTES) + b"\r\nx") == Responded(200)
    assert not reading.reusable


def head_of(size: int) -> bytes:
    start, end = b"HTTP/1.1 200 OK\r\nx: ", b"\r\ncontent-length: 0\r\n\r\n"
    return start + b"y" * (size - len(start) - len(end)) + end


@pytest.mark.parametrize("size", [1, 1000, MAX_HEAD_BYTES - 1, MAX_HEAD_BYTES, 2 * MAX_HEAD_BYTES])
def test_the_limit_of_a_head_is_met_to_the_byte(size: int) -> None:
    sizes = [size] * 100
    assert read(pieces(head_of(MAX_HEAD_BYTES), sizes)) == Responded(200)
    result = read(pieces(head_of(MAX_HEAD_BYTES + 1), sizes))
    assert result == Broken(f"response has more than {MAX_HEAD_BYTES} bytes of headers")


def test_informational_responses_count_towards_it() -> None:
    informational = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    result = read([informational] * (MAX_HEAD_BYTES // len(informational)) + [OK])
    assert isinstance(result, Broken)


@pytest.mark.parametrize("size", [1000, 65_536, 3 * MAX_RESPONSE_BYTES])
def test_beyond_the_limit_of_a_response_its_status_counts(size: int) -> None:
    start = b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n"
    body = bytes(MAX_RESPONSE_BYTES - len(start))
    parts = pieces(start + body, [size] * 2000)
    assert read(parts) == Broken("connection closed in the middle of the response")
    assert read([*parts, b"x"]) == Responded(202)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"Retry-After: 120", 120.0),
        (b"RETRY-AFTER:0", 0.0),
        (b"retry-after:  1.5 ", 1.5),
        (b"retry-after: 007", 7.0),
        (b"retry-after: " + b"9" * 5000, 1e9),
        (b"retry-after: 3\r\nretry-after: 4", 3.0),
        (b"retry-after: Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        (b"retry-after: Monday, 23-Nov-26 12:01:30 GMT", 90.0),
        (b"retry-after: Mon Nov 23 12:01:30 2026", 90.0),
        (b"retry-after: Mon, 23 Nov 2026 11:59:00 GMT", 0.0),
        (b"retry-after: Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (b"retry-after:", None),
        (b"retry-after: -1", None),
        (b"retry-after: 1e3", None),
        (b"retry-after: inf", None),
        (b"retry-after: nan", None),
        (b"retry-after: soon", None),
        (b"retry-after: 12 34", None),
        (b"retry-after: Mon, 99 Nov 2026 12:00:00 GMT", None),
        (b"retry-after: \xb2", None),
        (b"x-retry-after: 3", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: bytes, seconds: float | None) -> None:
    response = b"HTTP/1.1 503 x\r\n" + header + b"\r\ncontent-length: 0\r\n\r\n"
    assert read([response]) == Responded(503, seconds)


@pytest.fixture
def _far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_far_from_greenwich")
@pytest.mark.parametrize(
    "date",
    [b"Mon, 23 Nov 2026 12:01:30 GMT", b"Mon Nov 23 12:01:30 2026", b"Mon, 23 Nov 2026 12:01:30"],
)
def test_dates_are_not_local_ones(date: bytes) -> None:
    assert retry_after_seconds(date, NOW) == 90.0


def test_that_of_an_informational_response_or_a_trailer_is_another_s() -> None:
    announced = b"HTTP/1.1 103 Early Hints\r\nretry-after: 1\r\n\r\n"
    trailer = b"HTTP/1.1 503 x\r\ntransfer-encoding: chunked\r\n\r\n0\r\nretry-after: 2\r\n\r\n"
    assert read([announced + trailer]) == Responded(503)


@given(value=st.binary() | st.text("0123456789 :.,-+GMTJanuary", max_size=40).map(str.encode))
def test_whatever_retry_after_says_it_is_a_finite_time_or_none(value: bytes) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or 0 <= seconds < 1e12


@given(st.integers(0, 32_503_680_000))
def test_every_http_date_until_the_year_3000_is_read(epoch_seconds: int) -> None:
    date = datetime.fromtimestamp(epoch_seconds, UTC)
    value = format_datetime(date, usegmt=True).encode()
    assert retry_after_seconds(value, NOW) == max(0.0, epoch_seconds - NOW)
