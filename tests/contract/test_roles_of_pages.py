"""The Role that a page shows, and the chart makes, lets the gateway follow the page's object."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.demo.kubernetes.script import rules_of
from tests.chart.follow_pages import ARGO, FLAGGER, only, shown
from tests.contract.test_followed_objects import ROUTES, SERVICES, world
from tests.controllers_write import argo_service, flagger_route

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.demo.kubernetes.objects import Kind
    from tests.controllers_write import Spec


@pytest.mark.parametrize(
    ("page", "kind", "spec"),
    [(FLAGGER, ROUTES, flagger_route(70, 30)), (ARGO, SERVICES, argo_service(30))],
    ids=[FLAGGER, ARGO],
)
async def test_the_role_is_enough(page: str, kind: Kind, spec: Spec, tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        rules = rules_of(only(page, "Role"))
        made.server.api.script.rules = rules
        made.objects.create(kind, {"metadata": {"name": "b", "namespace": "shop"}, "spec": spec})
        made.swap(shown(page, "routes.yaml"))
        await made.until(lambda: not made.routes.unready())
        assert made.canary() == 30
        made.objects.delete(kind, "b")
        await made.until(lambda: made.canary() == 0)


@pytest.mark.parametrize("page", [FLAGGER, ARGO])
async def test_without_it_the_route_says_what_is_missing(page: str, tmp_path: Path) -> None:
    async with world(tmp_path) as made:
        made.server.api.script.rules = []
        made.swap(shown(page, "routes.yaml"))
        await made.until(
            lambda: "the service account needs a Role in shop" in made.routes.unready()[0]
        )
        (rule,) = only(page, "Role")["rules"]
        assert all(each in made.routes.unready()[0] for each in rule["resources"])
