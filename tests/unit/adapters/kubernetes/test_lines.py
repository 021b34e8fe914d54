"""A stream is split into lines wherever its chunks end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.kubernetes.errors import KubernetesError
from gateway.adapters.kubernetes.lines import LineSplitter


@given(st.binary(max_size=60).map(lambda each: each.replace(b"x", b"\n")), st.data())
def test_lines_do_not_depend_on_the_chunks(content: bytes, choices: st.DataObject) -> None:
    splitter, lines, rest = LineSplitter(), [], content
    while rest:
        size = choices.draw(st.integers(1, len(rest)))
        lines += splitter.add(rest[:size])
        rest = rest[size:]
    assert lines == [line for line in content.split(b"\n")[:-1] if line.strip()]


def test_a_line_longer_than_the_readers_of_aiohttp_is_whole() -> None:
    line = b"x" * 2_000_000
    splitter = LineSplitter()
    assert splitter.add(line) == []
    assert splitter.add(b"\nnext") == [line]


@pytest.mark.parametrize("chunks", [[b"12345"], [b"123", b"45"], [b"1\n", b"12345\n"]])
def test_a_line_over_the_limit_is_an_error(chunks: list[bytes]) -> None:
    splitter = LineSplitter(max_line=4)
    for chunk in chunks[:-1]:
        splitter.add(chunk)
    with pytest.raises(KubernetesError, match="longer than 4 bytes"):
        splitter.add(chunks[-1])
    assert LineSplitter(max_line=4).add(b"1234\n1234\n") == [b"1234", b"1234"]
