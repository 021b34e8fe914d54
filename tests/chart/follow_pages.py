"""The pages for workers with Flagger and Argo Rollouts, and what their routes decide."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from gateway.cli.explain_follow import followed_route
from gateway.config import loader
from gateway.core.routing.decider import decider_of
from tests.builders import message
from tests.chart.test_gate_pages import objects_on
from tests.chart.test_how_to_pages import HOW_TO, blocks

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.core.routing.route import Route
    from tests.chart.rendering import Object
    from tests.controllers_write import Spec

FLAGGER: Final = "canary-a-worker-with-flagger"
ARGO: Final = "canary-a-worker-with-argo-rollouts"
PAGES: Final = (FLAGGER, ARGO)
each_page = pytest.mark.parametrize("page", PAGES)
IDS: Final = [str(at) for at in range(2000)]
TESTER: Final = {"x-tester": "yes"}
NEAR: Final = 3
"""So many per cent are the shares of 2,000 message ids off at most."""


def shown(page: str, file: str) -> str:
    """Return the first block of a page with the name of a file."""
    return next(each for each in blocks(page, "yaml") if each.startswith(f"# {file}\n"))


def table(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    section = (HOW_TO / f"{page}.md").read_text().partition(f"\n## {heading}\n")[2]
    rows = re.findall(r"^\|(.*)\|$", section.partition("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in rows[2:]]


def percents(cell: str) -> list[int]:
    return [int(each) for each in re.findall(r"(\d+) %", cell)]


def only(page: str, kind: str) -> Object:
    (found,) = (each for each in objects_on(page) if each["kind"] == kind)
    return found


@cache
def page_route(page: str) -> Route:
    """Return the route of the page's first routes.yaml."""
    (route,) = loader.load(shown(page, "routes.yaml").encode(), "routes.yaml").routes
    return route


def share(page: str, spec: Spec, folder: Path, **attributes: str) -> int:
    """Return the canary's share by the page's routing file and an object, in per cent."""
    plan = page_route(page).follow
    assert plan is not None
    metadata = {"name": plan.object.name, "namespace": plan.object.namespace}
    kind = plan.object.kind.value
    file = folder / "object.yaml"
    file.write_text(yaml.safe_dump({"kind": kind, "metadata": metadata, "spec": spec}))
    decider = decider_of(followed_route(page_route(page), {kind: [str(file)]}))
    decided = [decider.decide(message(message_id=each, attributes=attributes)) for each in IDS]
    names = [each.version.name for each in decided if each.version is not None]
    return round(100 * names.count("canary") / len(IDS))


def is_near(found: int, claimed: int) -> bool:
    """Whether a share is the one that is claimed; all and none are exact."""
    return found == claimed if claimed in (0, 100) else abs(found - claimed) <= NEAR
