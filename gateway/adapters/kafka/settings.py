"""librdkafka's settings for the plan of a route: the consumer's, and the producer's.

Of the same name, what the gateway owns wins over the routing file, and the file over the defaults
here. Source: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.core.kafka.plan import OWNED_SETTINGS, Auth, Protocol, SettingEnv, SettingFile
from gateway.ports import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.kafka.plan import KafkaPlan, Setting

_COMMON: Final = {
    "client.id": "sqs-version-gateway",
    "log_level": "2",  # its errors come as events; the rest would be repeated for each connection
    "socket.keepalive.enable": "true",
}
CONSUMER_DEFAULTS: Final = {
    **_COMMON,
    "queued.max.messages.kbytes": "16384",
    "queued.min.messages": "10000",
    # Else it waits for a second once so much is fetched ahead, which made 147,000 records a second
    # 6,500.
    "fetch.queue.backoff.ms": "5",
}
PRODUCER_DEFAULTS: Final = {
    **_COMMON,
    "partitioner": "murmur2_random",  # as the Java client's: a key stays in its partition
    "linger.ms": "5",
    "message.timeout.ms": "30000",
    # Below what Kafka's own clients send by default: it would refuse records that topics hold.
    "message.max.bytes": "100000000",
}
PRODUCER_OWNED: Final = {"acks": "all", "enable.idempotence": "true"}
_ALIASES: Final = frozenset({"metadata.broker.list", "request.required.acks"})
_PASSWORD: Final = "sasl.password"  # noqa: S105 - a setting's name
_USERNAMES: Final = ("sasl.username", _PASSWORD)
_MSK_IAM: Final = {"security.protocol": "SASL_SSL", "sasl.mechanisms": "OAUTHBEARER"}
_CONSUMER_ONLY: Final = (
    *("group.", "session.timeout", "heartbeat.", "max.poll.", "fetch.", "queued.", "coordinator."),
    *("check.crcs", "max.partition.fetch", "allow.auto.create", "enable.partition.eof"),
    *("auto.commit.interval", "consume."),
)
_PRODUCER_ONLY: Final = (
    *(
        "acks",
        "enable.idempotence",
        "partitioner",
        "linger.",
        "message.timeout",
        "delivery.timeout",
    ),
    *("batch.", "compression.", "queue.buffering.", "retries", "retry.backoff", "request.timeout"),
    *("message.send.max", "transactional.", "transaction.", "sticky.partitioning", "dr_msg"),
    *("max.in.flight",),
)
"""How settings begin that librdkafka ignores in the other client, with a line in its log."""


def consumer_settings(plan: KafkaPlan) -> dict[str, Any]:
    """Return the consumer's settings; raises SourceError where a file cannot be read."""
    owned = {
        "bootstrap.servers": ",".join(plan.brokers),
        "group.id": plan.group,
        "enable.auto.commit": "false",
        "enable.auto.offset.store": "false",
        "group.protocol": plan.protocol.value,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",  # `start` decides, and says so
    }
    if plan.protocol is Protocol.CLASSIC:
        owned["partition.assignment.strategy"] = "cooperative-sticky"
    return _given(plan, CONSUMER_DEFAULTS, _PRODUCER_ONLY) | owned | _auth(plan)


def producer_settings(plan: KafkaPlan) -> dict[str, Any]:
    """Return the producer's settings; raises SourceError where a file cannot be read."""
    owned = {"bootstrap.servers": ",".join(plan.brokers), **PRODUCER_OWNED}
    given = _given(plan, PRODUCER_DEFAULTS, _CONSUMER_ONLY)
    if "delivery.timeout.ms" in plan.settings:  # another name of the same
        given.pop("message.timeout.ms")
    return given | owned | _auth(plan)


def _given(
    plan: KafkaPlan, defaults: Mapping[str, str], foreign: tuple[str, ...]
) -> dict[str, Any]:
    settings = dict(defaults)
    for name, value in plan.settings.items():
        if name not in OWNED_SETTINGS and name not in _ALIASES and not name.startswith(foreign):
            settings[name] = _read(name, value)
    return settings


def kept_elsewhere(plan: KafkaPlan, settings: Mapping[str, Any]) -> list[str]:
    """Return those values of settings that come of files and variables: they may be secrets."""
    elsewhere = (name for name, value in plan.settings.items() if not isinstance(value, str))
    return [settings[name] for name in elsewhere if name in settings]


def _auth(plan: KafkaPlan) -> dict[str, str]:
    return dict(_MSK_IAM) if plan.auth is Auth.MSK_IAM else {}


def _read(name: str, value: Setting) -> str:
    """Return a setting's value: that in its file, without a line end at its end, or variable."""
    if isinstance(value, SettingEnv):
        return _variable(name, value.variable)
    if not isinstance(value, SettingFile):
        return value
    try:
        return Path(value.path).read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SourceError(
            f"setting {name}: the file {value.path} cannot be read: {why}",
            "SettingFile",
            "mount it, or correct the path in the routing file",
        ) from None


def _variable(name: str, variable: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        why = f"setting {name}: the variable {variable} is not set"
        raise SourceError(why, "SettingEnv", "set it, or correct its name in the routing file")
    return value


def cluster_key(plan: KafkaPlan) -> tuple[object, ...]:
    """Return what plans have in common whose records one producer may send."""
    settings = [(name, str(value)) for name, value in plan.settings.items()]
    return plan.brokers, tuple(sorted(settings)), plan.auth


class Passwords:
    """The user name and the password that are in files: read again, for the next connection."""

    def __init__(self, plan: KafkaPlan) -> None:
        self._values = {name: plan.settings.get(name) for name in _USERNAMES}
        self._in_files = any(isinstance(each, SettingFile) for each in self._values.values())
        self._known = self._look()

    def changed(self) -> tuple[str, str] | None:
        """Return both where one of them is another than before, None else."""
        found = self._look()
        if found is None or found == self._known:
            return None
        self._known = found
        return found

    def _look(self) -> tuple[str, str] | None:
        """Return both; None where there are none in files, or they cannot be read now."""
        user, password = (self._values[name] for name in _USERNAMES)
        if not self._in_files or user is None or password is None:
            return None
        try:
            return _read(_USERNAMES[0], user), _read(_PASSWORD, password)
        except SourceError:
            return None  # a Secret is being replaced: the next look finds it
