"""A partition's window beside a model of it that looks at every record, each time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.core.kafka.attempts import TO_STABLE
from gateway.core.kafka.detour import Detour
from gateway.core.kafka.plan import Order
from gateway.core.kafka.record_size import record_bytes
from gateway.core.kafka.release_cause import ReleaseCause
from gateway.core.kafka.window import PartitionWindow
from gateway.core.messages.record import Record

NOTHING_LEFT = 10_000
KEYS = st.sampled_from([None, b"", b"a", b"b", b"c"])
ARRIVALS = st.lists(st.tuples(st.integers(1, 5), KEYS, st.integers(0, 60)), min_size=1, max_size=6)
ANY_ORDER_DETOUR_AND_BOUNDS = st.tuples(
    st.sampled_from(Order),
    st.sampled_from(Detour),
    st.sampled_from([4, 7, 1000]),
    st.sampled_from([2_000, 1_000_000]),
)
any_record = st.integers(0, 99)


@dataclass
class Known:
    """What the model knows of one record."""

    record: Record
    key: bytes | None
    out: bool = False
    settled: bool = False
    due_at: float = 0.0
    attempts: int = 0
    waited: bool = False
    elsewhere: bool = False
    blocked: bool = False


class Model:
    """The same as a window, in the plainest way: a list of all records that ever came."""

    def __init__(self, order: Order, detour: Detour, max_behind: int, max_bytes: int) -> None:
        self.order, self.detour = order, detour
        self.max_behind, self.max_bytes = max_behind, max_bytes
        self.all: list[Known] = []
        self.outside: list[Record] = []
        self.fallen_behind = False
        self.detoured: set[bytes] = set()
        self.committed = 0

    @property
    def line(self) -> list[Known]:
        """All from the lowest that is not settled."""
        at = next((at for at, each in enumerate(self.all) if not each.settled), len(self.all))
        return self.all[at:]

    @property
    def uncommitted(self) -> int:
        return len([each for each in self.all if each.record.offset >= self.committed])

    @property
    def held_bytes(self) -> int:
        return sum(record_bytes(each.record) for each in self.all if not each.settled)

    def add(self, records: list[Record]) -> None:
        self.outside += records
        self.let_in()

    def let_in(self) -> None:
        while self.outside and not self.fallen_behind:
            each = self.outside.pop(0)
            keys = {Order.KEY: each.key, Order.PARTITION: b"all", Order.NONE: None}
            self.all.append(Known(each, keys[self.order]))
            if self.uncommitted >= self.max_behind or self.held_bytes >= self.max_bytes:
                self.fallen_behind = True
                self.hurry()

    @property
    def detouring(self) -> bool:
        return self.fallen_behind and self.detour is not Detour.NONE

    def hurry(self) -> None:
        """What is to take its detour is due."""
        for each in self.all if self.detouring else ():
            if each.elsewhere and not each.out:
                each.due_at = 0.0

    def take(self, limit: int, now: float) -> tuple[list[tuple[Record, int]], list[Record]]:
        taken: list[tuple[Record, int]] = []
        parked: list[Record] = []
        held_up = set()
        for each in self.all:
            if each.settled or len(taken) == limit:
                continue
            first = each.key is None or each.key not in held_up
            held_up.add(each.key)
            if not first or each.out or each.due_at > now:
                continue
            each.out = True
            count = each.attempts + 1
            if not self.goes_elsewhere(each):
                taken.append((each.record, count))
            elif self.detour is Detour.TO_STABLE:
                taken.append((each.record, count + TO_STABLE))
            else:
                parked.append(each.record)
        return taken, parked

    def goes_elsewhere(self, each: Known) -> bool:
        if not self.detouring:
            return False
        if each.elsewhere and each.key is not None:
            self.detoured.add(each.key)
        went_back = each.attempts or each.waited
        if self.detour is Detour.PARKED and went_back:  # its version may have come back
            return each.elsewhere
        return each.elsewhere or each.key in self.detoured

    def settle(self, *several: Known) -> None:
        for each in several:
            each.out, each.settled, each.blocked = False, True, False
        self.catch_up()

    def commit(self, offset: int) -> None:
        self.committed = max(self.committed, offset)
        self.catch_up()

    def catch_up(self) -> None:
        few = self.uncommitted <= self.max_behind / 2 and self.held_bytes <= self.max_bytes / 2
        if few:
            self.fallen_behind = False
            self.detoured.clear()
            self.let_in()


class Windows(RuleBasedStateMachine):
    """Does to a window what a source and a runtime may do."""

    @initialize(made=ANY_ORDER_DETOUR_AND_BOUNDS)
    def make(self, made: tuple[Order, Detour, int, int]) -> None:
        order, detour, max_behind, max_bytes = made
        self.model = Model(order, detour, max_behind, max_bytes)
        self.window = PartitionWindow(order, max_behind, detour, max_bytes)
        self.now = 0.0
        self.newest = -1
        self.begun: dict[Any, list[int]] = defaultdict(list)  # first deliveries, by key
        self.settled: list[int] = []
        self.asked: list[int] = []

    @rule(arrivals=ARRIVALS, again=st.booleans())
    def arrive(self, arrivals: list[tuple[int, bytes | None, int]], *, again: bool) -> None:
        records = []
        for step, key, size in arrivals:
            self.newest += step  # offsets have gaps
            records.append(Record("t", 0, self.newest, key, b"x" * size))
        known = [each.record for each in self.model.all] + self.model.outside
        before = known[-2:] if again else []
        self.window.add([*before, *records])
        self.model.add(records)

    @rule(limit=st.integers(0, 5))
    def take(self, limit: int) -> None:
        taken = self.window.take(limit, self.now)
        parked, self.window.to_park = self.window.to_park, []
        assert (taken, parked) == self.model.take(limit, self.now)
        for record, count in taken:
            if count % TO_STABLE == 1 and record.offset not in self.begun[self.key_of(record)]:
                self.begun[self.key_of(record)].append(record.offset)

    @rule(at=any_record)
    @precondition(lambda self: self.out)
    def settle(self, at: int) -> None:
        self.settle_one(self.out[at % len(self.out)])

    @rule(several=st.lists(any_record, max_size=5), twice=st.booleans())
    @precondition(lambda self: self.out)
    def settle_several_at_once(self, several: list[int], *, twice: bool) -> None:
        """Those that are there twice are refused the second time."""
        out = self.out
        chosen = list(dict.fromkeys(at % len(out) for at in several))
        offsets = [out[at].record.offset for at in chosen]
        refused = self.window.settle_all([*offsets, *offsets] if twice else offsets)
        assert refused == (list(range(len(offsets), 2 * len(offsets))) if twice else [])
        self.model.settle(*(out[at] for at in chosen))
        self.settled += offsets

    @rule(
        at=any_record,
        seconds=st.integers(0, 3),
        cause=st.sampled_from(ReleaseCause),
        elsewhere=st.booleans(),
    )
    @precondition(lambda self: self.out)
    def release(self, at: int, seconds: int, cause: ReleaseCause, *, elsewhere: bool) -> None:
        each = self.out[at % len(self.out)]
        due_at = self.now + seconds
        assert self.window.release(each.record.offset, due_at, cause, elsewhere=elsewhere)
        each.elsewhere = elsewhere and cause is not ReleaseCause.REJECTED
        each.out, each.due_at = False, self.now + seconds
        each.waited = cause is ReleaseCause.WAITED
        if self.model.detouring and each.elsewhere:
            each.due_at = 0.0
        if not each.waited:
            each.attempts += 1
            each.blocked = cause is ReleaseCause.REJECTED

    @rule()
    def ask(self) -> None:
        self.window.watermark.ask()
        if self.window.commit_offset is not None:
            self.asked.append(self.window.commit_offset)
        assert self.window.watermark.unasked == 0

    @rule(at=any_record)
    @precondition(lambda self: self.asked)
    def confirm(self, at: int) -> None:
        offset = self.asked.pop(at % len(self.asked))  # in any order, and some never
        self.window.confirm(offset)
        self.model.commit(offset)

    @rule(offset=st.integers(0, 40))
    def settle_what_is_not_out(self, offset: int) -> None:
        if offset not in [each.record.offset for each in self.out]:
            assert not self.window.settle(offset)
            assert not self.window.release(offset, self.now, ReleaseCause.FAILED)

    @rule(seconds=st.integers(1, 4))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def they_agree(self) -> None:
        window, model = self.window, self.model
        line = model.line
        lowest = line[0].record.offset if line else None
        past_all = model.all[-1].record.offset + 1 if model.all else None  # none of those outside
        assert window.commit_offset == (past_all if lowest is None else lowest)
        assert window.behind == len(line)
        assert window.held_bytes == model.held_bytes
        assert window.fallen_behind == model.fallen_behind
        assert window.blocked == sum(each.blocked for each in model.all)
        assert window.out == len(self.out)
        assert window.watermark.uncommitted == model.uncommitted
        given = [each for each in model.all if each.record.offset >= model.committed]
        assert len(given) <= model.max_behind, "a kill would have more of them repeated"

    @invariant()
    def the_next_is_due_when_the_model_says(self) -> None:
        due = [each.due_at for each in self.model.all if self.went_back(each)]
        next_due_at = self.window.next_due_at
        later = [each for each in due if each > self.now]
        assert next_due_at is None or next_due_at in due
        assert not later or (next_due_at is not None and next_due_at <= min(later))

    @invariant()
    def at_most_one_of_a_key_is_out(self) -> None:
        keys = [each.key for each in self.out if each.key is not None]
        assert len(keys) == len(set(keys))

    @invariant()
    def first_deliveries_are_in_the_order_of_their_key(self) -> None:
        for key, offsets in self.begun.items():
            assert key is None or offsets == sorted(offsets)

    def teardown(self) -> None:
        """Everything is delivered at last, and then there is nothing left to commit."""
        if not hasattr(self, "window"):
            return
        for _ in range(NOTHING_LEFT):
            self.now += 10
            self.take(3)
            for each in self.out:
                self.settle_one(each)
            self.ask()
            while self.asked:
                self.confirm(0)
            if not self.window.behind:
                break
        assert not self.model.outside
        assert sorted(self.settled) == [each.record.offset for each in self.model.all]
        assert not self.window.held_bytes
        assert not self.window.blocked
        assert not self.window.left
        assert self.window.next_due_at is None

    @property
    def out(self) -> list[Known]:
        return [each for each in self.model.all if each.out]

    def went_back(self, each: Known) -> bool:
        return not each.out and not each.settled and (each.attempts > 0 or each.waited)

    def settle_one(self, each: Known) -> None:
        assert self.window.settle(each.record.offset)
        self.model.settle(each)
        self.settled.append(each.record.offset)

    def key_of(self, record: Record) -> bytes | None:
        return next(each.key for each in self.model.all if each.record == record)


def test_a_window_does_what_its_model_does() -> None:
    examples = 2 * settings().max_examples  # a planted fault took 61
    same_every_time = settings(max_examples=examples, stateful_step_count=40, derandomize=True)
    run_state_machine_as_test(Windows, settings=same_every_time)
