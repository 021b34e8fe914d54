"""`gateway` without a command: runs the gateway until SIGTERM or SIGINT."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gateway.aiokit.signals import SIGNALS
from gateway.cli.arguments import print_warnings, routing_file, setting_names, settings_of
from gateway.cli.exit_status import FAILED, OK

if TYPE_CHECKING:
    import argparse
    import asyncio
    from pathlib import Path

    from gateway.config.settings import Settings
    from gateway.core.routing.route import RoutingTable


def run(arguments: argparse.Namespace) -> int:
    """Run the gateway until it is stopped; return the exit status."""
    from gateway.config.problems.problem import Problem, ProblemsFound

    try:
        settings, path, table = _configuration(arguments)
    except ProblemsFound:
        print_warnings()
        raise
    import asyncio

    from gateway.adapters.telemetry import logs
    from gateway.app import Gateway
    from gateway.config.settings import ENVIRONMENT
    from gateway.state_port import StateError

    logs.configure(settings.log_level, settings.log_format)
    _log_start()
    _tune_garbage_collection()

    async def serve() -> bool:
        try:
            gateway = Gateway(settings, path, table)
        except StateError as error:
            place = "GATEWAY_STATE"
            raise ProblemsFound([Problem(ENVIRONMENT, None, place, str(error))]) from error
        return await gateway.run()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return OK if runner.run(serve()) else FAILED
    except* OSError as failed:
        for error in failed.exceptions:
            print(f"gateway: {error}", file=sys.stderr)
    return FAILED


def _configuration(arguments: argparse.Namespace) -> tuple[Settings, Path, RoutingTable]:
    """Return the settings, the routing file's path and its table; raises ProblemsFound."""
    from gateway.config import file

    settings = settings_of(arguments)
    path = routing_file(settings)
    SIGNALS.exit_on_stop(OK)  # a pipe may be read for ever
    table = file.read(path, setting_names)
    SIGNALS.disconnect()
    return settings, path, table


def _log_start() -> None:
    """Log what runs, and each `GATEWAY_*` variable that is not used as it is."""
    import structlog

    from gateway.adapters.telemetry.build import current_build
    from gateway.config.settings import environment_warnings

    log = structlog.stdlib.get_logger("gateway")
    log.info("sqs-version-gateway starts", **current_build()._asdict())
    for warning in environment_warnings(os.environ):
        log.warning(warning)


def _tune_garbage_collection() -> None:
    """Leave out what lives as long as the process, and collect the rest less often.

    With higher thresholds than these memory grows.
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 5, 5)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows has none
        return None
    return uvloop.Loop
