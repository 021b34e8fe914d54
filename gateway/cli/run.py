"""`gateway` without a command: runs the gateway until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gateway.aiokit.signals import SIGNALS
from gateway.cli.arguments import routing_file, settings_of
from gateway.cli.exit_status import FAILED, OK

if TYPE_CHECKING:
    import argparse
    import asyncio


def run(arguments: argparse.Namespace) -> int:
    """Run the gateway until it is stopped; return the exit status."""
    settings = settings_of(arguments)
    path = routing_file(settings)
    from gateway.config import file

    SIGNALS.exit_on_stop(OK)  # a pipe may be read for ever
    table = file.read(path)
    SIGNALS.disconnect()
    import asyncio

    from gateway.adapters.telemetry import logs
    from gateway.app import Gateway

    logs.configure(settings.log_level, settings.log_format)
    _tune_garbage_collection()

    async def serve() -> bool:
        return await Gateway(settings, path, table).run()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return OK if runner.run(serve()) else FAILED
    except* OSError as failed:
        for error in failed.exceptions:
            print(f"gateway: {error}", file=sys.stderr)
    return FAILED


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
