"""The Kafka topic of a route, as pydantic models; see `routing_file`."""

import re
from math import isfinite
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from gateway.config.problems.findings import InvalidValue
from gateway.config.schema import fields
from gateway.config.schema.parts import NOT_NULL, Part
from gateway.core.kafka.plan import (
    DEFAULT_MAX_BEHIND,
    Auth,
    Order,
    Protocol,
    SettingEnv,
    SettingFile,
    Start,
)

MOST_BEHIND: Final = 1_000_000
MOST_ATTEMPTS: Final = 1_000_000
LONGEST_TOPIC: Final = 249
BLOCK: Final = "block"

_TOPIC = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}\Z")
_BROKER = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?):([0-9]{1,5})\Z"
)
_SETTING_NAME = re.compile(r"[a-z][a-z0-9]*(?:[._][a-z0-9]+)*\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def topic(value: Any) -> str:
    """Return the name of a topic.

    Source: https://kafka.apache.org/documentation/#topicconfigs, Topic.validate of Kafka's clients.
    """
    if isinstance(value, list):
        raise InvalidValue("is a list", "one topic; each topic is a route of its own")
    name = fields.text(value)
    if not _TOPIC.match(name):
        raise InvalidValue(f"is not a topic name (1 to {LONGEST_TOPIC} of A-Z a-z 0-9 . _ -)")
    return name


def broker(value: Any) -> str:
    """Return `HOST:PORT` of a broker."""
    written = fields.text(value)
    if "://" in written:
        raise InvalidValue("is a URL", "write HOST:PORT; TLS is `security.protocol` of `settings`")
    found = _BROKER.match(written)
    if not found or not 0 < int(found[1]) <= fields.MAX_PORT:
        raise InvalidValue("must be HOST:PORT of a broker", "as in kafka:9092")
    return written


def is_setting_name(name: str) -> bool:
    """Whether it is written as a setting's name is."""
    return _SETTING_NAME.match(name) is not None


def setting_name(value: Any) -> str:
    """Return the name of one of librdkafka's settings."""
    name = fields.text(value)
    if not is_setting_name(name):
        raise InvalidValue("is no setting's name", "lower-case words with dots, as librdkafka has")
    return name


def setting_value(value: Any) -> str | SettingFile | SettingEnv:
    """Return a setting's value. No problem repeats it, since it may be a secret."""
    if isinstance(value, dict):
        return _kept_elsewhere(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and isfinite(value):  # of 1e+06 librdkafka would read the 1
        return str(int(value) if value.is_integer() else value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or "\0" in value:
        raise InvalidValue("must be a text, a number, true or false, {file: PATH} or {env: NAME}")
    return value


def _kept_elsewhere(value: dict[Any, Any]) -> SettingFile | SettingEnv:
    path, variable = value.get("file"), value.get("env")
    if set(value) == {"file"} and isinstance(path, str):
        if not path.startswith("/") or "\0" in path:
            raise InvalidValue(
                "must have an absolute path as its `file`",
                "as it is mounted: /etc/secrets/password",
            )
        return SettingFile(path)
    if set(value) == {"env"} and isinstance(variable, str):
        if not _VARIABLE.match(variable):
            raise InvalidValue("must have the name of an environment variable as its `env`")
        return SettingEnv(variable)
    raise InvalidValue("must be a text, a number, true or false, {file: PATH} or {env: NAME}")


_TOPIC_SCHEMA: Final = {
    "type": "string",
    "pattern": "^[A-Za-z0-9._-]+$",
    "maxLength": LONGEST_TOPIC,
}
_ELSEWHERE: Final = [
    {
        "type": "object",
        "properties": {key: {"type": "string", "pattern": pattern}},
        "required": [key],
        "additionalProperties": False,
    }
    for key, pattern in (("file", "^/"), ("env", "^[A-Za-z_][A-Za-z0-9_]*$"))
]
TOPIC: Final = fields.Checked(topic, _TOPIC_SCHEMA)
BROKER: Final = fields.Checked(
    broker, {"type": "string", "pattern": "^[^:/]+:[0-9]{1,5}$|^\\[.+\\]:[0-9]{1,5}$"}
)
SETTING_NAME: Final = fields.Checked(
    setting_name, {"type": "string", "pattern": "^[a-z][a-z0-9]*([._][a-z0-9]+)*$"}
)
SETTING_VALUE: Final = fields.Checked(
    setting_value,
    {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}, *_ELSEWHERE]},
)
_START = fields.one_of(Start, *Start)
_ORDER = fields.one_of(Order, *Order)
_PROTOCOL = fields.one_of(Protocol, *Protocol)
_AUTH = fields.one_of(Auth, *Auth)
_MAX_BEHIND = fields.whole(1, MOST_BEHIND)
ATTEMPTS: Final = fields.whole(1, MOST_ATTEMPTS)


class Kafka(Part):
    """The topic that a route reads."""

    shape: ClassVar = "a mapping with `brokers`, `topic`, `group` and `start`"

    brokers: Annotated[list[Annotated[str, BROKER]], NOT_NULL] = Field(
        min_length=1, description="HOST:PORT of some brokers; the others are found through them."
    )
    topic: Annotated[str, TOPIC] = Field(description="The topic to read.")
    group: Annotated[str, fields.TEXT] = Field(
        description="The consumer group. That of the consumer which the gateway replaces, so that "
        "its offsets go on; the gateway must then be its only member."
    )
    start: Annotated[Start, _START] = Field(
        description="Where a partition begins for which the group has no offset, or one that is "
        "out of range: `earliest` repeats or catches up, `latest` skips."
    )
    order: Annotated[Order, _ORDER] = Field(
        default=Order.KEY,
        description="What is delivered one after the other: the records of a `key`, those of a "
        "`partition`, or `none`. Records without a key have no order with `key`.",
    )
    max_behind: Annotated[int, _MAX_BEHIND] = Field(
        default=DEFAULT_MAX_BEHIND,
        description="Records of one partition between the committed offset and the newest in the "
        "gateway's memory: at most so many are repeated after a kill. Beyond, `when_behind` says "
        "what happens.",
    )
    protocol: Annotated[Protocol, _PROTOCOL] = Field(
        default=Protocol.CLASSIC,
        description="How the group assigns partitions: `classic` (cooperative-sticky), or "
        "`consumer` (KIP-848, brokers from Kafka 4.0 on).",
    )
    settings: Annotated[
        dict[
            Annotated[str, SETTING_NAME],
            Annotated[str | SettingFile | SettingEnv, SETTING_VALUE],
        ],
        NOT_NULL,
    ] = Field(
        default_factory=dict,
        description="Settings of librdkafka, for TLS, SASL and timeouts, but for those that the "
        "gateway owns. A value is a text, a number, true or false; a secret `{file: PATH}` or "
        "`{env: NAME}`.",
    )
    auth: Annotated[Auth, _AUTH] = Field(
        default=Auth.NONE,
        description="`msk-iam`: tokens for Amazon MSK, by the credentials that every AWS SDK "
        "finds; else `settings` has it.",
    )
