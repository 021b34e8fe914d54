"""The rollout and rollback of a route as pydantic models; see `routing_file`."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from gateway.config.schema import fields
from gateway.config.schema.parts import NOT_NULL, Also, Part
from gateway.core.rollout.plan import OnTrouble, Then

DAY: Final = 86_400
LONGEST_STEP: Final = 30 * DAY
LONGEST_LATENCY: Final = 3600
DEFAULT_STEPS: Final = (1, 5, 25, 50, 100)


class Begins(StrEnum):
    """Whether a rollout begins by itself, or once a person says so."""

    AUTO = "auto"
    MANUAL = "manual"


_WEIGHT = fields.whole(1, fields.HUNDRED)
_MESSAGES = fields.whole(1, 1_000_000)
_EVERY = fields.duration(0, LONGEST_STEP)
_DEADLINE = fields.duration(0, LONGEST_STEP, above_low=True)
_LATENCY = fields.duration(0, LONGEST_LATENCY, above_low=True)
_WINDOW = fields.duration(1, DAY)
_COOLDOWN = fields.duration(0, DAY)
_RATIO = fields.ratio()
_ABOVE_ZERO = fields.ratio(above_zero=True)
_BEGINS = fields.one_of(Begins, *Begins)
_ON_TROUBLE = fields.one_of(OnTrouble, *OnTrouble)
_THEN = fields.one_of(Then, *Then)


class Step(Part):
    """One weight of the canary."""

    shape: ClassVar = "a whole number of per cent without a % sign, or a mapping with `weight`"

    weight: Annotated[int, _WEIGHT] = Field(
        description="The canary's share of what the route's own split decides, 1 to 100 per cent."
    )
    pause: Annotated[bool, fields.FLAG] = Field(
        default=False,
        description="`true`: once the step passes, the rollout is paused until a person resumes or "
        "promotes it.",
    )
    every: Annotated[float | None, _EVERY] = Field(
        default=None,
        description="How long this step lasts at least; default the rollout's `every`.",
    )


def _weight_or_mapping(value: Any, read: Callable[[Any], Any]) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return read({"weight": value} if is_number else value)


StepOrWeight = Annotated[Step, Also(Step, _weight_or_mapping, _WEIGHT.schema)]


class Compare(Part):
    """What the canary is compared with, and how exactly."""

    shape: ClassVar = "a mapping with `to`, `margin` and `tolerance`"

    to: Annotated[str, fields.TEXT] = Field(
        default="stable",
        description="`stable`, or the stable version's name: nothing else can be compared with.",
    )
    margin: Annotated[float, _ABOVE_ZERO] = Field(
        default=0.05,
        description="A step passes once it is clear that the canary's ratio is worse than stable's "
        "by less than this, in percentage points.",
        json_schema_extra={"default": "5%"},
    )
    tolerance: Annotated[float, _RATIO] = Field(
        default=0.01,
        description="A difference below this, in percentage points, never aborts.",
        json_schema_extra={"default": "1%"},
    )


class Rollout(Part):
    """A canary's weight that climbs by itself, step by step, in place of `split`."""

    shape: ClassVar = "a mapping with `steps` (`{}`: the defaults)"

    canary: Annotated[str | None, fields.TEXT] = Field(
        default=None,
        description="The name of the version on trial; default the only one that is not stable.",
    )
    steps: Annotated[list[StepOrWeight], NOT_NULL] = Field(
        default=[Step(weight=weight) for weight in DEFAULT_STEPS],
        min_length=1,
        description="The canary's weights, rising, in per cent; each may be `{weight: 25, pause: "
        "true}` or `{weight: 25, every: 1h}`.",
        json_schema_extra={"default": list(DEFAULT_STEPS)},
    )
    every: Annotated[float, _EVERY] = Field(
        default=600.0,
        description="How long a step lasts at least, up to 30 days.",
        json_schema_extra={"default": "10m"},
    )
    min_messages: Annotated[int, _MESSAGES] = Field(
        default=200, description="How many messages of the canary a step needs."
    )
    max_failure_ratio: Annotated[float | None, _RATIO] = Field(
        default=None,
        description="The largest share of the canary's messages that may fail, as `2%` or 0.02; "
        "default none: then only the comparison judges.",
    )
    max_p99: Annotated[float | None, _LATENCY] = Field(
        default=None,
        description="How long 99 % of the canary's deliveries may take at most; default none: then "
        "a slow canary is no worse for it.",
    )
    compare: Annotated[Compare, NOT_NULL] = Field(
        default=Compare(),
        description="How the canary is compared with the stable version.",
        json_schema_extra={"default": {}},
    )
    start: Annotated[Begins, _BEGINS] = Field(
        default=Begins.AUTO,
        description="`manual`: the canary has the weight 0 until a person resumes the rollout.",
    )
    revision: Annotated[str | None, fields.TEXT] = Field(
        default=None,
        description="What is on trial. A new text starts a new rollout, as a new address or tag of "
        "the canary does: change it with an image behind the same address.",
    )
    deadline: Annotated[float, _DEADLINE] = Field(
        default=float(DAY),
        description="How long a step may take at most, up to 30 days.",
        json_schema_extra={"default": "24h"},
    )
    on_deadline: Annotated[OnTrouble, _ON_TROUBLE] = Field(
        default=OnTrouble.PAUSE, description="What a step that is past its deadline leads to."
    )
    on_failure: Annotated[OnTrouble, _ON_TROUBLE] = Field(
        default=OnTrouble.ABORT,
        description="What evidence against the canary leads to: weight 0, or a pause at the "
        "present weight.",
    )


class Rollback(Part):
    """When a canary in service goes to weight 0 by itself, with `split`, `rollout` or `follow`."""

    shape: ClassVar = "a mapping with `max_failure_ratio` (`{}`: the defaults)"

    canary: Annotated[str | None, fields.TEXT] = Field(
        default=None,
        description="The name of the version that is rolled back; default the rollout's, or the "
        "only one that is not stable.",
    )
    max_failure_ratio: Annotated[float, _RATIO] = Field(
        default=0.1,
        description="The canary is rolled back where more of its messages fail within `window`, "
        "and it is clearly worse than stable or above this.",
        json_schema_extra={"default": "10%"},
    )
    window: Annotated[float, _WINDOW] = Field(
        default=60.0,
        description="The time that `max_failure_ratio` looks back, 1s to 24h.",
        json_schema_extra={"default": "1m"},
    )
    min_messages: Annotated[int, _MESSAGES] = Field(
        default=20, description="How many messages of the canary the window needs."
    )
    cooldown: Annotated[float, _COOLDOWN] = Field(
        default=600.0,
        description="With `then: probe`: how long the canary rests, at most 24h; it doubles with "
        "each rollback.",
        json_schema_extra={"default": "10m"},
    )
    then: Annotated[Then, _THEN] = Field(
        default=Then.MANUAL,
        description="What follows: a person's `retry`, or a probe at 1 % after the cooldown.",
    )
    revision: Annotated[str | None, fields.TEXT] = Field(
        default=None,
        description="As a rollout's: a new text ends a rollback. Beside `rollout` say it there.",
    )
