"""What `gateway peek` says before it receives anything."""

from __future__ import annotations

import pytest

from gateway.adapters.sqs.drain.ends import Depth
from gateway.cli.peek_words import cost
from tests.unit.config.test_rollout_objects import route_of


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("split: {stable: 90, canary: 10}", "by the weights of the file"),
        ("follow: {virtualService: shop/b}", "without VirtualService shop/b"),
    ],
)
def test_it_says_by_what_it_decides(keys: str, words: str) -> None:
    """What a route follows is not read, so that its messages are shown as stable's."""
    lines = cost("orders", 10, Depth(1, 0, 0), None, route_of(keys), fifo=False)
    assert words in "\n".join(lines)
