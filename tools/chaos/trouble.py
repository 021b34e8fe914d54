"""Everything that happens during a run beside the load; each concern has its own randomness."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tools.chaos import responses, routes, weather

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from tools.chaos.plan import Plan
    from tools.chaos.replica import Replica
    from tools.chaos.routes import Weights
    from tools.chaos.service import Service
    from tools.chaos.sqs import Sqs

_BETWEEN_ACTIONS: Final = (1.5, 5.0)
_BETWEEN_MOODS: Final = (1.0, 5.0)
_BETWEEN_FLAPS: Final = (4.0, 15.0)
_FIRST_PURGE: Final = (10.0, 30.0)
_BETWEEN_PURGES: Final = (61.0, 90.0)
_FLAP: Final = (0.3, 1.5)


async def sky(plan: Plan, sqs: Sqs, until: float) -> None:
    """Change SQS's faults from time to time, and end without any."""
    random = plan.random("weather")
    while (left := _left(until)) > 0:
        seconds, rules = weather.forecast(random)
        await sqs.set_faults(rules, random.random())
        await asyncio.sleep(min(seconds, left))
    await sqs.set_faults([], 0)


async def moods(plan: Plan, service: Service, until: float) -> None:
    """Change a service's mood from time to time, and leave it well."""
    random = plan.random(f"moods of {service.name}")
    while (left := _left(until)) > 0:
        service.mood = random.choice(responses.MOODS)
        await asyncio.sleep(min(random.uniform(*_BETWEEN_MOODS), left))
    service.mood = responses.WELL


async def flaps(plan: Plan, service: Service, until: float) -> None:
    """Let a service refuse connections now and then."""
    random = plan.random(f"flaps of {service.name}")
    while (left := _left(until)) > 0:
        await asyncio.sleep(min(random.uniform(*_BETWEEN_FLAPS), left))
        if _left(until) > 0:
            service.refuse()
            await asyncio.sleep(random.uniform(*_FLAP))
            await service.accept()


async def purges(plan: Plan, sqs: Sqs, until: float) -> None:
    """Empty the queue that fills now and then, so that its version can be reached again."""
    random = plan.random("purges")
    pause = random.uniform(*_FIRST_PURGE)
    while (left := _left(until)) > pause:
        await asyncio.sleep(min(pause, left))
        await sqs.call("PurgeQueue", QueueUrl=routes.FULL.name)
        pause = random.uniform(*_BETWEEN_PURGES)


async def actions(
    plan: Plan, replica: Replica, number: int, urls: Mapping[str, str], until: float
) -> None:
    """Reload, break the file, stop or kill a replica; at the end it runs on a good file."""
    random = plan.random(f"actions to {number}")
    while (left := _left(until)) > 0:
        await asyncio.sleep(min(random.uniform(*_BETWEEN_ACTIONS), left))
        if _left(until) > 0:
            await _act(plan, replica, random, urls)
    await replica.reload(routes.routing(urls, routes.WEIGHTS), random)


async def _act(plan: Plan, replica: Replica, random: Random, urls: Mapping[str, str]) -> None:
    drawn = random.random()
    if drawn < 0.35:
        await replica.reload(routes.routing(urls, _weights(random)), random)
    elif drawn < 0.55:
        await replica.break_file(random)
    elif drawn < 0.78 or plan.calm:
        await replica.soft_stop()
        await _restart(replica, random)
    else:
        await replica.kill()
        await _restart(replica, random)


async def _restart(replica: Replica, random: Random) -> None:
    await asyncio.sleep(random.uniform(0, 1))
    await replica.start()


def _weights(random: Random) -> Weights:
    return {name: random.randrange(0, 101, 5) for name in routes.NAMES.values()}


def _left(until: float) -> float:
    return until - asyncio.get_running_loop().time()
