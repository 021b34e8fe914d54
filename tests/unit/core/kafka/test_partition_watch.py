"""Partitions that do not get on: said once each time, and only where that lasts."""

from __future__ import annotations

from dataclasses import replace

from gateway.core.kafka.partition_view import PartitionView
from gateway.core.kafka.partition_watch import (
    DETOURS_SECONDS,
    PAUSED_SECONDS,
    WITHOUT_SECONDS,
    PartitionWatch,
)
from gateway.core.kafka.plan import KafkaPlan, Start, TopicAddress

PLAN = KafkaPlan(("kafka:9092",), TopicAddress("orders"), "group-1", Start.EARLIEST, max_behind=100)
FINE = PartitionView("orders", 0, 5)
PAUSED = PartitionView("orders", 0, 100, paused=True, oldest=17)
BLOCKED = PartitionView("orders", 0, 7, blocked=1, oldest=3)


def said(watch: PartitionWatch, now: float, *views: PartitionView) -> list[str]:
    return [what for what, _ in watch.look(now, views)]


def test_a_gateway_without_partitions_is_said_once_and_how_to_find_out_why() -> None:
    watch = PartitionWatch(PLAN)
    parked = PartitionView("orders.parked", 0, 0)
    assert not said(watch, 0.0)
    assert not said(watch, WITHOUT_SECONDS - 1, parked)
    ((what, what_to_do),) = watch.look(WITHOUT_SECONDS, [parked])
    assert what == "no partition of topic orders is assigned to this gateway by group group-1"
    assert "more members than the topic has partitions" in what_to_do
    assert what_to_do.endswith("kafka-consumer-groups --describe --members --group group-1")
    assert not said(watch, 2 * WITHOUT_SECONDS)
    assert not said(watch, 3 * WITHOUT_SECONDS, FINE)
    assert not said(watch, 3 * WITHOUT_SECONDS + 1)
    assert len(said(watch, 4 * WITHOUT_SECONDS + 1)) == 1


def test_a_pause_is_said_once_it_lasts_with_the_record_that_it_waits_for() -> None:
    watch = PartitionWatch(PLAN)
    assert not said(watch, 0.0, PAUSED)
    assert not said(watch, 20.0, FINE)
    assert not said(watch, 21.0, PAUSED)
    assert not said(watch, 20.0 + PAUSED_SECONDS, PAUSED)
    (what,) = said(watch, 21.0 + PAUSED_SECONDS, PAUSED._replace(behind=99, oldest=18))
    assert "partition 0 of topic orders is not read" in what
    assert "99 records behind (max_behind 100), the first at offset 18" in what
    assert not said(watch, 99.0, PAUSED)
    assert not said(watch, 100.0, FINE)
    assert not said(watch, 101.0, PAUSED)
    assert len(said(watch, 101.0 + PAUSED_SECONDS, PAUSED)) == 1


def test_detours_are_said_once_until_there_was_none_for_a_minute() -> None:
    watch = PartitionWatch(PLAN)
    assert not said(watch, 0.0, FINE)
    ((what, what_to_do),) = watch.look(5.0, [FINE._replace(detours=3)])
    assert what.startswith("partition 0 of topic orders was 100 records behind (max_behind)")
    assert what.endswith("other version than stable go to stable, as `when_behind` says")
    assert "gateway_kafka_detours_total" in what_to_do
    other = PartitionView("orders", 1, 99, detours=1)
    assert not said(watch, 5.0 + DETOURS_SECONDS - 1, FINE._replace(detours=3), other)
    assert not said(watch, 5.0 + DETOURS_SECONDS, other)
    assert not said(watch, 4.0 + 2 * DETOURS_SECONDS, FINE, other), "it was assigned anew"
    assert len(said(watch, 5.0 + 2 * DETOURS_SECONDS, FINE._replace(detours=1), other)) == 1


def test_detours_into_a_parking_topic_name_it() -> None:
    watch = PartitionWatch(replace(PLAN, parking=TopicAddress("orders.parked")))
    (what,) = said(watch, 0.0, FINE._replace(detours=1))
    assert "go to topic orders.parked" in what


def test_a_blocked_partition_is_said_at_once_and_again_after_it_was_freed() -> None:
    watch = PartitionWatch(PLAN)
    other = PartitionView("orders", 1, 7, blocked=2, oldest=30)
    (what,) = said(watch, 0.0, BLOCKED)
    assert "the first record that is not settled is at offset 3" in what
    assert len(said(watch, 1.0, BLOCKED, other)) == 1
    assert not said(watch, 2.0, FINE, other)
    assert len(said(watch, 3.0, BLOCKED, other)) == 1
