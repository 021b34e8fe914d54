"""Starts the processes of a scenario, and stops them at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

from gateway.demo.addresses import ON_TRIAL, choose
from gateway.demo.processes import DemoError, Processes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from gateway.demo.rollout.environment import TrialEnvironment
    from gateway.demo.rollout.output import TrialOutput
    from gateway.demo.rollout.plan import TrialPlan

    E = TypeVar("E", bound=TrialEnvironment)


async def run_within(
    kind: type[E],
    plan: TrialPlan,
    folder: Path,
    output: TrialOutput,
    run: Callable[[E], Coroutine[Any, Any, bool]],
) -> bool:
    """Return what `run` does in such an environment; False, with the reason, where that fails."""
    output.common.title()
    try:
        async with Processes(folder) as processes, aiohttp.ClientSession() as session:
            environment = kind(choose(ON_TRIAL), folder, processes, session, plan)
            with output.common.working("starting SQS, Kubernetes, B, B1 and two gateways"):
                await processes.while_alive(environment.start())
            return await processes.while_alive(run(environment))
    except DemoError as error:
        output.common.failure(str(error), error.last_lines)
        return False
