"""Which settings and values librdkafka takes, asked of the library itself at the first of them."""

from __future__ import annotations

import re
from typing import Final

_NEVER: Final = "gateway.asks"
"""No setting of librdkafka: with it no client is made, so that looks cost nothing."""

_LOADS_CODE: Final = "plugin.library.paths"
_RANGE: Final = re.compile(r"allowed range (-?\d+)\.\.(-?\d+)")
_NO_NUMBER: Final = "x"
_BEGINS_AS_NUMBER: Final = re.compile(r"\s*[+-]?\d")
_NUMBER: Final = re.compile(r"\s*[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d*)?)\s*")

KNOWN: Final = tuple(
    """
    acks allow.auto.create.topics api.version.fallback.ms api.version.request
    api.version.request.timeout.ms auto.commit.interval.ms batch.num.messages batch.size
    broker.address.family broker.address.ttl broker.version.fallback check.crcs
    client.dns.lookup client.id client.rack client.software.name client.software.version
    compression.codec compression.level compression.type connections.max.idle.ms
    consume.callback.max.messages coordinator.query.interval.ms debug delivery.timeout.ms
    enable.gapless.guarantee enable.idempotence enable.metrics.push enable.partition.eof
    enable.random.seed enable.sasl.oauthbearer.unsecure.jwt enable.sparse.connections
    enable.ssl.certificate.verification fetch.error.backoff.ms fetch.max.bytes
    fetch.message.max.bytes fetch.min.bytes fetch.queue.backoff.ms fetch.wait.max.ms
    group.instance.id group.protocol.type group.remote.assignor heartbeat.interval.ms
    https.ca.location https.ca.pem linger.ms log.connection.close log.queue log.thread.name
    log_level max.in.flight max.in.flight.requests.per.connection max.partition.fetch.bytes
    max.poll.interval.ms message.copy.max.bytes message.max.bytes message.send.max.retries
    message.timeout.ms metadata.max.age.ms metadata.recovery.rebootstrap.trigger.ms
    metadata.recovery.strategy metadata.request.timeout.ms offset.store.method offset.store.path
    offset.store.sync.interval.ms partitioner plugin.library.paths produce.offset.report
    queue.buffering.backpressure.threshold queue.buffering.max.kbytes
    queue.buffering.max.messages queue.buffering.max.ms queued.max.messages.kbytes
    queued.min.messages queuing.strategy receive.message.max.bytes reconnect.backoff.jitter.ms
    reconnect.backoff.max.ms reconnect.backoff.ms request.required.acks retries
    retry.backoff.max.ms retry.backoff.ms sasl.kerberos.keytab sasl.kerberos.kinit.cmd
    sasl.kerberos.min.time.before.relogin sasl.kerberos.principal sasl.kerberos.service.name
    sasl.mechanism sasl.mechanisms sasl.oauthbearer.assertion.algorithm
    sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds
    sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include
    sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub
    sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.jwt.template.file
    sasl.oauthbearer.assertion.private.key.file
    sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.private.key.pem
    sasl.oauthbearer.client.credentials.client.id
    sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.client.id
    sasl.oauthbearer.client.secret sasl.oauthbearer.config sasl.oauthbearer.extensions
    sasl.oauthbearer.grant.type sasl.oauthbearer.metadata.authentication.type
    sasl.oauthbearer.method sasl.oauthbearer.scope sasl.oauthbearer.sub.claim.name
    sasl.oauthbearer.token.endpoint.url sasl.password sasl.username security.protocol
    session.timeout.ms socket.blocking.max.ms socket.connection.setup.timeout.ms
    socket.keepalive.enable socket.max.fails socket.nagle.disable socket.receive.buffer.bytes
    socket.send.buffer.bytes socket.timeout.ms ssl.ca.certificate.stores ssl.ca.location
    ssl.ca.pem ssl.certificate.location ssl.certificate.pem ssl.cipher.suites ssl.crl.location
    ssl.curves.list ssl.endpoint.identification.algorithm ssl.engine.id ssl.engine.location
    ssl.key.location ssl.key.password ssl.key.pem ssl.keystore.location ssl.keystore.password
    ssl.providers ssl.sigalgs.list statistics.interval.ms sticky.partitioning.linger.ms
    topic.blacklist topic.metadata.propagation.max.ms topic.metadata.refresh.fast.cnt
    topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.interval.ms
    topic.metadata.refresh.sparse transaction.timeout.ms transactional.id
    """.split()  # noqa: SIM905 - 160 lines else
)
"""Those of librdkafka 2.16, to find what was meant by another; a newer one may know more.

Source: https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""


class SettingNames:
    """The names of librdkafka's settings, as the installed library has them."""

    known = KNOWN

    def knows(self, name: str) -> bool:
        """Whether a client may be made with such a setting; True where no library is installed."""
        if name == _LOADS_CODE:
            return True
        try:
            why = _error_text(name, "")
        except (AttributeError, TypeError, ValueError):
            return False  # a callback: the routing file has none
        return f'No such configuration property: "{name}"' not in why and "dedicated" not in why

    def refuses(self, name: str, value: str) -> str | None:
        """Return what a known setting takes in place of this value; None: the value may be right.

        It is empty where librdkafka does not say. A file is not opened.
        """
        if name == _LOADS_CODE:
            return None
        instead = self._refuses(name, value)
        # Of a number it reads what it can: of 30s, or 1e6, the digits in front.
        if instead is None and _BEGINS_AS_NUMBER.match(value) and not _NUMBER.fullmatch(value):
            is_number = self._refuses(name, _NO_NUMBER) is not None
            return "it takes a number, without a unit" if is_number else None
        return instead

    def _refuses(self, name: str, value: str) -> str | None:
        why = _error_text(name, value)
        if not why or _NEVER in why:
            return None
        bounds = _RANGE.search(why)
        return f"it takes {bounds[1]} to {bounds[2]}" if bounds else ""


def _error_text(name: str, value: str) -> str:
    """Return why librdkafka makes no client: by this name, its value, or the setting that it never
    has. Empty where no library is installed.
    """
    try:
        from confluent_kafka import KafkaException, Producer  # noqa: PLC0415 - the extra
    except ImportError:
        return ""
    try:
        Producer({name: value, _NEVER: ""})
    except KafkaException as error:
        return str(error.args[0].str())
    return ""
