"""`gateway completion`: what real shells make of the scripts."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from gateway.cli.completion_places import Kind, Value, places_of
from gateway.cli.completion_scripts import SHELLS
from gateway.cli.main import command_parsers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.conftest import Run

PLACES: Final = places_of(command_parsers())

COMPLETE: Final = {
    "bash": """
source "$SCRIPT"
set -- $LINE
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
[[ $LINE == *" " ]] && COMP_WORDS+=("") && COMP_CWORD=$#
read -r _ _ function _ <<< "$(complete -p gateway)"
"$function" gateway "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
""",
    "zsh": """
compdef() { registered=$1 }
_describe() { local each; for each in ${(P)argv[-1]}; do offered+=(${each%%:*}); done }
compadd() { if [[ $1 == -a ]]; then offered+=(${(P)2}); else offered+=($@); fi }
_files() { offered+=(*(N)) }
source "$SCRIPT"
typeset -a offered words
words=(${(z)LINE})
[[ $LINE == *" " ]] && words+=("")
CURRENT=$#words
$registered
for each in $offered; do [[ $each == $words[CURRENT]* ]] && print -r -- $each; done
true
""",
    "fish": """
source $SCRIPT
complete -C $LINE | string replace -r '\\t.*' ''
true
""",
}
"""For each shell a program that prints what it offers at the end of $LINE."""

GATEWAY: Final = """#!/bin/sh
[ "$*" = "status --names" ] && printf 'orders\\nmail\\n$(touch expanded)\\n'
"""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.fixture
def script(shell: str, tmp_path: Path) -> Path:
    path = tmp_path / f"script.{shell}"
    path.write_text(SHELLS[shell](PLACES), "utf-8")
    return path


class Shell:
    """A shell in a folder with two files, and a `gateway` that knows three routes."""

    def __init__(self, name: str, script: Path, folder: Path) -> None:
        self.name = name
        self.folder = folder / "work"
        self._script = script
        self._programs = folder / "bin"
        self._programs.mkdir()
        self.folder.mkdir()
        (self.folder / "routes.yaml").touch()
        (self.folder / "two words").touch()
        program = self._programs / "gateway"
        program.write_text(GATEWAY, "utf-8")
        program.chmod(0o755)

    def offers(self, line: str) -> list[str]:
        """Return what may come at the end of the line."""
        options = {"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[self.name]
        path = f"{self._programs}:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(
            [self.name, *options, "-c", COMPLETE[self.name]],
            cwd=self.folder,
            env={
                "PATH": path,
                "HOME": str(self.folder.parent),
                "LINE": line,
                "SCRIPT": str(self._script),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        assert done.returncode == 0
        return sorted(each for each in done.stdout.splitlines() if each)


@pytest.fixture
def session(shell: str, script: Path, tmp_path: Path) -> Shell:
    return Shell(shell, script, tmp_path)


def test_a_script_is_good_syntax(shell: str, script: Path) -> None:
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("gateway rol", ["rollout"]),
        ("gateway rollout p", ["pause", "promote"]),
        ("gateway --config routes.yaml rollout ab", ["abort"]),
        ("gateway rollout promote --f", ["--full"]),
        ("gateway rollout abort --f", []),
        ("gateway rollout abort or", ["orders"]),
        ("gateway weight ma", ["mail"]),
        ("gateway completion z", ["zsh"]),
        ("gateway check r", ["routes.yaml"]),
        ("gateway check --config r", ["routes.yaml"]),
        ("gateway --log-format t", ["text"]),
        ("gateway explain --route o", ["orders"]),
        ("gateway rollout abort orders --reason r", []),
        ("gateway schema r", []),
    ],
)
def test_a_shell_offers_what_can_come_next(session: Shell, line: str, offered: list[str]) -> None:
    assert session.offers(line) == offered


def test_all_commands_and_verbs_are_offered(session: Shell) -> None:
    assert {"check", "status", "rollout", "weight", "peek", "completion", "demo"} <= {
        *session.offers("gateway ")
    }
    verbs = ["abort", "pause", "promote", "resume", "retry", "status"]
    assert session.offers("gateway rollout ") == verbs


def test_a_name_that_a_gateway_gives_is_never_run(session: Shell) -> None:
    """Names come over the network; one with `$(...)` in it is a name all the same."""
    assert len(session.offers("gateway rollout abort ")) >= 3
    assert not (session.folder / "expanded").exists()


@pytest.mark.parametrize("name", SHELLS)
def test_the_command_prints_the_script(run: Run, name: str) -> None:
    found = run("completion", name)
    assert (found.status, found.err) == (0, "")
    assert found.out == SHELLS[name](PLACES)


@pytest.mark.parametrize("name", SHELLS)
def test_every_command_and_flag_is_in_every_script(name: str) -> None:
    text = SHELLS[name](PLACES)
    for place in PLACES:
        assert place.name in text
        for option in place.options:
            long = [flag for flag in option.flags if flag.startswith("--")]
            assert all((f"-l {flag[2:]} " if name == "fish" else flag) in text for flag in long)


@pytest.mark.parametrize("words", [("completion",), ("completion", "cmd")])
def test_another_shell_is_2(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).status == 2


def test_the_kinds_of_values_are_read_from_the_parsers() -> None:
    by_name = {place.name: place for place in PLACES}
    assert by_name["gateway rollout abort"].arguments == [Value(Kind.ROUTE)]
    assert list(by_name["gateway check"].flags(Kind.FILE)) == ["--config"]
    assert by_name["gateway completion"].arguments == [Value(Kind.WORD, ["bash", "zsh", "fish"])]
    assert not by_name["gateway weight"].takes(Kind.FILE)
