"""What a partition's window gives, holds back, and lets be committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.core.kafka.attempts import TO_STABLE
from gateway.core.kafka.detour import Detour
from gateway.core.kafka.plan import Order
from gateway.core.kafka.record_size import record_bytes
from gateway.core.kafka.release_cause import ReleaseCause
from gateway.core.kafka.window import PartitionWindow
from gateway.core.messages.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WAITED, FAILED, REJECTED = ReleaseCause.WAITED, ReleaseCause.FAILED, ReleaseCause.REJECTED


def record(offset: int, key: str | None = None, value: bytes | None = b"{}") -> Record:
    """Make a record of partition 0."""
    return Record("orders", 0, offset, None if key is None else key.encode(), value)


def window(
    keys: Sequence[str | None], order: Order = Order.KEY, max_behind: int = 100, **rest: Detour
) -> PartitionWindow:
    """Make a window with records from offset 0 on, of these keys."""
    made = PartitionWindow(order, max_behind, **rest)
    made.add([record(offset, key) for offset, key in enumerate(keys)])
    return made


def offsets(made: PartitionWindow, limit: int = 100, now: float = 0.0) -> list[int]:
    """Take, and return what came."""
    return [taken.offset for taken, _ in made.take(limit, now)]


def commit(made: PartitionWindow) -> None:
    """Have all that is settled committed."""
    assert made.commit_offset is not None
    made.watermark.ask()
    made.confirm(made.commit_offset)


def test_one_of_each_key_is_out_and_the_next_follows_its_settlement() -> None:
    made = window(["a", "a", "b", "a"])
    assert offsets(made) == [0, 2]
    assert offsets(made) == []
    assert made.settle(0)
    assert offsets(made) == [1]


def test_records_without_a_key_are_all_given_at_once() -> None:
    assert offsets(window([None, "a", None, "a", None])) == [0, 1, 2, 4]


def test_an_empty_key_is_a_key() -> None:
    assert offsets(window(["", "", "a"])) == [0, 2]


def test_with_the_order_of_the_partition_one_record_is_out() -> None:
    made = window([None, "a", "b"], Order.PARTITION)
    assert offsets(made) == [0]
    made.settle(0)
    assert offsets(made) == [1]


def test_without_an_order_all_records_are_given_at_once() -> None:
    assert offsets(window(["a", "a", "a"], Order.NONE)) == [0, 1, 2]


def test_no_more_than_the_limit_is_given_and_the_oldest_first() -> None:
    made = window(["a", "b", "a", "c"])
    assert offsets(made, 2) == [0, 1]
    made.settle(0)
    assert offsets(made, 1) == [2], "what was held back is older than what was never taken"
    assert offsets(made, 1) == [3]


def test_what_may_be_committed_is_the_lowest_that_is_not_settled() -> None:
    made = window(["a", "b", "c"])
    assert made.commit_offset == 0
    offsets(made)
    made.settle(1)
    assert made.commit_offset == 0
    made.settle(0)
    assert made.commit_offset == 2
    made.settle(2)
    assert made.commit_offset == 3


def test_offsets_that_never_came_do_not_hold_up_the_commit() -> None:
    made = PartitionWindow(Order.NONE, 100)
    assert made.commit_offset is None
    made.add([record(10), record(17), record(40)])
    assert offsets(made) == [10, 17, 40]
    made.settle(10)
    assert made.commit_offset == 17
    made.settle(17)
    made.settle(40)
    assert made.commit_offset == 41


def test_a_record_that_came_before_is_ignored() -> None:
    made = window(["a", "b"])
    made.add([record(1, "b"), record(2, "c")])
    assert offsets(made) == [0, 1, 2]
    assert made.behind == 3


def test_a_retry_waits_for_its_time_and_holds_back_its_key_alone() -> None:
    made = window(["a", "a", "b"])
    offsets(made)
    assert made.release(0, 10.0, FAILED)
    made.settle(2)
    assert made.next_due_at == 10.0
    assert offsets(made, now=9.9) == []
    assert made.take(10, 10.0) == [(record(0, "a"), 2)]
    assert made.next_due_at is None
    made.settle(0)
    assert offsets(made, now=10.0) == [1]


def test_a_record_that_only_waited_has_had_no_attempt() -> None:
    made = window(["a"])
    offsets(made)
    made.release(0, 1.0, WAITED)
    assert made.take(1, 1.0) == [(record(0, "a"), 1)]
    made.release(0, 2.0, FAILED)
    assert made.take(1, 2.0) == [(record(0, "a"), 2)]


def test_a_rejected_record_blocks_its_key_until_it_is_settled() -> None:
    made = window(["a", "a", "b"])
    offsets(made)
    made.release(0, 300.0, REJECTED)
    assert made.blocked == 1
    made.settle(2)
    assert made.commit_offset == 0
    assert offsets(made, now=299.0) == []
    assert offsets(made, now=300.0) == [0]
    made.release(0, 301.0, WAITED)
    assert made.blocked == 1
    offsets(made, now=301.0)
    made.settle(0)
    assert made.blocked == 0
    assert offsets(made, now=301.0) == [1]


def test_a_blocked_record_that_only_fails_is_blocked_no_longer() -> None:
    made = window(["a"])
    offsets(made)
    made.release(0, 0.0, REJECTED)
    offsets(made)
    made.release(0, 0.0, FAILED)
    assert made.blocked == 0


@pytest.mark.parametrize("act", [lambda w: w.settle(1), lambda w: w.release(1, 0.0, FAILED)])
def test_what_is_not_out_is_neither_settled_nor_released(
    act: Callable[[PartitionWindow], bool],
) -> None:
    made = window(["a", "a"])
    offsets(made)
    assert act(made) is False
    assert made.behind == 2
    made.settle(0)
    assert made.settle(0) is False


def test_a_partition_has_fallen_behind_from_max_behind_until_half_of_it() -> None:
    made = window(list("abcdefghi"), max_behind=10)
    assert not made.fallen_behind
    made.add([record(9, "j")])
    assert made.fallen_behind
    offsets(made)
    for offset in range(1, 10):
        made.settle(offset)
    assert made.behind == 10, "those that are settled count, up to the lowest that is not"
    assert made.fallen_behind
    made.settle(0)
    commit(made)
    assert not made.fallen_behind
    assert made.view("orders", 3) == ("orders", 3, 0, False, 0, None, 0)


def test_it_has_caught_up_with_half_of_max_behind() -> None:
    made = window([None] * 10, max_behind=10)
    offsets(made)
    for offset in range(4):
        made.settle(offset)
    commit(made)
    assert made.fallen_behind
    made.settle(4)
    commit(made)
    assert not made.fallen_behind
    assert made.view("orders", 3) == ("orders", 3, 5, False, 0, 5, 0)


def test_what_is_settled_counts_until_it_is_known_to_be_committed() -> None:
    made = window([None] * 11, max_behind=10)
    offsets(made)
    for offset in range(5):
        made.settle(offset)
    made.watermark.ask()
    assert made.watermark.unasked == 0
    for offset in range(5, 8):
        made.settle(offset)
    made.watermark.ask()
    made.confirm(4)
    assert (made.fallen_behind, offsets(made)) == (True, []), "no commit of 4 was asked for"
    made.confirm(5)
    assert (made.fallen_behind, offsets(made)) == (False, [10])
    made.settle(8)
    assert (made.watermark.unasked, made.watermark.uncommitted) == (1, 6)


def test_the_confirmation_of_a_later_commit_is_one_of_those_before_it() -> None:
    made = window([None] * 4, max_behind=4)
    offsets(made)
    for offset in range(4):
        made.settle(offset)
        made.watermark.ask()
    made.confirm(4)
    assert made.watermark.uncommitted == 0
    made.confirm(2)
    assert made.watermark.uncommitted == 0


def test_bytes_alone_let_it_fall_behind() -> None:
    large = record(0, "a", b"x" * 10_000)
    made = PartitionWindow(Order.KEY, 100, max_bytes=20_000)
    made.add([large])
    assert made.held_bytes == record_bytes(large)
    assert not made.fallen_behind
    made.add([large._replace(offset=1)])
    assert made.fallen_behind
    offsets(made)
    made.settle(0)
    assert made.fallen_behind, "10,000 bytes and what a record takes beside them are more than half"
    offsets(made)
    made.settle(1)
    assert not made.fallen_behind
    assert made.held_bytes == 0


def test_what_waited_goes_to_stable_with_the_later_ones_of_its_key_while_behind() -> None:
    made = window(["a", "b", "a", "a"], max_behind=4, detour=Detour.TO_STABLE)
    offsets(made)
    made.release(0, 0.0, WAITED, elsewhere=True)
    assert made.take(9, 0.0) == [(record(0, "a"), TO_STABLE + 1)]
    made.settle(0)
    assert made.take(9, 0.0) == [(record(2, "a"), TO_STABLE + 1)]
    assert made.view("orders", 3).detours == 2
    made.settle(1)
    made.settle(2)
    commit(made)
    assert not made.fallen_behind
    assert made.take(9, 0.0) == [(record(3, "a"), 1)]


def test_a_key_goes_to_stable_no_longer_once_its_partition_has_caught_up() -> None:
    made = window(["a", "b"], max_behind=2, detour=Detour.TO_STABLE)
    offsets(made)
    made.release(0, 0.0, WAITED, elsewhere=True)
    offsets(made)
    made.settle(0)
    made.settle(1)
    commit(made)
    assert not made.fallen_behind
    made.add([record(2, "a"), record(3, "b")])
    assert made.fallen_behind
    assert made.take(1, 0.0) == [(record(2, "a"), 1)]


def test_what_failed_goes_to_its_version_again_also_while_behind() -> None:
    made = window(["a", "b"], max_behind=2, detour=Detour.TO_STABLE)
    offsets(made)
    made.release(0, 0.0, FAILED)
    assert made.take(9, 0.0) == [(record(0, "a"), 2)]
    assert made.detours.count == 0


def test_what_is_to_take_its_detour_does_not_wait_until_it_is_due() -> None:
    """At stable and at the parking topic nothing has failed yet, so there is no backoff."""
    made = window(["a", "b", "c"], max_behind=4, detour=Detour.TO_STABLE)
    assert offsets(made) == [0, 1, 2]
    made.release(0, 60.0, FAILED, elsewhere=True)
    made.release(1, 60.0, FAILED)
    assert offsets(made) == []
    made.add([record(3, "d")])
    assert made.fallen_behind
    assert made.take(1, 0.0) == [(record(0, "a"), TO_STABLE + 2)]
    made.release(2, 60.0, FAILED, elsewhere=True)
    assert made.take(1, 0.0) == [(record(2, "c"), TO_STABLE + 2)]
    assert offsets(made) == [3]
    assert made.next_due_at == 60.0


def test_what_finds_no_slot_while_behind_takes_its_detour_at_once_too() -> None:
    """Its version may have asked for a minute, which is nothing to stable."""
    made = window(["a", "b"], max_behind=2, detour=Detour.TO_STABLE)
    offsets(made)
    made.release(0, 60.0, WAITED, elsewhere=True)
    assert made.take(9, 0.0) == [(record(0, "a"), TO_STABLE + 1)]
    made.release(0, 60.0, WAITED)
    assert made.take(9, 0.0) == [], "stable has no slot either"


@pytest.mark.parametrize("keys", [["a", "a"], [None, None]])
def test_what_could_not_be_parked_is_its_versions_again_when_it_is_due(
    keys: list[str | None],
) -> None:
    """Else a record that is too large for the topic would hold up its partition for ever."""
    made = window([*keys, "b"], max_behind=3, detour=Detour.PARKED)
    offsets(made)
    for attempt in range(3):
        made.release(0, 60.0, WAITED, elsewhere=True)
        assert made.take(9, float(attempt)) == []
        assert [each.offset for each in made.to_park] == [0]
        made.to_park.clear()
        made.release(0, attempt + 1.0, WAITED)
        assert (made.take(9, float(attempt)), made.to_park) == ([], [])
        assert [each.offset for each, _ in made.take(9, attempt + 1.0)] == [0]
        assert not made.to_park
    assert made.detours.count == 0


def test_nothing_goes_to_stable_that_is_not_behind() -> None:
    made = window(["a", "b"], max_behind=3, detour=Detour.TO_STABLE)
    offsets(made)
    made.release(0, 0.0, WAITED, elsewhere=True)
    assert made.take(9, 0.0) == [(record(0, "a"), 1)]


def test_what_waited_is_parked_with_the_later_ones_of_its_key_while_behind() -> None:
    made = window(["a", "b", "a"], max_behind=3, detour=Detour.PARKED)
    offsets(made)
    made.release(0, 0.0, WAITED, elsewhere=True)
    assert made.take(9, 0.0) == []
    assert made.to_park == [record(0, "a")]
    made.to_park.clear()
    made.settle(0)
    assert made.take(9, 0.0) == []
    assert made.to_park == [record(2, "a")]
    assert made.detours.count == 0, "what is parked counts once it is"


def test_what_comes_while_it_has_fallen_behind_waits_outside_until_half_is_left() -> None:
    made = window([None] * 10, max_behind=4)
    assert (made.behind, offsets(made), offsets(made)) == (4, [0, 1, 2, 3], [])
    made.add([record(10), record(9)])
    made.settle(0)
    commit(made)
    assert (made.behind, offsets(made), made.fallen_behind) == (3, [], True)
    made.settle(1)
    commit(made)
    assert (made.behind, offsets(made), made.fallen_behind) == (4, [4, 5], True)
    assert made.commit_offset == 2
    for offset in range(2, 11):
        made.settle(offset)
        commit(made)
        offsets(made)
    assert (made.behind, made.fallen_behind, made.commit_offset) == (0, False, 11)


def test_bytes_beyond_the_bound_wait_outside_too() -> None:
    size = record_bytes(record(0))
    made = PartitionWindow(Order.NONE, 100, max_bytes=2 * size)
    made.add([record(offset) for offset in range(5)])
    assert (made.held_bytes, offsets(made)) == (2 * size, [0, 1])
    made.settle(0)
    assert offsets(made) == [2]


def test_a_window_of_one_record_gives_all_one_by_one() -> None:
    made = window([None, "a", "a"], max_behind=1)
    for offset in range(3):
        assert offsets(made) == [offset]
        made.settle(offset)
        commit(made)
    assert made.commit_offset == 3


def test_a_window_that_closes_gives_only_what_is_below_something_settled() -> None:
    made = window(["a", "a", "b", "c", "a"])
    assert offsets(made) == [0, 2, 3]
    made.settle(2)
    made.close()
    made.add([record(5, "d")])
    assert (offsets(made), made.unfinished) == ([], True)
    made.settle(0)
    assert offsets(made) == [1]
    made.release(1, due_at=1.0, cause=WAITED)
    assert (offsets(made), made.unfinished) == ([], True)
    assert offsets(made, now=1.0) == [1]
    made.settle(1)
    made.release(3, due_at=0.0, cause=WAITED)
    assert (offsets(made), made.unfinished, made.commit_offset) == ([], False, 3)


def test_a_window_that_closes_does_not_wait_for_a_record_that_failed() -> None:
    made = window(["a", "b", "a"])
    assert offsets(made) == [0, 1]
    made.close()
    made.settle(1)
    made.release(0, due_at=1.0, cause=FAILED)
    assert not made.unfinished
