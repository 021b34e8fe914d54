"""The processes of a rollout, and a VirtualService that the gateways follow."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.follow.plan import HOST, virtual_service
from gateway.demo.kubernetes.cluster import NAMESPACE
from gateway.demo.processes import DemoError
from gateway.demo.rollout.environment import TrialEnvironment

if TYPE_CHECKING:
    from collections.abc import Sequence

OBJECTS: Final = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices"
MERGE_PATCH: Final = {"Content-Type": "application/merge-patch+json"}


class FollowEnvironment(TrialEnvironment):
    """The object is there, with weight 0 of the canary, before a gateway starts."""

    async def start_gateways(self) -> None:
        """Create the object, and start the gateways."""
        content = {"metadata": {"name": HOST}, "spec": virtual_service(0)}
        await self._ask("POST", OBJECTS, content)
        await super().start_gateways()

    async def write(self, weight: int) -> float:
        """Write a weight of the canary into the object; return the time before the write."""
        at = time.time()
        spec = {"spec": virtual_service(weight)}
        await self._ask("PATCH", f"{OBJECTS}/{HOST}", spec, MERGE_PATCH)
        return at

    async def followed(self) -> Sequence[dict[str, Any]]:
        """Return what each gateway says of what the route follows."""
        found = []
        for replica in self.replicas:
            async with self.session.get(f"{replica.url}/api/routes") as response:
                found.append((await response.json())["routes"][0]["follow"])
        return found

    async def _ask(
        self, method: str, path: str, content: object, headers: dict[str, str] | None = None
    ) -> None:
        url = self.addresses.url("Kubernetes", path)
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        async with self.session.request(method, url, json=content, headers=sent) as response:
            if response.status >= HTTPStatus.BAD_REQUEST:
                raise DemoError(f"{url} responded with {response.status}: {await response.text()}")
