"""Checks of rules and splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.config.problems.findings import (
    Finding,
    add_prefix,
    as_list,
    as_mapping,
    quote,
    suggest,
)
from gateway.config.schema.fields import QUOTE
from gateway.config.schema.rules import Condition, Match, Rule
from gateway.core.routing.sources import scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.config.problems.findings import Path
    from gateway.config.yaml.document import Document

CONDITIONS: Final = tuple(Condition.model_fields)
WHOLE: Final = 100
"""The sum of weights that a suggested weight fills up."""


@dataclass(frozen=True)
class Versions:
    """The names of a route's versions; `stable` is None where the file does not make it clear."""

    names: Mapping[str, Any]
    stable: str | None

    @classmethod
    def of(cls, route: dict[str, Any]) -> Versions:
        """Return the names of a route; none where its `versions` is not a mapping."""
        names = as_mapping(route.get("versions"))
        stable = route.get("stable", next(iter(names), None))
        return cls(names, stable if isinstance(stable, str) and stable in names else None)

    def unknown(self, name: Any) -> Iterator[Finding]:
        """Yield a finding if no version has this name."""
        if self.names and isinstance(name, str) and name and name not in self.names:
            what = f"no version is called {quote(name)}"
            yield Finding((), what, suggest(name, self.names, "there are"))


def split_findings(split: dict[str, Any], versions: Versions) -> Iterator[Finding]:
    """Yield names that no version has, and problems of the weights together."""
    unknown = None
    for name in split:
        for unknown in versions.unknown(name):
            yield Finding((name,), unknown.what, unknown.hint)
    weights = list(split.values())
    if unknown or not all(type(weight) is int and weight >= 0 for weight in weights):
        return
    if versions.stable is not None and versions.stable not in split:
        rest = max(0, WHOLE - sum(weights))
        what = f"does not name the stable version, {versions.stable}"
        yield Finding((), what, f"add {versions.stable}: {rest}")
    elif sum(weights) == 0:
        yield Finding((), "the weights add up to 0", "give one version at least a weight above 0")


def rule_findings(document: Document, path: Path, versions: Versions) -> Iterator[Finding]:
    """Yield what does not fit together in the rules at a path."""
    names: dict[str, int] = {}
    for at, rule in enumerate(as_list(document.value(path))):
        here = (*path, at)
        yield from add_prefix(here, _name(as_mapping(rule), at, names))
        if isinstance(rule, dict):
            yield from add_prefix(here, _destination(rule, versions))
        for nth, entry in enumerate(as_list(as_mapping(rule).get("match"))):
            yield from _match(document, (*here, "match", nth), entry)


def _name(rule: dict[str, Any], at: int, names: dict[str, int]) -> Iterator[Finding]:
    name = rule.get("name", f"rule-{at + 1}")
    if isinstance(name, str) and names.setdefault(name, at) != at:
        if "name" in rule:
            yield Finding(("name",), f"is the name of rules[{names[name]}] too")
        else:
            what = f"its default name, {name}, is that of rules[{names[name]}]"
            yield Finding((), what, "give one of them another name")


def _destination(rule: dict[str, Any], versions: Versions) -> Iterator[Finding]:
    yield from add_prefix(("to",), versions.unknown(rule.get("to")))
    if isinstance(rule.get("split"), dict):
        yield from add_prefix(("split",), split_findings(rule["split"], versions))
    if "to" in rule and "split" in rule:
        yield Finding((), "has both `to` and `split`", "keep one")
    elif "to" not in rule and "split" not in rule and _only(rule, Rule.model_fields):
        yield Finding((), "needs `to` or `split`", "which version gets what matches")
    elif "sticky" in rule and "split" not in rule:
        yield Finding(("sticky",), "does nothing without `split`", "remove it")


def _match(document: Document, path: Path, entry: Any) -> Iterator[Finding]:
    if isinstance(entry, dict) and all(value == {} for value in entry.values()):
        what = "asks for nothing, so it would match every message"
        yield Finding(path, what, "the route's own `split` is for the rest")
    for kind, conditions in as_mapping(entry).items():
        if kind in ("group", "sender", "without_sender"):
            yield from _condition(document, (*path, kind), conditions)
        elif kind in Match.model_fields:
            for name, condition in as_mapping(conditions).items():
                yield from _condition(document, (*path, kind, name), condition)


def _condition(document: Document, path: Path, condition: Any) -> Iterator[Finding]:
    if not isinstance(condition, dict):
        return
    present = [key for key in CONDITIONS if key in condition]
    if not condition:
        yield Finding(path, "is empty", f"needs one of {', '.join(CONDITIONS)}")
    elif len(present) > 1:
        what = f"has {' and '.join(present)}, but may have only one of them"
        yield Finding(path, what, "a regex can say both")
    if type(exact := condition.get("exact")) in (int, bool):
        written, compared = document.written((*path, "exact")), scalar_text(exact)
        if written != compared:
            what = f"is read as {compared}, not as it is written"
            yield Finding((*path, "exact"), what, QUOTE)


def _only(part: dict[str, Any], known: Any) -> bool:
    return all(key in known for key in part)
