"""`python -m tools.emulator`: serve until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal

import uvloop

from tools.emulator.running import ANNOUNCEMENT, served


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    parser.add_argument("--region", default="us-east-1", help="of ARNs (default us-east-1)")
    parser.add_argument(
        "--round-trip-ms", type=float, default=0.0, help="added to each response (default 0)"
    )
    arguments = parser.parse_args()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)  # histories only grow: a collection finds nothing
    uvloop.run(_serve(arguments))


async def _serve(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with served(
        arguments.host,
        arguments.port,
        round_trip_seconds=arguments.round_trip_ms / 1000,
        region=arguments.region,
    ) as here:
        print(f"{ANNOUNCEMENT}{here.url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
