"""What people see of a followed object: its destinations by name, a few of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.core.routing.mesh.reader import InvalidObject, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.core.routing.mesh.destinations import DestinationMap
    from gateway.core.routing.mesh.outcomes import Copy
    from gateway.core.routing.mesh.values import MirrorTo

_MOST_NAMED: Final = 5


def destination_name(host: str, subset: str) -> str:
    """Return a destination for people: a subset behind a slash."""
    return short(f"{host}/{subset}" if subset else host)


def check_mapped(destinations: dict[tuple[str, str], str | None], known: DestinationMap) -> None:
    """Raise InvalidObject where there are destinations, and no version among them."""
    if destinations and not any(destinations.values()):
        named = _first(
            [destination_name(*each) for each in list(destinations)[:_MOST_NAMED]],
            len(destinations),
        )
        versions = known.versions
        said = _first([short(each) for each in versions[:_MOST_NAMED]], len(versions))
        raise InvalidObject((f"no destination is a version: {named}; versions are {said}",))


def _first(names: Sequence[str], count: int) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return f"{', '.join(names) or 'none'}{more}"


def mirrors_left_out(
    mirrors: Iterable[MirrorTo], known: DestinationMap, copied: Copy | None
) -> tuple[str, ...]:
    """Name the mirrors to another version than the one that is copied to; None: there is none."""
    others: dict[tuple[str, str], None] = {}
    for each in mirrors:
        version = known.version(each.destination)
        if copied is None or version is None or version.name != copied.to.name:
            others[each.destination.host, each.destination.subset] = None
    why = "copies go to one version that has a url, and not to stable"
    first = [destination_name(*each) for each in list(others)[:_MOST_NAMED]]
    left = len(others) - len(first)
    more = (f"{left} more mirrors are not obeyed",) if left > 0 else ()
    return (*(f"the mirror to {each} is not obeyed: {why}" for each in first), *more)
