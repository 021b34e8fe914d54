"""A version of a routing file as pydantic models; see `routing_file`."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from gateway.config.schema import addresses, fields, pem
from gateway.config.schema.concurrency import IN_FLIGHT, AutoInFlight
from gateway.config.schema.follow import SUBSET
from gateway.config.schema.kafka import TOPIC
from gateway.config.schema.parts import NOT_NULL, Also, Part
from gateway.core.addresses import QueueAddress
from gateway.core.header_budget import DEFAULT_MAX_HEADER_BYTES, SIDECAR_BYTES
from gateway.core.routing.version import Client, HeaderFile
from gateway.core.sqs_limits import MAX_VISIBILITY_SECONDS

LONGEST_LIFETIME: Final = 3600
LONGEST_TIMEOUT: Final = (
    MAX_VISIBILITY_SECONDS - 3600
)  # a delivery has to end while its message is leased


class AttributesHeader(StrEnum):
    """Whether a version gets all attributes in one header, and how."""

    NONE = "none"
    JSON = "json"


_HEADER_BYTES = fields.whole(2 * SIDECAR_BYTES, 1024 * 1024)
_HeaderName = Annotated[str, addresses.HEADER_NAME]
_HeaderValue = Annotated[str | HeaderFile, addresses.HEADER_VALUE]
_TIMEOUT = fields.duration(0, LONGEST_TIMEOUT, above_low=True)
_ATTRIBUTES_HEADER = fields.one_of(AttributesHeader, *AttributesHeader)
_CLIENT = fields.one_of(Client, *Client)
_LIFETIME = fields.duration(1, LONGEST_LIFETIME)
_MAX_DEPTH = fields.whole(1, 1_000_000_000)
PLACES: Final = ("url", "queue", "topic")
"""The keys that say where a version's messages go; it has one."""

_ONE_PLACE = ConfigDict(json_schema_extra={"oneOf": [{"required": [each]} for each in PLACES]})

URL_ONLY: Final = (
    "headers",
    "max_header_bytes",
    "attributes_header",
    "client",
    "tls",
    "connection_lifetime",
)
"""Keys of a version with a `url` that say nothing of a queue or topic."""

QUEUE_ONLY: Final = ("max_depth",)
"""Keys of a version with a `queue` that say nothing of a URL or topic."""


class Tls(Part):
    """PEM files for TLS, read again when they change, as those of a Secret do."""

    shape: ClassVar = "a mapping with `ca`, or `certificate` and `key`"

    ca: Annotated[str | None, pem.PEM_FILE] = Field(
        default=None,
        description="The authorities to trust in place of the system's; an absolute path.",
    )
    certificate: Annotated[str | None, pem.PEM_FILE] = Field(
        default=None,
        description="The gateway's own certificate, for a service that requires one, with the "
        "intermediate certificates up to its authority.",
    )
    key: Annotated[str | None, pem.PEM_FILE] = Field(
        default=None, description="The certificate's private key, without a password."
    )


class Version(Part):
    """A version of the service."""

    model_config = _ONE_PLACE
    shape: ClassVar = "a URL, or a mapping with `url`, `queue` or `topic`"

    url: Annotated[str | None, addresses.URL] = Field(
        default=None,
        description="Where messages are POSTed to. Either this or `queue` (with "
        "`kafka` of the route: or `topic`).",
    )
    queue: Annotated[QueueAddress | None, addresses.QUEUE] = Field(
        default=None,
        description="The queue that messages are sent to, which the version polls itself: its "
        "name, URL or ARN. A name alone is in the region of the route's queue. Either this or "
        "`url`.",
    )
    topic: Annotated[str | None, TOPIC] = Field(
        default=None,
        description="With `kafka` of the route: the topic that records are produced to, which the "
        "version reads itself, on the same brokers. In place of `url`.",
    )
    max_depth: Annotated[int | None, _MAX_DEPTH] = Field(
        default=None,
        description="With `queue`: with more messages in it than this, visible and in flight, the "
        "version counts as unreachable. Default no limit.",
    )
    tag: Annotated[str | None, fields.TAG] = Field(
        default=None,
        description="What the version is called on the wire (`version_header`, baggage); default "
        "its name here.",
    )
    subset: Annotated[str | None, SUBSET] = Field(
        default=None,
        description="With `follow`: the subset of the followed host that this version is.",
    )
    timeout: Annotated[float, _TIMEOUT] = Field(
        default=30.0,
        description="How long a delivery may take, until the response is complete; at most 11h.",
        json_schema_extra={"default": "30s"},
    )
    max_in_flight: Annotated[int | AutoInFlight | None, IN_FLIGHT] = Field(
        default=None,
        description="Deliveries at the same time; default the route's for the stable version, half "
        "of it for any other. The route's own limit holds as well. `auto`, or a mapping with "
        "`auto: true`: as many as the service takes without getting slow.",
    )
    max_rate: Annotated[float | None, fields.RATE] = Field(
        default=None, description="Deliveries per second; default no limit."
    )
    headers: Annotated[dict[_HeaderName, _HeaderValue], NOT_NULL] = Field(
        default_factory=dict,
        description="Headers added to each delivery. A value is a text, or `{file: PATH}`: that is "
        "read again when it changes.",
    )
    max_header_bytes: Annotated[int, _HEADER_BYTES] = Field(
        default=DEFAULT_MAX_HEADER_BYTES,
        description="The largest head (request line and all headers) that the service takes. 1,024 "
        "of it are left to sidecars; of a message's own headers those that do not fit are left out "
        "and named in `x-gateway-omitted`.",
    )
    attributes_header: Annotated[AttributesHeader, _ATTRIBUTES_HEADER] = Field(
        default=AttributesHeader.NONE,
        description="`json`: all message attributes in one more header, `x-aws-sqsd-attributes`, "
        "as a JSON object; for servers that drop header names with `_` or `.`.",
    )
    client: Annotated[Client, _CLIENT] = Field(
        default=Client.NATIVE,
        description="The HTTP client: `native` is the gateway's own, HTTP/1.1 at the least cost; "
        "`httpx` has HTTP/2, and takes proxies from the environment (HTTPS_PROXY, NO_PROXY).",
    )
    tls: Annotated[Tls | None, NOT_NULL] = Field(
        default=None, description="Own files for TLS, with an https URL."
    )
    connection_lifetime: Annotated[float, _LIFETIME] = Field(
        default=20.0,
        description="How long a connection is used, 1s to 1h, a quarter more or less; then DNS is "
        "asked anew. Keep it well below the grace period of the service's pods: some servers "
        "(Node) wait for busy connections when they stop.",
        json_schema_extra={"default": "20s"},
    )


def _url_or_mapping(value: Any, read: Callable[[Any], Any]) -> Any:
    return read({"url": value} if isinstance(value, str) else value)


VersionOrUrl = Annotated[Version, Also(Version, _url_or_mapping, addresses.URL.schema)]
