"""`python -m gateway` and the console script `gateway`."""

import sys

from gateway.aiokit.signals import SIGNALS


def main() -> int:
    """Listen to signals before anything that takes time, then run the command line."""
    SIGNALS.listen()
    from gateway.cli.main import main as run_command  # noqa: PLC0415 - this is what takes time

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
