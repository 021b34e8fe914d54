"""Sticky key, bucket, version (docs/reference/decisions.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.core.routing.sources import FromAttribute, FromBody, FromGroup, FromMessageId
from gateway.core.routing.split import BUCKETS, Split, bucket_of, upper_edges
from tests.builders import CANARY, STABLE, THIRD, message, split

if TYPE_CHECKING:
    from gateway.core.messages.message import Message


@pytest.mark.parametrize(
    ("seed", "key", "bucket"),
    [
        ("orders", "m-1", 1_754),
        ("orders", "", 720),
        ("", "", 5_896),
        ("orders", "\u00e9", 9_263),
        ("orders", "\U0001f600", 3_227),
    ],
)
def test_a_bucket_is_what_the_contract_says(seed: str, key: str, bucket: int) -> None:
    """Computed with coreutils: printf 'SEED\\0KEY' | b2sum -l 64, modulo 10,000."""
    assert bucket_of(seed, key) == bucket


def test_seed_and_key_do_not_run_into_each_other() -> None:
    assert bucket_of("orders", "1") != bucket_of("order", "s1")


def test_a_key_that_utf_8_cannot_spell_still_has_a_bucket() -> None:
    r"""JSON's `"\ud800"` is a text to Python."""
    assert 0 <= bucket_of("orders", "\ud800") < BUCKETS


@pytest.mark.parametrize(
    ("weights", "edges"),
    [
        ([10, 90], (1_000, 10_000)),
        ([0, 100], (0, 10_000)),
        ([100, 0], (10_000, 10_000)),
        ([1], (10_000,)),
        ([1, 1, 1], (3_333, 6_667, 10_000)),
        ([1, 2], (3_333, 10_000)),
        ([2, 1], (6_667, 10_000)),
        ([1, 19_999], (1, 10_000)),
        ([3, 19_997], (2, 10_000)),
        ([1, 20_000], (0, 10_000)),
        ([1, 1, 19_998], (1, 1, 10_000)),
        ([0, 5, 0, 5], (0, 5_000, 5_000, 10_000)),
        ([10**30, 10**30], (5_000, 10_000)),
    ],
)
def test_an_edge_is_the_cumulated_share_rounded_halves_up(
    weights: list[int], edges: tuple[int, ...]
) -> None:
    assert upper_edges(weights) == edges


@pytest.mark.parametrize("weights", [[], [0], [0, 0]])
def test_weights_that_add_up_to_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="add up to 0"):
        upper_edges(weights)


def test_versions_take_buckets_in_file_order_the_stable_one_last() -> None:
    three = split({"stable": 50, "canary": 30, "third": 20})
    picked = [three.pick(bucket).name for bucket in (0, 2_999, 3_000, 4_999, 5_000, 9_999)]
    assert picked == ["canary", "canary", "third", "third", "stable", "stable"]


def test_a_version_of_weight_0_gets_no_bucket() -> None:
    two = split({"stable": 100, "canary": 0, "third": 0})
    assert {two.pick(bucket) for bucket in range(BUCKETS)} == {STABLE}
    none_left = split({"stable": 0, "canary": 1})
    assert {none_left.pick(bucket) for bucket in range(BUCKETS)} == {CANARY}


def test_every_bucket_has_an_owner_in_proportion() -> None:
    three = split({"stable": 1, "canary": 1, "third": 1})
    owned = [three.pick(bucket) for bucket in range(BUCKETS)]
    assert [owned.count(each) for each in (CANARY, THIRD, STABLE)] == [3_333, 3_334, 3_333]


def test_there_is_no_bucket_10000() -> None:
    with pytest.raises(ValueError, match="bucket 10000 is not below 10000"):
        split({"stable": 1}).pick(BUCKETS)


def test_a_split_that_lost_an_edge_is_noticed() -> None:
    with pytest.raises(ValueError, match="2 versions, 1 edges"):
        Split((CANARY, STABLE), (5,), "orders", FromMessageId(), FromMessageId())


@pytest.mark.parametrize(
    ("taken", "key"),
    [
        (message('{"customer": {"id": 17}}', group="g"), "17"),
        (message('{"customer": {"id": "17"}}', group="g"), "17"),
        (message('{"customer": {"id": ""}}', group="g"), ""),
        (message('{"customer": {"id": null}}', group="g"), "g"),
        (message("text", group="g"), "g"),
        (message("text"), "m-1"),
    ],
)
def test_without_a_sticky_value_the_group_decides_and_without_a_group_the_id(
    taken: Message, key: str
) -> None:
    sticky = split({"stable": 1}, sticky=FromBody("customer.id"), otherwise=FromGroup())
    assert sticky.bucket(taken) == bucket_of("orders", key)


def test_a_sticky_attribute_keeps_its_keys_together() -> None:
    sticky = split({"stable": 1}, sticky=FromAttribute("tenant"))
    first = message(message_id="m-1", attributes={"tenant": "acme"})
    second = message(message_id="m-2", attributes={"Tenant": "acme"})
    assert sticky.bucket(first) == sticky.bucket(second) == bucket_of("orders", "acme")


def test_splits_with_one_seed_choose_alike() -> None:
    one, other = split({"stable": 1}, seed="shop"), split({"stable": 9}, seed="shop")
    assert one.bucket(message()) == other.bucket(message())
    assert one.bucket(message()) != split({"stable": 1}, seed="cart").bucket(message())
