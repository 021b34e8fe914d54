"""The routing file as pydantic models: its keys, their meaning and defaults.

A model checks each value alone; `checks` has what must fit together. Pydantic reads annotations
at run time, so this module does without `from __future__ import annotations`.
"""

from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from gateway.config.schema import addresses, fields, matchers
from gateway.config.schema.concurrency import IN_FLIGHT, AutoInFlight
from gateway.config.schema.delivery import FallbackOrOff, Linger, Mirror, Retry
from gateway.config.schema.follow import Follow
from gateway.config.schema.kafka import ATTEMPTS, Kafka
from gateway.config.schema.parts import NOT_NULL, Part, SchemaOfFile
from gateway.config.schema.rollout import Rollback, Rollout
from gateway.config.schema.rules import Rule, Weights
from gateway.config.schema.version import VersionOrUrl
from gateway.core.addresses import QueueAddress
from gateway.core.kafka.plan import DEFAULT_MAX_ATTEMPTS, WhenBehind
from gateway.core.routing.route import (
    Deliver,
    UnknownVersion,
    Unwrap,
)
from gateway.core.routing.sources import (
    DEFAULT_VERSION_HEADER,
    Source,
    VersionSource,
    usual_sources,
)
from gateway.core.sqs_limits import MAX_VISIBILITY_SECONDS, MAX_WAIT_SECONDS

SCHEMA_ID: Final = "urn:sqs-version-gateway:routing-file"
SOURCES: Final = ("queue", "kafka")
"""The keys that say where messages come from; a route has one."""


_WAIT = fields.duration(0, MAX_WAIT_SECONDS, up=True)
_VISIBILITY = fields.duration(1, MAX_VISIBILITY_SECONDS, up=True)
_UNKNOWN_VERSION = fields.one_of(UnknownVersion, *UnknownVersion)
_UNWRAP = fields.one_of(Unwrap, *Unwrap)
_DELIVER = fields.one_of(Deliver, *Deliver)


class Route(Part):
    """One queue or topic, and where its messages go."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [each]} for each in SOURCES]}
    )
    shape: ClassVar = "a mapping with `name`, `queue` and `versions`"

    name: Annotated[str, fields.ROUTE_NAME] = Field(
        description="A lower-case DNS label, unique in the file; used in metrics and logs."
    )
    queue: Annotated[QueueAddress | None, addresses.QUEUE] = Field(
        default=None,
        description="The queue's name, URL or ARN. The gateway must be its only consumer. Either "
        "this or `kafka`.",
    )
    kafka: Annotated[Kafka | None, NOT_NULL] = Field(
        default=None, description="A Kafka topic to read. Either this or `queue`."
    )
    region: Annotated[str | None, fields.REGION] = Field(
        default=None, description="The AWS region, where the queue's URL or ARN does not say it."
    )
    wait: Annotated[int, _WAIT] = Field(
        default=MAX_WAIT_SECONDS,
        description="Long-poll time, 0s to 20s; rounded up to whole seconds.",
        json_schema_extra={"default": "20s"},
    )
    visibility: Annotated[int | None, _VISIBILITY] = Field(
        default=None,
        description="The lease asked for at receive, 1s to 12h, rounded up to whole seconds; "
        "default the queue's own.",
    )
    max_in_flight: Annotated[int | AutoInFlight, IN_FLIGHT] = Field(
        default=200,
        description="Messages received and not yet settled, per gateway process. SQS allows "
        "120,000 for a whole queue. `auto`, or a mapping with `auto: true`: as many as the "
        "versions can use.",
    )
    version_header: Annotated[str, addresses.VERSION_HEADER] = Field(
        default=DEFAULT_VERSION_HEADER,
        description="The name of the header and of the baggage member that carry a version's tag; "
        "it takes the place of `version` in the default of `version_from` too.",
    )
    version_from: Annotated[list[Annotated[VersionSource, matchers.VERSION_FROM]], NOT_NULL] = (
        Field(
            default=list(usual_sources(DEFAULT_VERSION_HEADER)),
            min_length=1,
            description="Where a message may name its version: attribute:NAME, baggage:NAME, "
            "sender:NAME (a member of the sender's session name) or body:JMESPATH; the first one "
            "present wins. With `follow` only where it is written.",
            json_schema_extra={
                "default": ["attribute:version", "baggage:version", "sender:version"]
            },
        )
    )
    unknown_version: Annotated[UnknownVersion, _UNKNOWN_VERSION] = Field(
        default=UnknownVersion.SPLIT,
        description="What becomes of a message that names a version the route does not have: "
        "go on as if it named none, go to stable, or retry until there is such a version.",
    )
    unwrap: Annotated[Unwrap, _UNWRAP] = Field(
        default=Unwrap.NONE,
        description="`sns`: a body that is a notification of SNS is read as its `Message` and "
        "`MessageAttributes`, for rules, sticky keys, `version_from`, baggage and trace context; "
        "any other body as it is.",
    )
    deliver: Annotated[Deliver, _DELIVER] = Field(
        default=Deliver.BODY,
        description="What a version with a `url` gets of a notification, with `unwrap: sns`: the "
        "body as it came, or the `message` inside with its attributes.",
    )
    versions: Annotated[dict[Annotated[str, fields.VERSION_NAME], VersionOrUrl], NOT_NULL] = Field(
        min_length=1,
        description="The versions by name. The first is the stable one unless `stable` names "
        "another.",
    )
    stable: Annotated[str | None, fields.TEXT] = Field(
        default=None, description="The name of the stable version; default the first."
    )
    rules: Annotated[list[Rule], NOT_NULL] = Field(
        default_factory=list, description="Tried in order; the first that matches wins."
    )
    split: Annotated[Weights | None, NOT_NULL] = Field(
        default=None,
        description="Weights by version for what no rule took, the stable one included; default "
        "all to stable.",
    )
    rollout: Annotated[Rollout | None, NOT_NULL] = Field(
        default=None,
        description="A canary's weight that climbs by itself while it is no worse than stable; in "
        "place of `split`. Default none.",
    )
    follow: Annotated[Follow | None, NOT_NULL] = Field(
        default=None,
        description="An object of the mesh that decides as it does for producers' requests; in "
        "place of `split`. Default none.",
    )
    rollback: Annotated[Rollback | None, NOT_NULL] = Field(
        default=None,
        description="When a canary goes to weight 0 by itself; with `split`, `rollout` or "
        "`follow`. Default none.",
    )
    strict: Annotated[bool, fields.FLAG] = Field(
        default=False,
        description="`true`: a message pinned to a canary that was rolled back waits, in place of "
        "going to stable.",
    )
    sticky: Annotated[Source | None, matchers.STICKY] = Field(
        default=None,
        description="What a split keeps together: message, group, attribute:NAME or "
        "body:JMESPATH; default message, on a FIFO queue group.",
    )
    seed: Annotated[str | None, fields.TEXT] = Field(
        default=None,
        description="Routes with the same seed choose alike; default the route's name.",
    )
    fallback: FallbackOrOff = Field(
        default=None,
        description="When stable takes over from another version. `{}` is on with its "
        "defaults, `off` or false is off. Default on; off on a FIFO queue, where a fallback lets a "
        "message group change versions.",
    )
    retry: Annotated[Retry, NOT_NULL] = Field(
        default=Retry(), description="Bounds of the backoff.", json_schema_extra={"default": {}}
    )
    linger: Annotated[Linger, NOT_NULL] = Field(
        default=Linger(),
        description="Fewer requests to SQS for a later start and end; each at most 5s and a "
        "quarter of the lease.",
        json_schema_extra={"default": {}},
    )
    mirror: Annotated[Mirror | None, NOT_NULL] = Field(
        default=None,
        description="A version that gets copies of other versions' messages, to try it with real "
        "ones; default none.",
    )
    reject: Annotated[str | None, fields.TEXT] = Field(
        default=None,
        description="What becomes of a message the service will never take: `redrive` leaves it "
        "to the queue's redrive policy; or a dead-letter queue's name, URL or ARN. With `kafka` "
        "it is required: a dead-letter topic, or `block`, which holds back what follows it in its "
        "order.",
        json_schema_extra={"default": "redrive"},
    )
    max_attempts: Annotated[int, ATTEMPTS] = Field(
        default=DEFAULT_MAX_ATTEMPTS,
        description="With `kafka`: how often a record is tried, in one process, before it is "
        "rejected. A record that waits for its version is not tried.",
    )
    when_behind: Annotated[str, fields.TEXT] = Field(
        default=WhenBehind.PAUSE.value,
        description="With `kafka`: what becomes of a partition that is `max_behind` behind. "
        "`pause` reads no more of it; `fallback` gives stable what waits for another version; or "
        "a topic, where that is parked, and from which the gateway reads it back.",
    )


class RoutingFile(Part):
    """The routing file."""

    shape: ClassVar = "a mapping with `routes`"

    routes: Annotated[list[Route], NOT_NULL] = Field(
        min_length=1, description="One route for each queue or topic."
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the routing file.

    It knows each value alone: a file that passes may still have problems that `check` finds.
    """
    return {
        "$schema": SchemaOfFile.schema_dialect,
        "$id": SCHEMA_ID,
        **RoutingFile.model_json_schema(schema_generator=SchemaOfFile),
        "title": "sqs-version-gateway routing file",
        "description": "Which queues the gateway consumes, and which version of a service gets "
        "which message.",
    }
