"""Completion scripts for shells, from the places of the command line. Pure.

They are static: no Python starts at a TAB, but where a route's name is wanted. Names come from a
gateway, so no script lets its shell expand them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.cli.completion_places import Kind, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BASH: Final = """\
# Completion of `gateway` for bash. In ~/.bashrc: source <(gateway completion bash)

_gateway_routes() {
    local name
    while IFS= read -r name; do
        [[ $name == "$2"* ]] && COMPREPLY+=("$name")
    done < <("$1" status --names 2>/dev/null)
}

_gateway_files() {
    local name
    compopt -o filenames 2>/dev/null
    while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -f -- "$1")
}

_gateway() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} place=gateway at
    if [[ $current == "=" ]]; then
        current=
    elif [[ $before == "=" ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((at = 1; at < COMP_CWORD; at++)); do
        case "$place ${COMP_WORDS[at]}" in
            @PLACES@) place="$place ${COMP_WORDS[at]}" ;;
        esac
    done
    COMPREPLY=()
    case "$place $before" in
@VALUES@
    esac
    local commands="" options=""
    case "$place" in
@WORDS@
    esac
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$current"))
        return
    fi
    COMPREPLY=($(compgen -W "$commands" -- "$current"))
    case "$place" in
@ARGUMENTS@
    esac
}

complete -F _gateway gateway
"""

ZSH: Final = """\
#compdef gateway
# Completion of `gateway` for zsh: gateway completion zsh > DIRECTORY_OF_FPATH/_gateway
# or in ~/.zshrc, after compinit: source <(gateway completion zsh)

_gateway_routes() {
    local -a routes
    routes=("${(@f)$($words[1] status --names 2>/dev/null)}")
    compadd -a routes
}

_gateway() {
    local place=gateway before=$words[CURRENT-1] at
    local -a commands options
    for ((at = 2; at < CURRENT; at++)); do
        case "$place $words[at]" in
            (@PLACES@) place="$place $words[at]" ;;
        esac
    done
    case "$place $before" in
@VALUES@
    esac
    case "$place" in
@WORDS@
    esac
    if [[ $words[CURRENT] == -* ]]; then
        _describe -o option options
        return
    fi
    (( $#commands )) && _describe command commands
    case "$place" in
@ARGUMENTS@
    esac
}

if [[ ${funcstack[1]} == _gateway ]]; then
    _gateway "$@"
else
    compdef _gateway gateway
fi
"""

FISH: Final = """\
# Completion of `gateway` for fish:
# gateway completion fish > ~/.config/fish/completions/gateway.fish

function __gateway_place
    set -l place gateway
    for word in (commandline -opc)[2..]
        switch "$place $word"
            case @PLACES@
                set place "$place $word"
        end
    end
    echo $place
end

function __gateway_at
    test (__gateway_place) = "$argv"
end

function __gateway_routes
    set -l words (commandline -opc)
    $words[1] status --names 2>/dev/null
end

complete -c gateway -f
"""


def bash(places: Sequence[Place]) -> str:
    """Return the script for bash, 3.2 or newer."""
    by_kind = {
        Kind.FILE: '_gateway_files "$current"',
        Kind.ROUTE: '_gateway_routes "$1" "$current"',
    }

    def words_of(words: Sequence[str]) -> str:
        return f'COMPREPLY+=($(compgen -W "{" ".join(words)}" -- "$current"))'

    words = []
    for place in places:
        flags = " ".join(flag for option in place.options for flag in option.flags)
        commands = " ".join(place.commands)
        words.append(f'        "{place.name}")')
        words.append(f'            commands="{commands}" options="{flags}" ;;')
    return _filled(BASH, places, words, by_kind, words_of, opening="")


def zsh(places: Sequence[Place]) -> str:
    """Return the script for zsh."""
    by_kind = {Kind.FILE: "_files", Kind.ROUTE: "_gateway_routes"}

    def words_of(words: Sequence[str]) -> str:
        return f"compadd {' '.join(words)}"

    words = []
    for place in places:
        words.append(f'        ("{place.name}")')
        commands = [_quoted(f"{name}:{text}") for name, text in place.commands.items()]
        options = [
            _quoted(f"{flag}:{option.text}") for option in place.options for flag in option.flags
        ]
        for name, described in (("commands", commands), ("options", options)):
            if described:
                words += [f"            {name}=(", *(f"                {d}" for d in described)]
                words.append("            )")
        words.append("            ;;")
    return _filled(ZSH, places, words, by_kind, words_of, opening="(")


def fish(places: Sequence[Place]) -> str:
    """Return the script for fish, 3 or newer."""
    names = " ".join(f"'{place.name}'" for place in places[1:])
    lines = []
    for place in places:
        start = f"complete -c gateway -n '__gateway_at {place.name}'"
        lines += [f"{start} -a {n} -d {_fish(text)}" for n, text in place.commands.items()]
        for option in place.options:
            spelled = " ".join(_fish_flag(flag) for flag in option.flags)
            value = "" if option.value is None else f" {_fish_value(option.value.kind)}"
            if option.value is not None and option.value.words:
                value += f" -a {_fish(' '.join(option.value.words))}"
            lines.append(f"{start} {spelled}{value} -d {_fish(option.text)}")
        for argument in place.arguments:
            given = {Kind.FILE: "-F", Kind.ROUTE: "-a '(__gateway_routes)'"}.get(argument.kind)
            given = f"-a {_fish(' '.join(argument.words))}" if argument.words else given
            lines += [f"{start} {given}"] if given else []
    return FISH.replace("@PLACES@", names) + "\n".join(lines) + "\n"


SHELLS: Final[dict[str, Callable[[Sequence[Place]], str]]] = {
    "bash": bash,
    "zsh": zsh,
    "fish": fish,
}


def _filled(
    script: str,
    places: Sequence[Place],
    words: Sequence[str],
    by_kind: dict[Kind, str],
    words_of: Callable[[Sequence[str]], str],
    *,
    opening: str,
) -> str:
    """Return a script of bash or zsh; `opening` is what a pattern of `case` begins with."""
    return (
        script.replace("@PLACES@", " | ".join(f'"{place.name}"' for place in places[1:]))
        .replace("@VALUES@", "\n".join(_values(places, by_kind, words_of, opening)))
        .replace("@WORDS@", "\n".join(words))
        .replace("@ARGUMENTS@", "\n".join(_arguments(places, by_kind, words_of, opening)))
    )


def _values(
    places: Sequence[Place],
    by_kind: dict[Kind, str],
    words_of: Callable[[Sequence[str]], str],
    opening: str,
) -> Iterator[str]:
    """Yield the cases of `PLACE FLAG`, each of which ends the completion."""
    for kind in (Kind.FILE, Kind.ROUTE, Kind.ANY):
        cases = [f'"{place.name} {flag}"' for place in places for flag in place.flags(kind)]
        act = f"{by_kind[kind]}; return" if kind in by_kind else "return"
        yield f"        {opening}{' | '.join(cases)}) {act} ;;"
    for place in places:
        for option in place.options:
            if option.value is not None and option.value.words:
                cases = [f'"{place.name} {flag}"' for flag in option.flags]
                act = words_of(option.value.words)
                yield f"        {opening}{' | '.join(cases)}) {act}; return ;;"


def _arguments(
    places: Sequence[Place],
    by_kind: dict[Kind, str],
    words_of: Callable[[Sequence[str]], str],
    opening: str,
) -> Iterator[str]:
    """Yield the cases of places that take arguments."""
    for kind, act in by_kind.items():
        cases = [f'"{place.name}"' for place in places if place.takes(kind)]
        yield f"        {opening}{' | '.join(cases)}) {act} ;;"
    for place in places:
        for argument in place.arguments:
            if argument.words:
                yield f'        {opening}"{place.name}") {words_of(argument.words)} ;;'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_flag(flag: str) -> str:
    return f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"


def _fish_value(kind: Kind) -> str:
    """Return how a value is completed: with files, with routes, or with nothing by itself."""
    if kind is Kind.FILE:
        return "-r -F"
    return "-x -a '(__gateway_routes)'" if kind is Kind.ROUTE else "-x"
