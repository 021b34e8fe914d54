"""State in a ConfigMap that the replicas of a gateway share, and a Lease for the one that promotes.

A route's state is changed by a merge patch that carries the resourceVersion it was read at: where
another replica wrote in between, the API server responds with 409 and the change is made again, of
what is stored then. Evidence needs no such care, since each replica has a key of its own.
"""

from __future__ import annotations

import asyncio
import math
import random
import re
import secrets
import socket
import time
from typing import TYPE_CHECKING, Final, Never

from gateway.adapters.kubernetes.errors import KubernetesError
from gateway.adapters.kubernetes.resource import config_maps, leases, version_of
from gateway.adapters.kubernetes.watch import Watch
from gateway.adapters.state.config_map import FOLDED, REPLICA, ROUTE, SeenConfigMap
from gateway.adapters.state.lease import RETRY_SECONDS, Lease
from gateway.core.rollout.contact import may_raise
from gateway.core.rollout.contributions import subtract_sums
from gateway.core.rollout.route_state import RouteState, SharedState, Torn
from gateway.core.rollout.stored import dump_folded, dump_state, dump_sums
from gateway.state_port import StateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from gateway.adapters.kubernetes.client import KubernetesClient
    from gateway.adapters.kubernetes.resource import Object
    from gateway.core.rollout.contributions import Sums
    from gateway.core.rollout.route_state import Stored
    from gateway.state_port import StateChange

ATTEMPTS: Final = 20
CONFLICT_SECONDS: Final = 0.1
CONTACT_SECONDS: Final = 3.0
"""How old the last contact may be before the ConfigMap is read again: a watch may be half-open."""


class KubernetesStore:
    """One replica's store. The client is opened and closed with it."""

    def __init__(
        self,
        client: KubernetesClient,
        name: str,
        *,
        replica: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._resource = config_maps(client.namespace).named(name)
        self._clock = clock
        self._seen = SeenConfigMap()
        self._contributor = name_replica(socket.gethostname() if replica is None else replica)
        self._lease = Lease(client, leases(client.namespace).named(name), self._contributor, clock)
        self._state = SharedState()
        self._published: Sums = {}
        self._folded_own: Sums = {}
        self._contact_at = -math.inf
        self._errors: dict[str, str] = {}
        self._changed: Callable[[], None] = _ignore
        self._writing = asyncio.Lock()

    @property
    def state(self) -> SharedState:
        """What the ConfigMap says, as last seen."""
        return self._state

    @property
    def problems(self) -> Sequence[str]:
        """What is torn, and why the API is out of reach."""
        torn = [
            f"the state of route {route} in {self._resource} {stored.why}"
            for route, stored in sorted(self._seen.routes.items())
            if isinstance(stored, Torn)
        ]
        contributions = [f"{why} ({self._resource})" for why in self._seen.torn_contributions]
        return (*torn, *contributions, *self._errors.values())

    def silent_seconds(self) -> float:
        """Return how long ago the ConfigMap was last reached; infinite before the first time."""
        return self._clock() - self._contact_at

    def may_promote(self) -> bool:
        """Whether this replica holds the Lease and reaches the state."""
        return self._lease.is_held() and may_raise(self.silent_seconds())

    async def open(self) -> None:
        """Read the ConfigMap, and create it where it is missing and may be; raises StateError."""
        await self._client.__aenter__()
        try:
            await self._read()
        except KubernetesError as error:
            await self._client.close()
            raise self._error(error) from error

    async def close(self) -> None:
        """Release the Lease, and close the connections."""
        await self._lease.release()
        await self._client.close()

    async def follow(self, changed: Callable[[], None]) -> Never:
        """Watch the ConfigMap, and look at the Lease every 2 s."""
        self._changed = changed
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Watch(self._client, self._resource, self).run(), name="state watch")
            while True:
                await self.look()
                await asyncio.sleep(RETRY_SECONDS)
        raise AssertionError

    async def look(self) -> None:
        """Do what is due: the Lease, a read for contact, states to write again, idle replicas."""
        await asyncio.gather(
            self._try("lease", self._lease.look), self._try("state", self._keep_contact)
        )

    async def update(self, route: str, change: StateChange) -> Stored | None:
        """Change the state of a route; raises StateError."""
        async with self._writing:
            try:
                return await self._update(route, change)
            except KubernetesError as error:
                raise self._error(error) from error

    async def publish(self, sums: Mapping[str, Sequence[float]]) -> None:
        """Store the sums under this replica's key; raises StateError."""
        text = dump_sums(subtract_sums(sums, self._folded_own))
        key = REPLICA + self._contributor
        if self._seen.texts.get(key) != text:
            try:
                await self._write({"data": {key: text}})
            except KubernetesError as error:
                raise self._error(error) from error
        if key == REPLICA + self._contributor:  # else it was folded just before, without these sums
            self._published = {route: tuple(values) for route, values in sums.items()}

    def changed(self, _name: str, found: Object | None, /) -> None:
        """Take what the watch has seen; a ConfigMap that is gone says nothing."""
        if found is not None:
            self._take(found, self._clock())

    def synced(self) -> None:
        """Do nothing: contact is counted by what is read of the ConfigMap."""

    def reached(self) -> None:
        """Record that the watch works."""
        self._errors.pop("watch", None)

    def failed(self, error: KubernetesError) -> None:
        """Record why the watch does not work; reads go on, and say when the state is reached."""
        self._errors["watch"] = str(error)

    def _take(self, found: Object, began: float) -> None:
        """Take a ConfigMap as it was at `began` or later."""
        self._contact_at = max(self._contact_at, began)
        content = found.get("data")
        texts = content if isinstance(content, dict) else {}
        is_new = self._seen.take({k: v for k, v in texts.items() if isinstance(v, str)}, began)
        if self._contributor in self._seen.contributions.folded_replicas:
            self._begin_anew()
        if is_new:
            others = self._seen.contributions.total(without=self._contributor)
            evidence = subtract_sums(others, self._folded_own)
            self._state = SharedState(dict(self._seen.routes), evidence)
            self._changed()

    async def _read(self) -> Object:
        began = self._clock()
        found = await self._client.get(self._resource)
        if found is None:
            content: Object = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": self._resource.name},
            }
            found = await self._client.create(self._resource, content)
        if found is None:
            found = await self._client.get(self._resource)
        if found is None:
            raise KubernetesError(f"{self._resource} is created and deleted all the time")
        self._take(found, began)
        return found

    async def _update(self, route: str, change: StateChange) -> Stored | None:
        for _ in range(ATTEMPTS):
            found = await self._read()
            stored = self._seen.routes.get(route)
            wanted = change(stored)
            if wanted is not None and wanted != stored:
                stored = wanted.follow(self._seen.before(route))
            if not isinstance(stored, RouteState):
                return stored
            text = dump_state(stored)
            if self._seen.texts.get(ROUTE + route) == text:
                return stored
            if await self._patch(found, {ROUTE + route: text}):
                return stored
            await asyncio.sleep(CONFLICT_SECONDS * random.random())  # noqa: S311 - no secret
        raise KubernetesError(f"{self._resource} was changed by others {ATTEMPTS} times in a row")

    async def _patch(self, found: Object, texts: Mapping[str, str | None]) -> bool:
        """Write keys unless the ConfigMap has changed since it was read."""
        metadata = {"resourceVersion": version_of(found)}
        return await self._write({"metadata": metadata, "data": dict(texts)})

    async def _write(self, patch: Object) -> bool:
        """Merge a patch; return whether it was: not where it is bound to an older version."""
        began = self._clock()
        written = await self._client.merge_patch(self._resource, patch)
        if written is not None:
            self._take(written, began)
        elif "metadata" not in patch:
            raise KubernetesError(f"{self._resource} does not exist")
        return written is not None

    async def _keep_contact(self) -> None:
        if self.silent_seconds() >= CONTACT_SECONDS or self._seen.unwritten:
            await self._read()
        for route in list(self._seen.unwritten):
            async with self._writing:
                await self._update(route, lambda _: None)
        if self._lease.is_held():
            await self._fold()

    async def _fold(self) -> None:
        idle = [
            each for each in self._seen.idle_replicas(self._clock()) if each != self._contributor
        ]
        if not idle:
            return
        found = await self._read()
        contributions = self._seen.contributions.fold(idle)
        gone: dict[str, str | None] = {REPLICA + name: None for name in idle}
        gone[FOLDED] = dump_folded(contributions.folded, contributions.folded_replicas)
        await self._patch(found, gone)

    def _begin_anew(self) -> None:
        """Go on under a new name: what was stored under the old one is folded."""
        self._folded_own = self._published
        self._contributor = name_replica(self._contributor.rpartition(".")[0])

    async def _try(self, what: str, act: Callable[[], Awaitable[None]]) -> None:
        try:
            await act()
        except KubernetesError as error:
            self._errors[what] = str(error)
        else:
            self._errors.pop(what, None)

    def _error(self, error: KubernetesError) -> StateError:
        return StateError(f"the state in {self._resource} is out of reach: {error}")


def name_replica(host: str) -> str:
    """Return a name for this process that is a key of a ConfigMap, and no other process's."""
    return f"{re.sub(r'[^-a-zA-Z0-9_.]', '-', host)[:180]}.{secrets.token_hex(4)}"


def _ignore() -> None:
    """Take a change that no caller follows."""
