"""Who may change something over the admin port, and read it where reads are protected
(docs/reference/admin-api.md). Pure.

With a token, callers that send it. Without one, callers on loopback only; a browser on this machine
is one of them, so requests that another site's page makes are refused.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

ALWAYS_OPEN: Final = frozenset({"/healthz", "/readyz"})
"""A kubelet's probes cannot keep a token."""

METRICS: Final = "/metrics"

GATES: Final = re.compile(r"/api/flagger/[^/]+/[^/]+")
"""Flagger can send no token; where reads are protected these tell the verdict and no more."""

CHALLENGE: Final = 'Bearer realm="gateway"'

ISTIO_INBOUND: Final = IPv4Address("127.0.0.6")
"""Istio's sidecar sends requests from the mesh from this address, which is loopback too.

Source: https://github.com/istio/istio/issues/29603
"""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request. `peer` is the socket's address and never taken from a header.

    The other fields are request headers, None where absent.
    """

    peer: str | None
    authorization: str | None = None
    host: str | None = None
    origin: str | None = None
    fetch_site: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a caller may not: the status, 401 (a token is needed) or 403, and a sentence."""

    status: int
    why: str


def refusal(caller: Caller, token: str | None) -> Refusal | None:
    """Return why the caller may not use what is protected, or None if it may."""
    if token:
        return _without_token(caller, token)
    if not is_loopback(caller.peer):
        return Refusal(403, "accepts loopback only, since GATEWAY_ADMIN_TOKEN is not set")
    if not _names_this_machine(caller.host):
        return Refusal(403, "the Host header is neither localhost nor an IP address")
    if _crosses_sites(caller):
        return Refusal(403, "comes from another site's page")
    return None


@dataclass(frozen=True, slots=True)
class Protection:
    """What asks for the token besides the changes."""

    reads: bool = False
    metrics: bool = False

    def covers(self, path: str) -> bool:
        """Return whether a request to the path is protected; changes are in any case."""
        if path == METRICS:
            return self.metrics
        return self.reads and path not in ALWAYS_OPEN and not GATES.fullmatch(path)


def is_loopback(peer: str | None) -> bool:
    """Return whether a socket's address is this machine's own and not a sidecar's."""
    address = _address(peer or "")
    return address is not None and address.is_loopback and address != ISTIO_INBOUND


def _without_token(caller: Caller, token: str) -> Refusal | None:
    scheme, _, given = (caller.authorization or "").partition(" ")
    # aiohttp decodes headers with surrogateescape, so encoding the same way gives the bytes sent.
    sent = given.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "bearer" and hmac.compare_digest(sent, token.encode()):
        return None
    return Refusal(401, "needs Authorization: Bearer with the value of GATEWAY_ADMIN_TOKEN")


def _names_this_machine(host: str | None) -> bool:
    """Return whether the host is localhost or an IP address: other names may be rebound to it."""
    if host is None:  # HTTP/1.0: no browser
        return True
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or _address(name) is not None


def _crosses_sites(caller: Caller) -> bool:
    if caller.fetch_site not in (None, "same-origin", "none"):
        return True
    if caller.origin is None:
        return False
    return caller.host is None or _authority(caller.origin) != caller.host.lower()


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address, the IPv4 one for an IPv4-mapped IPv6 address; None for other text."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
