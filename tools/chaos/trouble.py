"""Everything that happens during a run beside the load, each concern with dice of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from tools.chaos import answers, routes, weather
from tools.chaos.routes import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from tools.chaos.plan import Plan
    from tools.chaos.replica import Replica
    from tools.chaos.service import Service
    from tools.chaos.sqs import Sqs

_BETWEEN_DEEDS: Final = (1.5, 5.0)
_BETWEEN_MOODS: Final = (1.0, 5.0)
_BETWEEN_FLAPS: Final = (4.0, 15.0)
_FLAP: Final = (0.3, 1.5)


async def sky(plan: Plan, sqs: Sqs, until: float) -> None:
    """Change SQS's faults from time to time, and end in calm."""
    chance = plan.chance("weather")
    while (left := _left(until)) > 0:
        seconds, rules = weather.forecast(chance)
        await sqs.set_faults(rules, chance.random())
        await asyncio.sleep(min(seconds, left))
    await sqs.set_faults([], 0)


async def moods(plan: Plan, service: Service, until: float) -> None:
    """Change a service's mood from time to time, and let it be well in the end."""
    chance = plan.chance(f"moods of {service.name}")
    while (left := _left(until)) > 0:
        service.mood = chance.choice(answers.MOODS)
        await asyncio.sleep(min(chance.uniform(*_BETWEEN_MOODS), left))
    service.mood = answers.WELL


async def flaps(plan: Plan, service: Service, until: float) -> None:
    """Let a service refuse connections now and then."""
    chance = plan.chance(f"flaps of {service.name}")
    while (left := _left(until)) > 0:
        await asyncio.sleep(min(chance.uniform(*_BETWEEN_FLAPS), left))
        if _left(until) > 0:
            service.refuse()
            await asyncio.sleep(chance.uniform(*_FLAP))
            await service.accept()


async def deeds(
    plan: Plan, replica: Replica, number: int, urls: Mapping[str, str], until: float
) -> None:
    """Reload, break the file, stop or kill a replica; in the end it runs on a good file."""
    chance = plan.chance(f"deeds to {number}")
    while (left := _left(until)) > 0:
        await asyncio.sleep(min(chance.uniform(*_BETWEEN_DEEDS), left))
        if _left(until) > 0:
            await _deed(plan, replica, chance, urls)
    await replica.reload(routes.routing(urls, Weights()), chance)


async def _deed(plan: Plan, replica: Replica, chance: Random, urls: Mapping[str, str]) -> None:
    drawn = chance.random()
    if drawn < 0.35:
        await replica.reload(routes.routing(urls, _weights(chance)), chance)
    elif drawn < 0.55:
        await replica.break_file(chance)
    elif drawn < 0.78 or plan.calm:
        await replica.soft_stop()
        await _restart(replica, chance)
    else:
        await replica.kill()
        await _restart(replica, chance)


async def _restart(replica: Replica, chance: Random) -> None:
    await asyncio.sleep(chance.uniform(0, 1))
    await replica.start()


def _weights(chance: Random) -> Weights:
    return Weights(*(chance.randrange(0, 101, 5) for _ in range(3)))


def _left(until: float) -> float:
    return until - asyncio.get_running_loop().time()
