"""Checks of `kafka.settings`: whose each is, and what librdkafka takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.config.problems.findings import (
    Finding,
    InvalidValue,
    add_prefix,
    as_list,
    as_mapping,
    find_similar,
)
from gateway.config.schema.kafka import is_setting_name, setting_value
from gateway.core.kafka import plan
from gateway.core.kafka.plan import OWNED_SETTINGS, Auth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_OWNED_BY: Final = {
    "bootstrap.servers": "it is `brokers`",
    "group.id": "it is `group`",
    "group.protocol": "it is `protocol`",
    "auto.offset.reset": "it is `start`",
    "isolation.level": "records of open and aborted transactions are never read",
    "partition.assignment.strategy": "it is cooperative-sticky; see `protocol`",
}
_ALSO_OWNED: Final = {"metadata.broker.list": "it is `brokers`"}
"""Another name of the same."""

_NOTHING_LOST: Final[dict[str, tuple[Any, ...]]] = {
    "acks": ("all", "-1", -1),
    "request.required.acks": ("all", "-1", -1),
    "enable.idempotence": (True, "true"),
}
"""Settings that may have no other value: what is produced is confirmed and committed by them."""

_NOT_WITH_KIP_848: Final = frozenset(
    {"session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"}
)
"""Those that the broker decides with `group.protocol=consumer`, by librdkafka's configuration."""

_OF_MSK_IAM: Final = ("sasl.mechanism", "sasl.mechanisms", "security.protocol")

_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")
_MORE_MECHANISMS: Final = ("GSSAPI", "SCRAM-SHA-1")
"""Those that only some builds of librdkafka have, and some brokers."""

_MECHANISM_OF_JAVA: Final = {"AWS_MSK_IAM": "say `auth: msk-iam` in its place"}
_A_PATH: Final = (".location", ".file", ".keytab")
"""How settings end whose value is the path of a file."""

_VALUES: Final = {"security.protocol": "it takes PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"}
_OF_JAVA: Final = {
    "sasl.jaas.config": "write `sasl.username` and `sasl.password`",
    "sasl.client.callback.handler.class": "with Amazon MSK: `auth: msk-iam`",
    "ssl.truststore.location": "write `ssl.ca.location`, the path of a file of PEM",
    "ssl.truststore.certificates": "write `ssl.ca.pem`",
    "ssl.truststore.password": "remove it: `ssl.ca.location` needs none",
    "ssl.truststore.type": "remove it: `ssl.ca.location` is PEM",
    "ssl.keystore.type": "remove it: `ssl.keystore.location` is PKCS#12",
    "ssl.keystore.key": "write `ssl.key.pem`",
    "ssl.keystore.certificate.chain": "write `ssl.certificate.pem`",
    **dict.fromkeys(
        ("key.deserializer", "value.deserializer", "key.serializer", "value.serializer"),
        "remove it: records are passed on as they are",
    ),
}
"""What settings of Java's clients are here; librdkafka has none of them."""


def of_kafka(kafka: dict[str, Any]) -> Iterator[Finding]:
    """Yield settings that the gateway owns, or that cannot have this value."""
    given = as_mapping(kafka.get("settings"))
    for name in given:
        if name in OWNED_SETTINGS or name in _ALSO_OWNED:
            hint = _OWNED_BY.get(name) or _ALSO_OWNED.get(name, "remove it")
            yield Finding((name,), "is a setting that the gateway owns", hint)
    for name, values in _NOTHING_LOST.items():
        if name in given and given[name] not in values:
            what = f"must be {str(values[0]).lower()}, so that no record is lost"
            yield Finding((name,), what, "remove it: that is the default")
    if kafka.get("protocol") == plan.Protocol.CONSUMER:
        for name in filter(given.__contains__, sorted(_NOT_WITH_KIP_848)):
            yield Finding((name,), "is the broker's to say with `protocol: consumer`", "remove it")
    if kafka.get("auth") == Auth.MSK_IAM:
        for name in filter(given.__contains__, _OF_MSK_IAM):
            yield Finding((name,), "is set by `auth: msk-iam`", "remove one of the two")
    else:
        yield from _mechanism(given)
    yield from _paths(given)


def _paths(given: dict[str, Any]) -> Iterator[Finding]:
    """Yield files whose content would be taken for a path."""
    for name, value in given.items():
        if name.endswith(_A_PATH) and "file" in as_mapping(value):
            what = "has a path as its value, which would be read from that file"
            yield Finding((name,), what, "write the path alone")


def _mechanism(given: dict[str, Any]) -> Iterator[Finding]:
    """Yield a SASL mechanism that there is not; librdkafka says so of a whole client alone."""
    for name in ("sasl.mechanism", "sasl.mechanisms"):
        value = given.get(name)
        if isinstance(value, str) and value not in (*_MECHANISMS, *_MORE_MECHANISMS):
            takes = f"it takes {', '.join(_MECHANISMS)}"
            hint = _MECHANISM_OF_JAVA.get(value.upper(), takes)
            yield Finding((name,), "is no SASL mechanism of librdkafka", hint)


class SettingNames(Protocol):
    """What knows the settings of a Kafka client; `known` are names of some, for suggestions."""

    @property
    def known(self) -> Sequence[str]:
        """Names that it knows."""

    def knows(self, name: str) -> bool:
        """Whether it knows a name."""

    def refuses(self, name: str, value: str) -> str | None:
        """Return what it takes in place of a value, or nothing; None: the value may be right."""


_LIST: Final = "see librdkafka's list of its settings"
Names = Callable[[], SettingNames]
"""Imports what knows them, which is not needed for most routing files."""


def setting_findings(root: Any, names: Names) -> Iterator[Finding]:
    """Yield settings of all routes that the installed client does not take."""
    for at, route in enumerate(as_list(as_mapping(root).get("routes"))):
        kafka = as_mapping(as_mapping(route).get("kafka"))
        for name, value in as_mapping(kafka.get("settings")).items():
            owned = name in OWNED_SETTINGS or name in _ALSO_OWNED
            if isinstance(name, str) and is_setting_name(name) and not owned:
                path = ("routes", at, "kafka", "settings", name)
                yield from add_prefix(path, _taken(name, value, names()))


def _taken(name: str, value: Any, names: SettingNames) -> Iterator[Finding]:
    """Yield what librdkafka does not take; no value is repeated, since it may be a secret."""
    if name in _OF_JAVA:
        yield Finding((), "is a setting of Java's clients", _OF_JAVA[name])
    elif not names.knows(name):
        yield Finding((), "is no setting of librdkafka", _meant(name, names.known))
    elif (text := _text(value)) is not None:
        instead = names.refuses(name, text)
        if instead is not None:
            what = "has a value that librdkafka refuses"
            yield Finding((), what, instead or _VALUES.get(name, _LIST))


def _text(value: Any) -> str | None:
    """Return a value as librdkafka gets it; None where it is elsewhere, or no value at all."""
    try:
        text = setting_value(value)
    except InvalidValue:  # a problem of its own
        return None
    return text if isinstance(text, str) else None


def _meant(name: str, known: Sequence[str]) -> str:
    near = find_similar(name, [each for each in known if each[:1] == name[:1]])
    return f"did you mean {near}?" if near else _LIST
