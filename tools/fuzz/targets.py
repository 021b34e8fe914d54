"""The targets by name. Each is imported when it is asked for, so that a fuzzer can watch it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Target = Callable[[bytes], None]

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = Path(__file__).parent / "corpus"
_YAML: Final = (
    b"&a ", b"*a", b"!!str ", b"<<: ", b"- ", b": ", b"? ", b"|\n", b">-\n", b"{}", b"[]", b"'",
    b'"',
    b"%YAML 1.2\n---\n", b"...\n", b"#", b"\t", b"\r\n", b"\\u", b"~", b".inf", b"0x1f", b"body:",
    b"attribute:", b"baggage:", b"sender:", b"sns", b"http://b/", b"500ms", b"20s", b"off",
    b"redrive", b"a.fifo",
    b"arn:aws:sqs:eu-west-1:123456789012:q", b"(?=a)", b"a[?b > `1`].c | [0]", b"join(',', a)",
)  # fmt: skip
_HTTP: Final = (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 ", b"100 Continue\r\n\r\n", b"101 x\r\n", b"204 ", b"503 ",
    b"content-length: ", b"transfer-encoding: chunked\r\n", b"connection: close\r\n", b"gzip, ",
    b"retry-after: ", b"Mon, 23 Nov 2026 12:01:30 GMT", b"\r\n", b"\r\n\r\n", b"5\r\nhello\r\n",
    b"0\r\n\r\n", b";a=b", b"\xff\xff", b"\xfd", b"upgrade: x\r\n",
)  # fmt: skip
_MESSAGE: Final = (
    b"\x1e", b"tenant", b"version", b"baggage", b"content-type", b"traceparent", b"odd", b"String",
    b"Number.int", b"Binary", b"version=v2,", b"user=a;p=1", b"%0D%0A", b"\r\n", b"v2", b"canary",
    b'{"a":{"b":"xy"}}', b'{"g":"--","l":["a","b"]}', b'{"items":[{"n":2,"s":1}]}', b'{"m":[1]}',
    b'{"k":[{"n":1,"s":"x"}],"v":[1,2]}', b"[[[[", b"1e999", b"\\ud800", b"NaN", b"x-gateway-route",
    b'{"MessageId":"m","Body":"{}","Attributes":{},"MessageAttributes":{}}',
    b'{"customer":{"id":7}}', b"AROAX:b1,version=v2", b"otel.baggage",
    b'{"Type":"Notification","TopicArn":"a","MessageId":"b","Message":"c","Subject":"d"}',
    b'"MessageAttributes":{"version":{"Type":"String","Value":"v2"}}',
)  # fmt: skip

_STATE: Final = (
    b'"version":1', b'"route":{', b'"generation":', b'"weight":', b'"trial":', b'"override":',
    b'"routes":{', b'"evidence":{', b'"others":', b'"replicas":[', b'"starts":[', b'"history":[',
    b'"values":[', b"null", b"true", b"1e999", b"-0.0", b"NaN", b"9007199254740993", b"\\ud800",
    b"\xff", b"\xef\xbb\xbf", b"[[[[", b"{{{{", b"0.0,0.0,0.0",
)  # fmt: skip


def _named(module: str) -> Callable[[], Target]:
    def load() -> Target:
        check: Target = import_module(f"tools.fuzz.{module}").check
        return check

    return load


TARGETS: Final[Mapping[str, Callable[[], Target]]] = {
    name: _named(name) for name in ("routing_file", "messages", "http_responses", "stored_state")
}


def words_of(name: str) -> list[bytes]:
    """Return words that inputs of a target are made of."""
    if name != "routing_file":
        return list({"http_responses": _HTTP, "messages": _MESSAGE}.get(name, _STATE))
    from gateway.config.schema.delivery import Fallback, Retry
    from gateway.config.schema.kafka import Kafka
    from gateway.config.schema.routing_file import Route, RoutingFile
    from gateway.config.schema.rules import Condition, Match, Rule
    from gateway.config.schema.version import Tls, Version

    parts = (RoutingFile, Route, Kafka, Version, Tls, Rule, Match, Condition, Fallback, Retry)
    return [*_YAML, *(f"{key}: ".encode() for part in parts for key in part.model_fields)]
