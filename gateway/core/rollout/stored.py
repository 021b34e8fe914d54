"""Shared state as JSON text, with a version, and back. Pure.

Reading is strict: what is not exactly as it was written is torn, for a weight must not be guessed.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.core.rollout.contributions import MAX_FOLDED
from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.json_fields import Field, TornStateError, read_json
from gateway.core.rollout.judge import RollbackCause, Verdict
from gateway.core.rollout.route_state import RouteState, Torn
from gateway.core.rollout.starts import Start
from gateway.core.rollout.state import MAX_HISTORY, Entry, RolloutPhase, TrialState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.core.rollout.contributions import Sums

VERSION: Final = 1
_MAX_STARTS: Final = 1000
_MAX_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class StateFile:
    """All that one gateway keeps in a file: states by route, and the sums of its evidence.

    `others`: what a route is that is not among them; None: fresh.
    """

    routes: Mapping[str, RouteState] = field(default_factory=dict)
    evidence: Sums = field(default_factory=dict)
    others: Torn | None = None


def dump_state(state: RouteState) -> str:
    """Return the state of a route as text."""
    return _dump(route=asdict(state))


def load_state(text: str) -> RouteState:
    """Return the state of a route; raises TornStateError."""
    return _state(_parts(text, "route")[0])


def dump_sums(sums: Sums) -> str:
    """Return the sums of one replica as text."""
    return _dump(evidence=sums)


def load_sums(text: str) -> dict[str, tuple[float, ...]]:
    """Return the sums of one replica; raises TornStateError."""
    return _parts(text, "evidence")[0].mapping(_values)


def dump_folded(sums: Sums, replicas: Sequence[str]) -> str:
    """Return the sums of replicas that are gone, and their names, as text."""
    return _dump(evidence=sums, replicas=replicas)


def load_folded(text: str) -> tuple[dict[str, tuple[float, ...]], tuple[str, ...]]:
    """Return the sums of replicas that are gone, and their names; raises TornStateError."""
    evidence, replicas = _parts(text, "evidence", "replicas")
    return evidence.mapping(_values), replicas.items(Field.text, 0, MAX_FOLDED)


def dump_file(content: StateFile) -> str:
    """Return the content of a state file as text."""
    return _dump(
        routes={route: asdict(state) for route, state in content.routes.items()},
        evidence=content.evidence,
        others=None if content.others is None else content.others.why,
    )


def load_file(text: str) -> StateFile:
    """Return the content of a state file; raises TornStateError."""
    routes, evidence, others = _parts(text, "routes", "evidence", "others")
    return StateFile(
        routes.mapping(_state),
        evidence.mapping(_values),
        None if others.is_null else Torn(others.text()),
    )


def _dump(**content: Any) -> str:
    text = json.dumps({"version": VERSION, **content}, separators=(",", ":"), allow_nan=False)
    return f"{text}\n"


def _parts(text: str, *names: str) -> tuple[Field, ...]:
    """Return the parts beside the version, which is checked first."""
    content = read_json(text)
    version = content.version()
    if version != VERSION:
        raise TornStateError(f"is of version {version}, and this gateway reads version {VERSION}")
    return content.keys("version", *names)[1:]


def _state(content: Field) -> RouteState:
    generation, weight, trial, override = content.keys("generation", "weight", "trial", "override")
    weights = None if override.is_null else override.mapping(_percent)
    if weights is not None and sum(weights.values()) > _MAX_PERCENT:
        override.fail("is more than 100 in all")
    return RouteState(
        generation.whole(1),
        _percent_or_none(weight),
        None if trial.is_null else _trial(trial),
        weights,
    )


def _trial(content: Field) -> TrialState:
    part = dict(zip(_TRIAL, content.keys(*_TRIAL), strict=True))
    probe_at = part["probe_at"]
    return TrialState(
        trial=part["trial"].text(),
        steps_digest=part["steps_digest"].text(),
        bounds_digest=part["bounds_digest"].text(),
        phase=part["phase"].choice(_STORED_PHASES),
        since=part["since"].number(),
        generation=part["generation"].whole(1),
        step=part["step"].whole(0),
        started=part["started"].flag(),
        reason=part["reason"].text(),
        verdict=part["verdict"].choice(Verdict),
        p_value=part["p_value"].number(),
        starts=part["starts"].items(_start, 1, _MAX_STARTS),
        evidence_at_step=_values(part["evidence_at_step"]),
        aborts=part["aborts"].whole(0),
        probing=part["probing"].flag(),
        probe_at=None if probe_at.is_null else probe_at.number(),
        history=part["history"].items(_entry, 0, MAX_HISTORY),
    )


_STORED_PHASES: Final = tuple(phase for phase in RolloutPhase if phase is not RolloutPhase.NONE)
_TRIAL: Final = tuple(TrialState.__dataclass_fields__)


def _start(content: Field) -> Start:
    number, values, at = content.keys("number", "values", "at")
    return Start(number.whole(1), _values(values), at.number())


def _entry(content: Field) -> Entry:
    at, by, action, before, after, reason, cause = content.keys(*_ENTRY)
    return Entry(
        at.number(),
        by.text(),
        action.text(),
        _percent_or_none(before),
        _percent_or_none(after),
        reason.text(),
        None if cause.is_null else cause.choice(RollbackCause),
    )


_ENTRY: Final = tuple(Entry.__dataclass_fields__)


def _values(content: Field) -> tuple[float, ...]:
    return content.items(Field.number, LENGTH, LENGTH)


def _percent(content: Field) -> int:
    return content.whole(0, _MAX_PERCENT)


def _percent_or_none(content: Field) -> int | None:
    return None if content.is_null else _percent(content)
