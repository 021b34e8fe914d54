"""Weights that a person sets, as they are checked. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.core.routing.route import Route

_ALL: Final = 100


class WeightsError(Exception):
    """These weights cannot be set; `str()` is a sentence that says what is wrong and what to do."""


def weights_of_present(route: Route, weights: Mapping[str, int]) -> dict[str, int]:
    """Return weights set by hand for the versions that a route has by now.

    Stable gets what was given to those that are gone, and all where nothing is left.
    """
    names = [version.name for version in route.versions]
    present = {name: weights.get(name, 0) for name in names}
    present[route.stable.name] += sum(weights.values()) - sum(present.values())
    return present if any(present.values()) else {**present, route.stable.name: _ALL}


def check_weights(route: Route, weights: Mapping[str, int]) -> dict[str, int]:
    """Return the weight of every version; raises WeightsError.

    Where stable is named the weights are as in a split. Else they are per cent, and stable gets the
    rest to 100.
    """
    names = [version.name for version in route.versions]
    for name, weight in weights.items():
        if name not in names:
            raise WeightsError(f"route {route.name} has no version {name}: {', '.join(names)}")
        if isinstance(weight, bool) or not isinstance(weight, int):
            raise WeightsError(f"the weight of {name} is no whole number of per cent")
        if not 0 <= weight <= _ALL:
            raise WeightsError(f"the weight of {name} must be 0 to 100, but is {weight}")
    total = sum(weights.values())
    if total > _ALL:
        raise WeightsError(f"the weights add up to {total}: at most 100 in all")
    if not weights:
        raise WeightsError(f"no version is named: {', '.join(names)}")
    stable = route.stable.name
    given = {name: weights.get(name, 0) for name in names}
    if stable not in weights:
        given[stable] = _ALL - total
    if not any(given.values()):
        raise WeightsError("all weights are 0: give one version more")
    return given
