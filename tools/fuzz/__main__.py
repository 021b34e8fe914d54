"""`python -m tools.fuzz [TARGET [SECONDS]]`: look for inputs that a target does not survive.

What is new goes to build/fuzz/TARGET and, with `--keep`, what of it reaches other code to the
corpus. Needs atheris, which has wheels for few Pythons: the corpus is run without it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from tools.fuzz.targets import CORPUS, ROOT, TARGETS, words_of

if TYPE_CHECKING:
    from pathlib import Path

FOUND: Final = ROOT / "build/fuzz"
LONGEST: Final = {
    "routing_file": 2_048,
    "messages": 16_384,
    "http_responses": 1_024,
    "stored_state": 8_192,
}
SEEDS: Final = {
    "routing_file": [str(ROOT / "tests/golden/routing_files"), str(ROOT / "config/examples")]
}
_INSIDE: Final = (sys.executable, "-m", "tools.fuzz", "--inside")
_OPTIONS: Final = ("-timeout=30", "-rss_limit_mb=2048", "-print_final_stats=1")


def main() -> int:
    """Run the targets one after the other; return the first bad exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("target", nargs="?", choices=[*TARGETS, "all"], default="all")
    parser.add_argument("seconds", nargs="?", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="merge what was found into the corpus")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked, more = parser.parse_known_args()
    if more and not asked.inside:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if asked.inside:
        _fuzz(asked, more)
    names = list(TARGETS) if asked.target == "all" else [asked.target]
    return max(_child(name, asked) for name in names)


def _child(name: str, asked: argparse.Namespace) -> int:
    """Fuzz in a process of its own: libFuzzer ends the one that it runs in."""
    command = [*_INSIDE, name, str(asked.seconds)]
    status = subprocess.run(command, check=False, cwd=ROOT).returncode
    if asked.keep and status == 0:
        status = subprocess.run([*command, "--keep"], check=False, cwd=ROOT).returncode
    print(f"{name}: {'nothing found' if status == 0 else 'something found, see above'}")
    return status


def _fuzz(asked: argparse.Namespace, more: list[str]) -> None:
    import atheris

    name = asked.target

    with atheris.instrument_imports(include=["gateway", "jmespath", "yaml", "email"]):
        check = TARGETS[name]()
    sys.setrecursionlimit(5_000)  # as the gateway does
    corpus, found = CORPUS / name, FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    command = [*_INSIDE, name, str(asked.seconds)]
    if more:  # libFuzzer calls itself to merge, as a line of the shell
        options = more
    elif asked.keep:
        # Counting how often code is reached would keep hundreds of inputs that are much alike.
        options = ["-merge=1", "-use_counters=0", str(corpus), str(found)]
    else:
        words = _dictionary(name, found.with_suffix(".dict"))
        options = [
            f"-max_total_time={asked.seconds}",
            f"-dict={words}",
            str(found),
            str(corpus),
            *SEEDS.get(name, ()),
        ]
    limits = (f"-max_len={LONGEST[name]}", f"-artifact_prefix={FOUND}{os.sep}{name}-")
    atheris.Setup([shlex.join(command), *_OPTIONS, *limits, *options], check)
    atheris.Fuzz()


def _dictionary(name: str, file: Path) -> Path:
    """Write the target's words as libFuzzer reads them; random would not find them."""
    escaped = ["".join(f"\\x{byte:02x}" for byte in word) for word in words_of(name)]
    file.write_text("".join(f'"{word}"\n' for word in escaped))
    return file


if __name__ == "__main__":
    sys.exit(main())
