"""What the scenario asks for: the weights that the controller writes before it aborts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.demo.rollout.plan import TrialPlan, Trouble
from gateway.demo.routing import routing_file

if TYPE_CHECKING:
    from gateway.demo.addresses import Addresses

PACKAGED: Final = "follow/routes.yaml"
HOST: Final = "b"


@dataclass(frozen=True, slots=True)
class FollowPlan(TrialPlan):
    """The scenario; its canary is as good as stable: it is the controller that aborts."""

    def routing(self, addresses: Addresses) -> str:
        """Return the routing file."""
        return routing_file(addresses, PACKAGED)


FOLLOW: Final = FollowPlan("follow", Trouble(), steps=(10, 30, 60), messages=4_000)


def virtual_service(canary: int) -> dict[str, Any]:
    """Return the spec with this weight of the canary, in per cent, as controllers write it."""
    weights = {"stable": 100 - canary, "canary": canary}
    route = [
        {"destination": {"host": HOST, "subset": subset}, "weight": weight}
        for subset, weight in weights.items()
    ]
    return {"hosts": [HOST], "http": [{"name": "primary", "route": route}]}
