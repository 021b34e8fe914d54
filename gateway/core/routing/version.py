"""A version of the service behind a route."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Client(StrEnum):
    """What carries deliveries to a version."""

    NATIVE = "native"
    HTTPX = "httpx"


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files by path: whom to trust in place of the system's authorities, and who we are."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """Where it is, what it is called on the wire (`tag`) and what it may be given at once."""

    name: str
    tag: str
    url: str
    timeout_seconds: float = 30.0
    max_in_flight: int = 200
    max_rate: float | None = None
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # may hold a secret
    client: Client = Client.NATIVE
    tls: Tls | None = None
