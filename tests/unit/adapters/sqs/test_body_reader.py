"""Responses of SQS: whole, or refused; however their bytes are cut."""

from __future__ import annotations

import itertools
import json

import pytest
from botocore.exceptions import ConnectionClosedError, HTTPClientError
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.http1.response import MAX_HEAD_BYTES
from gateway.adapters.sqs.body_reader import MAX_RESPONSE_BYTES, BodyReader, Response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
EMPTY = Response(200, b"{}", "")
DENIED = (
    b"HTTP/1.1 403 Forbidden\r\nX-Amzn-Query-Error: AccessDenied;Sender\r\n"
    b"content-length: 4\r\n\r\nnone"
)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
TRAILED = CHUNKED[:-2] + b"x-amzn-query-error: Forged;Sender\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
WHOLE = {
    OK: (EMPTY, True),
    DENIED: (Response(403, b"none", "AccessDenied;Sender"), True),
    CHUNKED: (EMPTY, True),
    TRAILED: (EMPTY, True),
    CLOSING: (EMPTY, False),
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK: (EMPTY, True),
    b"HTTP/1.1 103 Early Hints\r\nx-amzn-query-error: A;B\r\ncontent-length: 9\r\n\r\n" + OK: (
        EMPTY, True,
    ),
    b"\r\n" + OK: (EMPTY, True),
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}": (EMPTY, False),
    b"HTTP/1.1 204 No Content\r\n\r\n": (Response(204, b"", ""), True),
}  # fmt: skip
NEVER_HTTP = (b"SSH-2.0-x\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"<html>", b"\x15\x03\x03\x00\x02\x02")
SURPLUS = (OK, b"H", b"HTTP/1.1 2", b"garbage", b"\r\n" + OK, CLOSING)


def reader_of(max_bytes: int = MAX_RESPONSE_BYTES) -> BodyReader:
    return BodyReader("http://sqs.test/", max_bytes)


def read(*pieces: bytes) -> tuple[Response, bool]:
    """Read one response, of which only the last piece has the end."""
    reader = reader_of()
    *first, last = pieces
    assert [reader.feed(piece) for piece in first] == [None] * len(first)
    response = reader.feed(last)
    assert response is not None
    return response, reader.reusable


def refused(received: bytes) -> str:
    """Read what is refused; return why."""
    reader = reader_of()
    error = reader.feed(received)
    assert isinstance(error, HTTPClientError)
    assert not reader.reusable
    return str(error)


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(whole), *(place % len(whole) for place in places)})
    return [whole[a:b] for a, b in itertools.pairwise(edges)]


@given(whole=st.sampled_from(list(WHOLE)), places=st.lists(st.integers(0, 200)))
def test_a_response_is_the_same_however_it_is_cut(whole: bytes, places: list[int]) -> None:
    assert read(*cut(whole, places)) == WHOLE[whole]


def test_a_response_byte_by_byte_is_complete_with_its_last_one() -> None:
    for whole, expected in WHOLE.items():
        assert read(*(whole[at : at + 1] for at in range(len(whole)))) == expected


def test_a_large_body_in_pieces_comes_whole() -> None:
    body = json.dumps({"Messages": ["x" * 1000] * 1000}).encode()
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    assert read(*cut(whole, list(range(0, len(whole), 65_536))))[0].body == body


@pytest.mark.parametrize("surplus", SURPLUS)
@pytest.mark.parametrize("whole", [OK, CHUNKED, CLOSING])
def test_more_than_one_response_to_one_request_is_refused(whole: bytes, surplus: bytes) -> None:
    """Which of them is ours? A delete must not be taken for confirmed by the wrong one."""
    refused(whole + surplus)


@pytest.mark.parametrize("nothing", NEVER_HTTP)
def test_what_is_no_http_is_refused(nothing: bytes) -> None:
    assert "not HTTP/1.1" in refused(nothing)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
    ],
)
def test_a_response_whose_end_is_doubtful_is_refused(head: bytes) -> None:
    refused(head)


def test_a_response_that_ends_with_its_connection_is_whole_only_by_that() -> None:
    reader = reader_of()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\n{") is None
    assert reader.feed(b"}") is None
    assert reader.end(None) == EMPTY
    assert not reader.reusable


@pytest.mark.parametrize("whole", [OK, CHUNKED, DENIED, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 "])
def test_a_response_that_is_cut_anywhere_is_none(whole: bytes) -> None:
    for size in range(len(whole)):
        reader = reader_of()
        if size:
            assert reader.feed(whole[:size]) is None
        assert isinstance(reader.end(None), ConnectionClosedError)
        assert reader.begun == (size > 0)


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n", f"more than {MAX_HEAD_BYTES} bytes of headers"),
        (b"HTTP/1.1 200 OK\r\n\r\n", f"too long: more than {2 * MAX_HEAD_BYTES} bytes"),
    ],
)
def test_heads_and_bodies_beyond_all_measure_are_refused(head: bytes, why: str) -> None:
    reader = reader_of(2 * MAX_HEAD_BYTES)
    results = [reader.feed(piece) for piece in (head, *[b"x: " + b"y" * 1000 + b"\r\n"] * 200)]
    error = next(result for result in results if result is not None)
    assert isinstance(error, HTTPClientError)
    assert why in str(error)


def test_one_response_leaves_nothing_to_the_next() -> None:
    reader = reader_of()
    for whole, (response, reusable) in WHOLE.items():
        if reusable:
            reader.expect()
            assert not reader.begun
            assert reader.feed(whole) == response
