"""Values of the routing file: URLs, queues, headers."""

from __future__ import annotations

import os
import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.config.problems.findings import TOKEN, InvalidValue
from gateway.config.schema.fields import MAX_NAME, MAX_PORT, QUOTE, Checked, text
from gateway.config.schema.pem import regular_content
from gateway.core.addresses import is_aws_host, parse_queue
from gateway.core.delivery.forwarded import SENT_AT
from gateway.core.delivery.header_value import value_of_file
from gateway.core.delivery.headers import FIXED_NAMES, RESERVED_PREFIX
from gateway.core.messages.attribute_names import OTEL_BAGGAGE
from gateway.core.routing.sources import DEFAULT_VERSION_HEADER
from gateway.core.routing.version import HeaderFile

if TYPE_CHECKING:
    from gateway.core.addresses import QueueAddress

HOP_HEADERS: Final = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of the connection and of framing. Source: RFC 9110 section 7.6.1, RFC 9112."""

ALLOW_LINK_LOCAL: Final = "GATEWAY_ALLOW_LINK_LOCAL"
_LINK_LOCAL: Final = tuple(map(ip_network, ("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32")))
_WITH_IPV4: Final = tuple(map(IPv6Network, ("::/96", "64:ff9b::/96")))  # RFC 4291, RFC 6052
SENT_NAMES: Final = FIXED_NAMES | {"user-agent"}
"""Headers that the gateway sends with any delivery."""

_OTHER_ATTRIBUTES: Final = frozenset({SENT_AT, OTEL_BAGGAGE})
"""Attributes that a forwarded message has for another purpose, and that are never replaced."""

_URL_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+\Z")  # RFC 3986, section 2
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?\Z|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\Z")
_VERSION_HEADER = re.compile(
    r"(?=.{1,63}\Z)[A-Za-z0-9](?:(?:[A-Za-z0-9_-]|\.(?!\.))*[A-Za-z0-9])?\Z"
)
_LEGAL_VALUE = re.compile(r"(?:[!-~](?:[ \t!-~]*[!-~])?)?\Z")


def url(value: Any) -> str:
    """Return a URL to POST to. No problem repeats its text, which may hold a secret."""
    written = text(value)
    if not written.isascii():
        raise InvalidValue("is a URL with a letter beyond ASCII", "write the host in its xn-- form")
    if not _URL_CHARACTERS.match(written):
        raise InvalidValue(
            "has a character that no URL may have", "percent-encode it, or remove it"
        )
    if not written.startswith(("http://", "https://")):
        hint = f"a queue is {{queue: {written}}}" if _is_queue(written) else ""
        raise InvalidValue("must begin with http:// or https://", hint)
    authority = re.split("[/?#]", written.partition("//")[2], maxsplit=1)[0]
    if "@" in authority:
        raise InvalidValue("has a user or password", "send it with `headers`")
    if "#" in written:
        raise InvalidValue("has a fragment (`#`), which is never sent", "remove it")
    _check_host(written, authority)
    return written


def _check_host(written: str, authority: str) -> None:
    try:
        parts = urlsplit(written)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidValue("has no valid host or port") from None
    if not host or not _HOST.match(host):
        raise InvalidValue("has no valid host")
    if is_aws_host(host):
        raise InvalidValue("is an SQS queue, which takes no POSTs", "write it as `queue`")
    if _is_link_local(host) and not _allowed():
        raise InvalidValue(
            "is a link-local or metadata address",
            "credentials are served there; set GATEWAY_ALLOW_LINK_LOCAL=true if it is meant",
        )
    if port == 0 or authority.endswith(":"):
        raise InvalidValue(f"has no valid port, 1 to {MAX_PORT}")


def _allowed() -> bool:
    return os.environ.get(ALLOW_LINK_LOCAL, "").lower() in {"true", "1"}


def _is_link_local(host: str) -> bool:
    """Whether a host is an address of the link or of a cloud's metadata, in any way to write it."""
    bare = host.rstrip(".")
    try:
        address = ip_address(bare)
    except ValueError:
        try:
            address = IPv4Address(socket.inet_aton(bare))  # 169.254.43518, 0xa9fea9fe, 2852039166
        except OSError:
            return False
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped
        if inner is None and any(address in network for network in _WITH_IPV4):
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        address = inner or address
    return any(address in network for network in _LINK_LOCAL)


def queue(value: Any) -> QueueAddress:
    """Return the address of a queue by its name, URL or ARN."""
    try:
        return parse_queue(text(value))
    except InvalidValue:
        raise
    except ValueError as error:
        raise InvalidValue(str(error)) from None


def _is_queue(written: str) -> bool:
    try:
        parse_queue(written)
    except ValueError:
        return False
    return True


def header_name(value: Any) -> str:
    """Return the name of a header that a version may add to each delivery."""
    name = text(value)
    folded = name.lower()
    if not TOKEN.match(name):
        raise InvalidValue("is no header name", "letters, digits and - are safe")
    if folded in FIXED_NAMES or folded.startswith(RESERVED_PREFIX):
        raise InvalidValue("is a header that the gateway sets itself")
    if folded in HOP_HEADERS:
        raise InvalidValue("is a header of the connection, which the gateway sets itself")
    return name


def version_header(value: Any) -> str:
    """Return the name of the header, the baggage member and the attribute that carry a tag."""
    name = text(value)
    folded = name.lower()
    if not _VERSION_HEADER.match(name) or folded.startswith(("aws.", "amazon.")):
        raise InvalidValue(
            "must be a name of letters, digits, `-`, `_` and single `.`, with a letter or digit at "
            f"either end, at most {MAX_NAME} characters",
            "it names a header, a baggage member and a message attribute",
        )
    if folded == DEFAULT_VERSION_HEADER:
        return name
    if folded in SENT_NAMES or folded.startswith(RESERVED_PREFIX):
        raise InvalidValue("is another header that the gateway sets", "choose a name of its own")
    if folded in _OTHER_ATTRIBUTES:
        raise InvalidValue("is an attribute for another purpose", "choose a name of its own")
    if folded in HOP_HEADERS:
        raise InvalidValue("is a header of the connection", "choose a name of its own")
    return name


def header_value(value: Any) -> str | HeaderFile:
    """Return the value of a header. No problem repeats it, since it may be a secret."""
    if isinstance(value, dict):
        return _header_file(value)
    if not isinstance(value, str):
        raise InvalidValue("must be a text", QUOTE if isinstance(value, bool | int | float) else "")
    if not _LEGAL_VALUE.match(value):
        raise InvalidValue("must be visible ASCII, with spaces only inside")
    return value


def _header_file(value: dict[Any, Any]) -> HeaderFile:
    """Return the file of a header's value, which must be there, as the files of `tls` must."""
    path = value.get("file")
    if set(value) != {"file"} or not isinstance(path, str):
        raise InvalidValue("must be a text, or {file: PATH}")
    if not path.startswith("/") or "\0" in path:
        raise InvalidValue(
            "must have an absolute path as its `file`", "as it is mounted: /etc/secrets/token"
        )
    try:
        value_of_file(regular_content(path))
    except OSError as error:
        why = (error.strerror or "no file").lower()
        raise InvalidValue(
            f"has a `file` that cannot be read: {why}", "the Secret must be mounted here too"
        ) from None
    except ValueError as error:
        raise InvalidValue(f"has a `file` that {error}") from None
    return HeaderFile(path)


_QUEUE_SCHEMA: Final = {"type": "string", "minLength": 1}
URL: Final = Checked(url, {"type": "string", "pattern": "^https?://[^\\s#@]+$"})
QUEUE: Final = Checked(queue, _QUEUE_SCHEMA)
HEADER_NAME: Final = Checked(
    header_name, {"type": "string", "pattern": "^[!#-'*+.^_`|~0-9A-Za-z-]+$"}
)
VERSION_HEADER: Final = Checked(
    version_header,
    {
        "type": "string",
        "pattern": "^[A-Za-z0-9](([A-Za-z0-9_-]|[.][A-Za-z0-9_-])*[A-Za-z0-9])?$",
        "maxLength": MAX_NAME,
    },
)
HEADER_VALUE: Final = Checked(
    header_value,
    {
        "anyOf": [
            {"type": "string", "pattern": "^([!-~]([ \\t!-~]*[!-~])?)?$"},
            {
                "type": "object",
                "properties": {"file": {"type": "string", "pattern": "^/"}},
                "required": ["file"],
                "additionalProperties": False,
            },
        ]
    },
)
