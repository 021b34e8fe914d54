"""Every metric of the gateway: name, type, labels and meaning (docs/reference/metrics.md)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Labels = tuple[str, ...]


class MetricDefinition(NamedTuple):
    """One metric, as the reference page lists it."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: Labels
    help: str


RECEIVED: Final = MetricDefinition(
    "gateway_messages_received_total",
    "counter",
    ("route",),
    "Messages received from the queue; a message received again counts again.",
)
UNREADABLE: Final = MetricDefinition(
    "gateway_messages_unreadable_total",
    "counter",
    ("route",),
    "Messages received that cannot be read; such a message is left alone until its lease ends.",
)
RECEIVES: Final = MetricDefinition(
    "gateway_receives_total",
    "counter",
    ("route", "result"),
    "Receive calls, by result: messages, empty (the long poll ended without one) or error.",
)
DECISIONS: Final = MetricDefinition(
    "gateway_decisions_total",
    "counter",
    ("route", "version", "reason"),
    "Decisions, once for each receive of a message; an empty version means that none was chosen.",
)
DELIVERIES: Final = MetricDefinition(
    "gateway_deliveries_total",
    "counter",
    ("route", "version", "outcome"),
    "Deliveries, by the version delivered to and their outcome: ack, retry, reject or fallback.",
)
DURATION: Final = MetricDefinition(
    "gateway_delivery_duration_seconds",
    "histogram",
    ("route", "version"),
    "Time from sending a delivery to the end of its response, for every outcome.",
)
AGE: Final = MetricDefinition(
    "gateway_message_age_seconds",
    "histogram",
    ("route", "version"),
    "Age of acked messages: from the time that they were sent to the queue until the ack.",
)
MIRRORED: Final = MetricDefinition(
    "gateway_mirrored_total",
    "counter",
    ("route", "version", "outcome"),
    "Copies for the route's mirror, by outcome: sent (it gave a 2xx), failed, or dropped (not"
    " posted: its max_in_flight was reached, or open files run short).",
)
FORWARD_UNSTAMPED: Final = MetricDefinition(
    "gateway_forward_unstamped_total",
    "counter",
    ("route", "version"),
    "Messages that the version's queue confirmed and that had no room for its tag; queues alone.",
)
QUEUE_DEPTH: Final = MetricDefinition(
    "gateway_target_queue_depth",
    "gauge",
    ("route", "version"),
    "Messages in the version's queue, visible and in flight, by SQS's last response; with"
    " `max_depth` alone, and not there until SQS has responded.",
)
QUEUE_MAX_DEPTH: Final = MetricDefinition(
    "gateway_target_queue_max_depth",
    "gauge",
    ("route", "version"),
    "With more messages than this in its queue the version is unreachable: its `max_depth`.",
)
IN_FLIGHT: Final = MetricDefinition(
    "gateway_messages_in_flight",
    "gauge",
    ("route",),
    "Messages received and not yet settled.",
)
MAX_IN_FLIGHT: Final = MetricDefinition(
    "gateway_route_max_in_flight",
    "gauge",
    ("route",),
    "The most messages that the route may have in flight: its max_in_flight; with `auto` the limit"
    " in force.",
)
DELIVERIES_IN_FLIGHT: Final = MetricDefinition(
    "gateway_deliveries_in_flight",
    "gauge",
    ("route", "version"),
    "Deliveries under way to the version.",
)
SETTLEMENTS: Final = MetricDefinition(
    "gateway_settlements_total",
    "counter",
    ("route", "action"),
    "Messages whose settlement SQS confirmed: delete, extend, release or dead_letter.",
)
SETTLEMENT_FAILURES: Final = MetricDefinition(
    "gateway_settlement_failures_total",
    "counter",
    ("route", "action"),
    "Messages whose settlement failed; each try of one message counts.",
)
WEIGHT: Final = MetricDefinition(
    "gateway_split_weight",
    "gauge",
    ("route", "version"),
    "Weight of the version in the route's split; without a split stable has the only one, 1. With"
    " a rollout, a rollback, something followed or weights set by hand: per cent, as in force on"
    " this replica.",
)
ROLLOUT_PHASE: Final = MetricDefinition(
    "gateway_rollout_phase",
    "gauge",
    ("route", "phase"),
    "1 for the phase of the route's rollout, 0 for the others; none: nothing judges the route.",
)
ROLLOUT_STEP: Final = MetricDefinition(
    "gateway_rollout_step",
    "gauge",
    ("route",),
    "The step of the route's rollout, counted from 0.",
)
ROLLOUT_VERDICT: Final = MetricDefinition(
    "gateway_rollout_verdict",
    "gauge",
    ("route",),
    "The verdict on the route's canary: 1 pass, 0 wait, -1 abort; 1 where nothing judges it.",
)
ROLLBACKS: Final = MetricDefinition(
    "gateway_rollbacks_total",
    "counter",
    ("route", "reason"),
    "Canaries that this replica set to weight 0, by reason; other replicas follow uncounted.",
)
WEIGHT_OVERRIDE: Final = MetricDefinition(
    "gateway_weight_override",
    "gauge",
    ("route",),
    "1 while weights that were set by hand are in force on the route, else 0.",
)
STATE_IN_TROUBLE: Final = MetricDefinition(
    "gateway_state_in_trouble",
    "gauge",
    (),
    "1 while the shared state of rollouts is torn or out of reach, else 0.",
)
FOLLOW_VALID: Final = MetricDefinition(
    "gateway_follow_valid",
    "gauge",
    ("route",),
    "1 while what the route follows is known and in force, 0 while it is invalid, not read yet, or"
    " has been out of reach for 10 s.",
)
FOLLOW_SYNCED: Final = MetricDefinition(
    "gateway_follow_synced_timestamp_seconds",
    "gauge",
    ("route",),
    "Unix time of the last word of the API server on what the route follows.",
)
FOLLOW_UNMAPPED: Final = MetricDefinition(
    "gateway_follow_unmapped_total",
    "counter",
    ("route",),
    "Messages of a share whose destination is no version; stable gets them.",
)
FOLLOW_UNROUTABLE: Final = MetricDefinition(
    "gateway_follow_unroutable_total",
    "counter",
    ("route",),
    "Messages for which what the route follows has a redirect, a direct response or nothing to send"
    " to, or regexes that would take too long; stable gets them.",
)
KAFKA_BEHIND: Final = MetricDefinition(
    "gateway_kafka_behind",
    "gauge",
    ("route", "partition"),
    "Records of a partition between what is committed and the newest in memory. A partition of the"
    " parking topic is TOPIC/PARTITION.",
)
KAFKA_MAX_BEHIND: Final = MetricDefinition(
    "gateway_kafka_max_behind",
    "gauge",
    ("route",),
    "The `max_behind` of a route that reads a topic.",
)
KAFKA_PAUSED: Final = MetricDefinition(
    "gateway_kafka_paused",
    "gauge",
    ("route", "partition"),
    "1 while no more of the partition is fetched, since it is max_behind behind.",
)
KAFKA_BLOCKED: Final = MetricDefinition(
    "gateway_kafka_blocked",
    "gauge",
    ("route", "partition"),
    "What rejected records hold back in the partition: keys, with `order: partition` 1.",
)
KAFKA_DETOURS: Final = MetricDefinition(
    "gateway_kafka_detours_total",
    "counter",
    ("route", "partition"),
    "Times that a record for another version than stable went to stable or to the parking topic,"
    " since its partition was max_behind behind.",
)
KAFKA_REBALANCES: Final = MetricDefinition(
    "gateway_kafka_rebalances_total",
    "counter",
    ("route",),
    "Times that partitions were assigned to this process or taken from it.",
)
STABLE: Final = MetricDefinition(
    "gateway_version_stable",
    "gauge",
    ("route", "version"),
    "1 for the route's stable version, 0 for the others.",
)
RELOAD_SUCCESSFUL: Final = MetricDefinition(
    "gateway_config_last_reload_successful",
    "gauge",
    (),
    "1 if the routing file read last is in force, 0 if it was refused.",
)
RELOAD_TIMESTAMP: Final = MetricDefinition(
    "gateway_config_last_reload_success_timestamp_seconds",
    "gauge",
    (),
    "Unix time at which a routing file was last accepted.",
)
GENERATION: Final = MetricDefinition(
    "gateway_config_generation",
    "gauge",
    (),
    "Number of routing tables that have been in force since the start, the current one included.",
)
SPANS: Final = MetricDefinition(
    "gateway_spans_total",
    "counter",
    ("outcome",),
    "Spans of traces, by outcome: exported, failed (the collector did not take them) or dropped"
    " (too many waited, or the gateway stopped); 0 without tracing.",
)

BUILD: Final = MetricDefinition(
    "gateway_build_info",
    "gauge",
    ("version", "revision", "python", "compiled"),
    "Always 1; the labels say what runs.",
)

METRIC_DEFINITIONS: Final = (
    *(RECEIVED, UNREADABLE, RECEIVES, DECISIONS, DELIVERIES, MIRRORED, DURATION, AGE),
    *(FORWARD_UNSTAMPED, QUEUE_DEPTH, QUEUE_MAX_DEPTH),
    *(IN_FLIGHT, MAX_IN_FLIGHT, DELIVERIES_IN_FLIGHT),
    *(SETTLEMENTS, SETTLEMENT_FAILURES, WEIGHT, STABLE),
    *(ROLLOUT_PHASE, ROLLOUT_STEP, ROLLOUT_VERDICT, ROLLBACKS, WEIGHT_OVERRIDE, STATE_IN_TROUBLE),
    *(FOLLOW_VALID, FOLLOW_SYNCED, FOLLOW_UNMAPPED, FOLLOW_UNROUTABLE),
    *(KAFKA_BEHIND, KAFKA_MAX_BEHIND, KAFKA_PAUSED, KAFKA_BLOCKED, KAFKA_DETOURS, KAFKA_REBALANCES),
    *(RELOAD_SUCCESSFUL, RELOAD_TIMESTAMP, GENERATION, SPANS, BUILD),
)
"""Every metric of the gateway's own, in the order of a scrape."""

EDGES: Final = {
    # 5 ms to 5 min: from a fast service to the timeout of a long job.
    DURATION: (
        *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
        *(1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0),
    ),
    # 10 ms to 12 h, the longest that SQS hides a message.
    AGE: (
        *(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
        *(30.0, 60.0, 300.0, 900.0, 3_600.0, 10_800.0, 43_200.0),
    ),
}
"""Upper edges of the histograms' buckets, in seconds."""
