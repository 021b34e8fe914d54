"""What must fit together in rules and splits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.config.problems.findings import Finding, listed, mapping, meant, quoted, within
from gateway.config.schema.fields import QUOTE
from gateway.config.schema.rules import Condition, Match, Rule
from gateway.core.routing.sources import scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.config.problems.findings import Path
    from gateway.config.yaml.document import Document

CONDITIONS: Final = tuple(Condition.model_fields)
WHOLE: Final = 100
"""What a split's missing weight is filled up to."""


@dataclass(frozen=True)
class Versions:
    """The names of a route's versions; `stable` is None where it cannot be told."""

    names: Mapping[str, Any]
    stable: str | None

    @classmethod
    def of(cls, route: dict[str, Any]) -> Versions:
        """Read the names; none where the route has no versions to speak of."""
        names = mapping(route.get("versions"))
        stable = route.get("stable", next(iter(names), None))
        return cls(names, stable if isinstance(stable, str) and stable in names else None)

    def unknown(self, name: Any) -> Iterator[Finding]:
        """Yield a finding if no version has this name."""
        if self.names and isinstance(name, str) and name and name not in self.names:
            what = f"no version is called {quoted(name)}"
            yield Finding((), what, meant(name, self.names, "there are"))


def split_findings(split: dict[str, Any], versions: Versions) -> Iterator[Finding]:
    """Yield names that are no version's, and what is wrong with the weights together."""
    stranger = None
    for name in split:
        for stranger in versions.unknown(name):
            yield Finding((name,), stranger.what, stranger.hint)
    weights = list(split.values())
    if stranger or not all(type(weight) is int and weight >= 0 for weight in weights):
        return
    if versions.stable is not None and versions.stable not in split:
        rest = max(0, WHOLE - sum(weights))
        what = f"does not name the stable version, {versions.stable}"
        yield Finding((), what, f"add {versions.stable}: {rest}")
    elif sum(weights) == 0:
        yield Finding((), "the weights add up to 0", "give one version at least a weight above 0")


def rule_findings(document: Document, path: Path, versions: Versions) -> Iterator[Finding]:
    """Yield what does not fit in the rules at a path."""
    names: dict[str, int] = {}
    for at, rule in enumerate(listed(document.value(path))):
        here = (*path, at)
        yield from within(here, _name(mapping(rule), at, names))
        if isinstance(rule, dict):
            yield from within(here, _destination(rule, versions))
        for nth, entry in enumerate(listed(mapping(rule).get("match"))):
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
    yield from within(("to",), versions.unknown(rule.get("to")))
    if isinstance(rule.get("split"), dict):
        yield from within(("split",), split_findings(rule["split"], versions))
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
    for kind, asked in mapping(entry).items():
        if kind == "group":
            yield from _condition(document, (*path, kind), asked)
        elif kind in Match.model_fields:
            for name, condition in mapping(asked).items():
                yield from _condition(document, (*path, kind, name), condition)


def _condition(document: Document, path: Path, condition: Any) -> Iterator[Finding]:
    if not isinstance(condition, dict):
        return
    stated = [key for key in CONDITIONS if key in condition]
    if not condition:
        yield Finding(path, "is empty", f"needs one of {', '.join(CONDITIONS)}")
    elif len(stated) > 1:
        what = f"has {' and '.join(stated)}, but may have only one of them"
        yield Finding(path, what, "a regex can say both")
    if type(exact := condition.get("exact")) in (int, bool):
        written, compared = document.written((*path, "exact")), scalar_text(exact)
        if written != compared:
            what = f"is read as {compared}, not as it is written"
            yield Finding((*path, "exact"), what, QUOTE)


def _only(part: dict[str, Any], known: Any) -> bool:
    return all(key in known for key in part)
