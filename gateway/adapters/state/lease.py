"""Which replica promotes: the one that holds a Kubernetes Lease.

As client-go elects leaders: a holder renews every 2 s and gives up after 10 s without success;
others take the Lease once they have seen it unchanged for 15 s. Times in the object are for people:
each replica goes by its own clock, from when it saw a change itself. Source:
https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gateway.adapters.kubernetes.errors import KubernetesError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.adapters.kubernetes.client import KubernetesClient
    from gateway.adapters.kubernetes.resource import Object, Resource

LEASE_SECONDS: Final = 15
RENEW_DEADLINE_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 2.0
RELEASE_SECONDS: Final = 2.0  # a stop must not wait for an API that is away


def is_free(spec: Object, replica: str, unchanged_seconds: float) -> bool:
    """Whether a replica may take or renew a Lease that it has seen unchanged for so long."""
    holder = spec.get("holderIdentity")
    return holder in (None, "", replica) or unchanged_seconds >= LEASE_SECONDS


def taken(spec: Object, replica: str, now: str) -> Object:
    """Return the spec of a Lease that a replica takes or renews."""
    renewed = spec.get("holderIdentity") == replica
    transitions = spec.get("leaseTransitions")
    number = transitions if isinstance(transitions, int) else 0
    return {
        **spec,
        "holderIdentity": replica,
        "leaseDurationSeconds": LEASE_SECONDS,
        "acquireTime": spec.get("acquireTime") if renewed else now,
        "renewTime": now,
        "leaseTransitions": number if renewed else number + 1,
    }


class Lease:
    """One replica's view of the Lease. Call :meth:`look` every 2 s."""

    def __init__(
        self,
        client: KubernetesClient,
        resource: Resource,
        replica: str,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._resource = resource
        self._replica = replica
        self._clock = clock
        self._spec: Any = None
        self._seen_at = 0.0
        self._renewed_at: float | None = None

    def is_held(self) -> bool:
        """Whether this replica holds it; another one cannot hold it then."""
        renewed_at = self._renewed_at
        return renewed_at is not None and self._clock() - renewed_at < RENEW_DEADLINE_SECONDS

    async def look(self) -> None:
        """Renew it, or take it where it is free; raises KubernetesError."""
        began = self._clock()  # before the request: a holder must not believe in it for longer
        found = await self._read()
        spec = _spec_of(found)
        if spec != self._spec:
            self._spec, self._seen_at = spec, self._clock()  # it may have changed just now
        if not is_free(spec, self._replica, began - self._seen_at):
            self._renewed_at = None
            return
        await self._write(found, taken(spec, self._replica, _now()), began)

    async def release(self) -> None:
        """Leave it to another replica at once; a failure leaves it to the 15 s."""
        if not self.is_held():
            return
        with suppress(KubernetesError, TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await self._leave()
        self._renewed_at = None

    async def _leave(self) -> None:
        found = await self._read()
        spec = _spec_of(found)
        if spec.get("holderIdentity") == self._replica:
            left = {**spec, "holderIdentity": "", "renewTime": _now()}
            await self._client.put(self._resource, {**found, "spec": left})

    async def _write(self, found: Object, spec: Object, began: float) -> None:
        """Write it unless another replica was first, which the next look shows."""
        written = await self._client.put(self._resource, {**found, "spec": spec})
        if written is not None:
            self._spec, self._seen_at = written.get("spec"), began
            self._renewed_at = began

    async def _read(self) -> Object:
        found = await self._client.get(self._resource)
        if found is None:
            content = {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": self._resource.name},
            }
            found = await self._client.create(self._resource, content)
        if found is None:  # another replica was first
            found = await self._client.get(self._resource)
        if found is None:
            raise KubernetesError(f"{self._resource} is neither there nor can it be created")
        return found


def _spec_of(found: Object) -> Object:
    spec = found.get("spec")
    return spec if isinstance(spec, dict) else {}


def _now() -> str:
    """Return the time as a Lease has it (MicroTime)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
