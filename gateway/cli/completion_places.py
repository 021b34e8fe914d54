"""What can come next at each place of the command line, read from the parsers. Pure.

A place is a command with the verb that may follow it: `gateway`, `gateway rollout pause`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class Kind(Enum):
    """What a value is, for those that can be completed."""

    ANY = auto()
    FILE = auto()
    ROUTE = auto()
    WORD = auto()


@dataclass(frozen=True, slots=True)
class Value:
    """A value of an option, or an argument without one; `words` are all there are."""

    kind: Kind
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """An option; `value` None: it takes none."""

    flags: Sequence[str]
    text: str
    value: Value | None


@dataclass(slots=True)
class Place:
    """One place: the commands below it with what they do, its options and its arguments."""

    name: str
    commands: dict[str, str] = field(default_factory=dict)
    options: list[Option] = field(default_factory=list)
    arguments: list[Value] = field(default_factory=list)

    def takes(self, kind: Kind) -> bool:
        """Whether an argument is of this kind."""
        return any(each.kind is kind for each in self.arguments)

    def flags(self, kind: Kind) -> Iterator[str]:
        """Yield the flags whose value is of this kind."""
        for option in self.options:
            if option.value is not None and option.value.kind is kind:
                yield from option.flags


def places_of(parsers: Mapping[str, argparse.ArgumentParser]) -> list[Place]:
    """Return the place of each parser, by how it is called."""
    return [_place(name, parser) for name, parser in parsers.items()]


def _place(name: str, parser: argparse.ArgumentParser) -> Place:
    place = Place(name)
    for action in parser._actions:  # noqa: SLF001 - argparse shows its arguments nowhere else
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            listed = action._choices_actions  # noqa: SLF001
            place.commands |= {each.dest: _text(each) for each in listed}
        elif action.option_strings:
            value = None if action.nargs == 0 else _value(action)
            place.options.append(Option(action.option_strings, _text(action), value))
        else:
            place.arguments.append(_value(action))
    return place


def _value(action: argparse.Action) -> Value:
    metavar = str(action.metavar or "")
    if action.choices is not None:
        return Value(Kind.WORD, [str(each) for each in action.choices])
    if "|" in metavar:
        return Value(Kind.WORD, metavar.split("|"))
    if metavar == "FILE":
        return Value(Kind.FILE)
    return Value(Kind.ROUTE if action.dest == "route" else Kind.ANY)


def _text(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")
