"""Kafka's errors as sentences for the operator, with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException

from gateway.ports import SourceError

if TYPE_CHECKING:
    from gateway.core.kafka.plan import KafkaPlan

_SEE_BROKERS: Final = "see `brokers` and `settings` of the route, and whether the brokers run"
_DENIED: Final = "let the gateway's user %s: see the cluster's ACLs or its IAM policy"
_GIVE_CREDENTIALS: Final = "correct the credentials in `settings`, or `auth`"

_NO_RESPONSE: Final = frozenset({"_TRANSPORT", "_TIMED_OUT", "_ALL_BROKERS_DOWN"})
_WHAT_TO_DO: Final = {
    "_ALL_BROKERS_DOWN": _SEE_BROKERS,
    "_TRANSPORT": _SEE_BROKERS,
    "_TIMED_OUT": _SEE_BROKERS,
    "_RESOLVE": "correct the names in `brokers`",
    "_SSL": "set `ssl.ca.location` in `settings` to the cluster's authorities",
    "_AUTHENTICATION": _GIVE_CREDENTIALS,
    "SASL_AUTHENTICATION_FAILED": _GIVE_CREDENTIALS,
    "UNKNOWN_TOPIC_OR_PART": "create the topic, or correct its name",
    "_UNKNOWN_TOPIC": "create the topic, or correct its name",
    "TOPIC_AUTHORIZATION_FAILED": _DENIED % "Read and Describe the topic",
    "GROUP_AUTHORIZATION_FAILED": _DENIED % "Read the group",
    "CLUSTER_AUTHORIZATION_FAILED": _DENIED % "use IdempotentWrite",
    "INCONSISTENT_GROUP_PROTOCOL": (
        "stop the group's other consumers, which assign partitions in another way: the gateway"
        " then joins by itself"
    ),
    "UNSUPPORTED_ASSIGNOR": "see `protocol` of the route",
    "UNSUPPORTED_VERSION": "use `protocol: classic`: the brokers do not know this one",
    "_UNSUPPORTED_FEATURE": "use `protocol: classic`: the brokers do not know this one",
    "_INVALID_ARG": "correct `settings` of the route",
}


def source_error(error: KafkaError | Exception, about: str = "") -> SourceError:
    """Return what went wrong as an error of the source; `about` is what it was about."""
    if isinstance(error, SourceError):
        return error
    kafka = kafka_error(error)
    before = f"{about}: " if about else ""
    if kafka is None:
        return SourceError(f"{before}{error}", type(error).__name__)
    name = kafka.name()
    return SourceError(f"{before}{name}: {_text(kafka)}", name, _WHAT_TO_DO.get(name, ""))


def kafka_error(error: KafkaError | Exception) -> KafkaError | None:
    """Return Kafka's own error, None where it is another."""
    if isinstance(error, KafkaException):
        error = error.args[0] if error.args else error
    return error if isinstance(error, KafkaError) else None


def _text(error: KafkaError) -> str:
    """Return its text without the words that librdkafka begins it with."""
    return error.str().removeprefix("Broker: ").removeprefix("Local: ")


def look_error(error: KafkaException, about: str, plan: KafkaPlan) -> SourceError:
    """Return why a look at the cluster failed: where no broker responds, by their names."""
    kafka = kafka_error(error)
    if kafka is None or kafka.name() not in _NO_RESPONSE:
        return source_error(error, about)
    why = f"{kafka.name()}: no broker responds at {', '.join(plan.brokers)}"
    return SourceError(why, kafka.name(), _SEE_BROKERS)


def missing_topic(topic: str, plan: KafkaPlan) -> SourceError:
    """Say that the cluster has no such topic."""
    why = f"the cluster at {', '.join(plan.brokers)} has no topic {topic}"
    return SourceError(why, "UNKNOWN_TOPIC_OR_PART", _WHAT_TO_DO["UNKNOWN_TOPIC_OR_PART"])
