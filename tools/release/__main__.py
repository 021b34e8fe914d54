"""`python -m tools.release check TAG`, `notes`, `version`, `chart --image NAME --source URL`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from gateway import __version__
from tools.release.changelog import ChangelogError, section_of
from tools.release.chart import ChartError, stage

ROOT: Final = Path(__file__).resolve().parents[2]
CHART: Final = ROOT / "charts" / "sqs-version-gateway"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("version", help="print the version")
    commands.add_parser("notes", help="print the section of the changelog")
    check = commands.add_parser("check", help="whether a tag is that of this version, and dated")
    check.add_argument("tag")
    chart = commands.add_parser("chart", help="package the chart with the image of the release")
    chart.add_argument("--image", required=True, help="the image's name, without a tag")
    chart.add_argument("--source", required=True, help="the address of the repository")
    chart.add_argument("--destination", default="dist", type=Path)
    chart.add_argument("--helm", default="helm")
    options = parser.parse_args(arguments)
    try:
        return _run(options)
    except (ChangelogError, ChartError, ReleaseError) as error:
        print(error, file=sys.stderr)
        return 1


class ReleaseError(Exception):
    """The release would not be what its tag says."""


def _run(options: argparse.Namespace) -> int:
    section = section_of((ROOT / "CHANGELOG.md").read_text("utf-8"), __version__)
    match options.command:
        case "version":
            print(__version__)
        case "notes":
            print(section.text)
        case "check" if options.tag != f"v{__version__}":
            raise ReleaseError(
                f"the tag is {options.tag}, and gateway/__init__.py says {__version__}:"
                f" tag v{__version__}, or move the version first"
            )
        case "chart":
            with tempfile.TemporaryDirectory() as folder:
                staged = stage(CHART, Path(folder), options.image, options.source, section)
                command = [options.helm, "package", staged, "--destination", options.destination]
                return _call(command)
    return 0


def _call(command: list[str | Path]) -> int:
    try:
        return subprocess.run(command, check=False).returncode
    except OSError as error:
        raise ReleaseError(f"{command[0]} cannot be run: {error.strerror} (--helm PATH)") from None


if __name__ == "__main__":
    sys.exit(main())
