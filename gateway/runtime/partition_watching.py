"""Looks at the partitions of a log from time to time, and warns of those that do not get on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.core.events import RouteWarned
from gateway.core.kafka.partition_watch import PartitionWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Never

    from gateway.core.kafka.plan import KafkaPlan
    from gateway.log_port import LogSource

LOOK_SECONDS: Final = 5.0


async def watch_partitions(
    route: str,
    plan: KafkaPlan,
    log: LogSource,
    failing: Callable[[], object],
    emit: Callable[[RouteWarned], None],
) -> Never:
    """Look until cancelled; what is `failing` is said already, so nothing else is meanwhile."""
    watch, clock = PartitionWatch(plan), asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if not failing():
            for what, what_to_do in watch.look(clock(), log.partitions()):
                emit(RouteWarned(route, what, what_to_do))
