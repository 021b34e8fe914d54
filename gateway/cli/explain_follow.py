"""Objects of a mesh for `gateway explain`, from files: what a route that follows would decide."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.streams import opened

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from gateway.config.problems.problem import ProblemsFound
    from gateway.core.routing.mesh.evaluator import Followed
    from gateway.core.routing.mesh.plan import FollowPlan
    from gateway.core.routing.mesh.values import FollowedObject
    from gateway.core.routing.route import Route

FLAGS: Final = {"VirtualService": "--virtualservice", "HTTPRoute": "--httproute"}
_BESIDE: Final = {
    "VirtualService": "its delegates and all others of the host",
    "HTTPRoute": "all others of its parents",
}
DEFAULT_NAMESPACE: Final = "default"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each kind of object."""
    for kind, flag in FLAGS.items():
        parser.add_argument(
            flag,
            action="append",
            default=[],
            metavar="FILE",
            help=f"YAML with the {kind} that the route follows, with {_BESIDE[kind]}, if there "
            "are; - is stdin; may be repeated",
        )


def files_of(arguments: argparse.Namespace) -> dict[str, list[str]]:
    """Return the files that were given, by kind."""
    return {kind: getattr(arguments, flag.strip("-")) for kind, flag in FLAGS.items()}


def followed_route(route: Route, files: dict[str, list[str]]) -> Route:
    """Return the route as it decides by the objects in the files.

    What people have to know goes to stderr. Raises ProblemsFound for files that cannot be read or
    are not what the route follows, and for an invalid object.
    """
    from gateway.core.routing.mesh.reader import InvalidObject
    from gateway.core.routing.weights import following

    plan = route.follow
    given = {kind: paths for kind, paths in files.items() if paths}
    if plan is None:
        for kind in given:
            raise _problem(FLAGS[kind], f"route {route.name} follows nothing", "remove it")
        return route
    kind = plan.object.kind.value
    if strange := next((each for each in given if each != kind), None):
        raise _problem(
            FLAGS[strange], f"route {route.name} follows {plan.object}", f"give {FLAGS[kind]}"
        )
    if not given:
        _note(
            f"route {route.name} follows {plan.object}: without {FLAGS[kind]} FILE it is taken as "
            "absent, so stable gets what no rule takes"
        )
        return route
    try:
        found = _followed(plan, list(_documents(kind, given[kind])))
    except InvalidObject as error:
        raise _problem(FLAGS[kind], f"{plan.object}: {error}") from error
    return following(route, found)


def _followed(plan: FollowPlan, documents: list[dict[str, Any]]) -> Followed:
    from gateway.core.routing.mesh.evaluator import Followed

    plan = _at_home(plan, documents)
    objects = _read(plan, documents)
    followed = next((each for each in objects if (each.namespace, each.name) == _place(plan)), None)
    if followed is None:
        kind = plan.object.kind.value
        there = ", ".join(f"{each.namespace}/{each.name}" for each in objects)
        hint = f"there are: {there}" if there else f"nothing in it is of the kind {kind}"
        raise _problem(FLAGS[kind], f"there is no {plan.object}", hint)
    obeyed = _obeyed(plan, followed, [each for each in objects if each is not followed])
    found = Followed(obeyed, plan.follow, plan.versions)
    _say(found)
    return found


def _at_home(plan: FollowPlan, documents: list[dict[str, Any]]) -> FollowPlan:
    """Fill in the gateway's own namespace: that of the followed object, as far as it is said."""
    metadata = [each.get("metadata") or {} for each in documents]
    said = (each.get("namespace") for each in metadata if each.get("name") == plan.object.name)
    return plan.within(plan.object.namespace or next(said, None) or DEFAULT_NAMESPACE)


def _place(plan: FollowPlan) -> tuple[str, str]:
    return plan.object.namespace, plan.object.name


def _read(plan: FollowPlan, documents: list[dict[str, Any]]) -> list[FollowedObject]:
    from gateway.core.routing.mesh.http_route import read_http_route
    from gateway.core.routing.mesh.plan import ObjectKind
    from gateway.core.routing.mesh.virtual_service import read_virtual_service

    services = plan.object.kind is ObjectKind.VIRTUAL_SERVICE
    read = read_virtual_service if services else read_http_route
    objects = []
    for each in documents:
        metadata = each.get("metadata") or {}
        if isinstance(metadata, dict) and not metadata.get("namespace"):
            each = {**each, "metadata": {**metadata, "namespace": plan.object.namespace}}  # noqa: PLW2901
        objects.append(read(each))
    return objects


def _obeyed(
    plan: FollowPlan, followed: FollowedObject, others: Sequence[FollowedObject]
) -> FollowedObject:
    """Return what the mesh obeys where there are several objects."""
    from gateway.core.routing.mesh.delegates import merged
    from gateway.core.routing.mesh.plan import ObjectKind
    from gateway.core.routing.mesh.several import obeyed_service, routes_together

    if plan.object.kind is ObjectKind.HTTP_ROUTE:
        return routes_together(followed, others, plan.follow)
    obeyed = obeyed_service(followed, others, plan.follow)
    if obeyed is not followed:
        _note(
            f"for this host the mesh obeys VirtualService {obeyed.namespace}/{obeyed.name}, not "
            f"{plan.object}, which the gateway alone would obey"
        )
    return merged(obeyed, others)


def _say(found: Followed) -> None:
    """Tell what the gateway would tell in its log."""
    if found.not_applied:
        _note(f"the object is not for these producers: {found.not_applied}; stable gets all")
    for destination, version in found.named_destinations.items():
        if version is None:
            _note(f"{destination} is no version of the route: its share goes to stable")
    if left := found.destinations_left_out:
        _note(f"there are {left} more destinations")
    for note in found.notes:
        _note(note)


def _documents(kind: str, paths: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a kind in files, those in lists too."""
    import yaml

    for path in paths:
        try:
            with opened(path) as file:
                documents = list(yaml.load_all(file, _loader()))
        except OSError as error:
            raise _problem(FLAGS[kind], f"{path} cannot be read: {error.strerror}") from error
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise _problem(
                FLAGS[kind], f"{path} is no YAML: {' '.join(str(error).split())}"
            ) from error
        for document in map(_as_json, documents):
            items = document.get("items") if isinstance(document, dict) else None
            for each in items if isinstance(items, list) else [document]:
                if isinstance(each, dict) and each.get("kind") == kind:
                    yield each


def _as_json(document: Any) -> Any:
    """Return a document as an API server would get it: keys that are no text are made text."""
    try:
        return json.loads(json.dumps(document))
    except (TypeError, ValueError, RecursionError):
        return None  # kubectl could not send it either


def _loader() -> Any:
    """Return a loader that leaves times as they are written."""
    import yaml

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
            first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    return Loader


def _note(text: str) -> None:
    from gateway.config.problems.findings import to_one_line

    print(to_one_line(f"note: {text}"), file=sys.stderr)


def _problem(flag: str, what: str, hint: str = "") -> ProblemsFound:
    from gateway.config.problems.problem import Problem, ProblemsFound

    return ProblemsFound((Problem("command line", None, flag, what, hint),))
