"""The pages for workers with Flagger and Argo Rollouts: their tables say what is decided.

What a controller writes for the objects of a page is replayed, and each share in the page's tables
is that of the decisions that `gateway explain` makes of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.cli.explain_follow import followed_route
from gateway.config import loader
from tests.builders import message
from tests.chart.follow_pages import (
    ARGO,
    FLAGGER,
    IDS,
    NEAR,
    TESTER,
    each_page,
    is_near,
    only,
    page_route,
    percents,
    share,
    shown,
    table,
)
from tests.chart.test_how_to_pages import HOW_TO
from tests.controllers_write import Spec, argo_weights, flagger_route, flagger_service

if TYPE_CHECKING:
    from pathlib import Path


def weights_of_steps(page: str) -> list[int]:
    """Return the weights that the page's Canary or Rollout goes through, by its own fields."""
    if page == FLAGGER:
        found = only(page, "Canary")["spec"]["analysis"]
        return list(range(found["stepWeight"], found["maxWeight"] + 1, found["stepWeight"]))
    steps = only(page, "Rollout")["spec"]["strategy"]["canary"]["steps"]
    return [each["setWeight"] for each in steps if "setWeight" in each]


def written(page: str, stable: int, canary: int) -> Spec:
    if page == FLAGGER:
        return flagger_route(stable, canary)
    return argo_weights(only(page, "VirtualService")["spec"], canary)


@each_page
def test_at_each_moment_the_canary_gets_what_the_page_says(page: str, tmp_path: Path) -> None:
    rows = table(page, "What happens, step by step")
    assert len(rows) == 7
    in_steps = []
    for row in rows:
        pairs = [tuple(map(int, each)) for each in re.findall(r"(\d+)/(\d+)", row[-2])]
        claims = percents(row[-1])
        assert len(pairs) == len(claims) > 0
        for (stable, canary), claimed in zip(pairs, claims, strict=True):
            assert stable + canary == 100
            assert is_near(share(page, written(page, stable, canary), tmp_path), claimed), row
        in_steps += [canary for _, canary in pairs] if len(pairs) > 1 else []
    assert in_steps == weights_of_steps(page)


def test_the_other_provider_of_flagger_is_followed_too(tmp_path: Path) -> None:
    """With its object, and the change of the routing file that the page names."""
    text = shown(FLAGGER, "routes.yaml").replace("httpRoute:", "virtualService:")
    (tmp_path / "routes.yaml").write_text(text)
    (route,) = loader.load(text.encode(), "routes.yaml").routes
    spec = {"kind": "VirtualService", "metadata": {"name": "b", "namespace": "shop"}}
    file = tmp_path / "b.yaml"

    def weights(**more: Any) -> dict[str, int]:
        file.write_text(yaml.safe_dump({**spec, "spec": {**flagger_service(70, 30), **more}}))
        return dict(followed_route(route, {"VirtualService": [str(file)]}).split_weights())

    assert weights() == {"stable": 70, "canary": 30}
    assert weights(gateways=["edge"])["canary"] == 0
    assert weights(gateways=["edge", "mesh"])["canary"] == 30


FLAGGER_MATCH: Final = [{"headers": [{"name": "x-tester", "value": "yes"}]}]
PRIMARY: Final = {"backendRefs": [{"name": "b-primary", "port": 8080, "weight": 100}]}
TESTERS: Final = {
    "name": "testers",
    "match": [{"headers": {"x-tester": {"exact": "yes"}}}],
    "route": [{"destination": {"host": "b-canary"}, "weight": 100.0}],
}
COPIES: Final = {
    "name": "copies",
    "match": [{"method": {"exact": "POST"}}],
    "mirror": {"host": "b-canary"},
    "mirrorPercentage": {"value": 35.0},
}


def sticky(primary: int, canary: int) -> Spec:
    """An HTTPRoute of Flagger with its rules for sessions before the weights."""
    cookie = {"type": "RegularExpression", "name": "Cookie", "value": ".*flagger-cookie.*a.*"}
    spec = flagger_route(0, 100, matches=[{"headers": [cookie]}])
    spec["rules"] += flagger_route(primary, canary)["rules"]
    return spec


def ours(weight: float, *managed: Spec, others: tuple[Spec, ...] = ()) -> Spec:
    return argo_weights(only(ARGO, "VirtualService")["spec"], weight, *managed, others=others)


def copies(weight: float) -> Spec:
    return {**COPIES, "route": ours(weight)["http"][0]["route"]}


EXPERIMENT: Final = tuple(
    {"destination": {"host": f"b-6f9c-{name}"}, "weight": 15.0}
    for name in ("baseline", "candidate")
)
WRITTEN: Final[dict[str, dict[tuple[str, str], Spec]]] = {
    FLAGGER: {
        ("A/B", "before, after, rolled back"): flagger_route(
            100, 0, PRIMARY, matches=FLAGGER_MATCH
        ),
        ("A/B", "iterations, and until the primary is ready"): flagger_route(
            0, 100, PRIMARY, matches=FLAGGER_MATCH
        ),
        ("blue/green", "iterations"): flagger_route(100, 0),
        ("blue/green", "iterations have passed, until the primary is ready"): flagger_route(0, 100),
        ("blue/green", "after"): flagger_route(100, 0),
        ("session affinity", "at 70/30"): sticky(70, 30),
        ("promoted in steps", "at 75/25 on the way back"): flagger_route(75, 25),
    },
    ARGO: {
        ("header route", "set, at weight 0"): ours(0, TESTERS),
        ("header route", "set, at weight 10"): ours(10, TESTERS),
        ("header route", "taken away, at weight 10"): ours(10),
        ("header route", "an abort, between its two writes"): ours(10),
        ("mirror route", "set, at weight 0"): ours(0, copies(0)),
        ("mirror route", "taken away, at weight 10"): ours(10),
        ("experiment", "under way, at weight 10"): ours(10, others=EXPERIMENT),
        ("experiment", "over, at weight 50"): ours(50),
        ("`dynamicStableScale`", "an abort at 50, half of the stable pods are back"): ours(25),
        ("`dynamicStableScale`", "all stable pods are back"): ours(0),
        ("`pingPong`", "after the first release, for good"): ours(100),
    },
}
OTHERS: Final = {FLAGGER: "Other strategies", ARGO: "Other steps and strategies"}


@each_page
def test_other_strategies_give_the_canary_what_the_page_says(page: str, tmp_path: Path) -> None:
    rows = table(page, OTHERS[page])
    assert [tuple(row[:2]) for row in rows] == list(WRITTEN[page])
    for row in rows:
        spec = WRITTEN[page][row[0], row[1]]
        for cell, attributes in zip(row[2:], ({}, TESTER), strict=True):
            (claimed,) = percents(cell)
            assert is_near(share(page, spec, tmp_path, **attributes), claimed), (row, attributes)


def test_the_share_of_an_experiment_is_stable_s_and_counted(tmp_path: Path) -> None:
    plan = page_route(ARGO).follow
    assert plan is not None
    file = tmp_path / "b.yaml"
    content = {**only(ARGO, "VirtualService"), "spec": ours(10, others=EXPERIMENT)}
    file.write_text(yaml.safe_dump(content))
    followed = followed_route(page_route(ARGO), {"VirtualService": [str(file)]}).followed
    assert followed is not None
    unmapped = sum(followed.decide(message(message_id=each)).unmapped for each in IDS)
    assert abs(100 * unmapped / len(IDS) - 30) < NEAR


@pytest.mark.parametrize(("page", "mirrored"), [(FLAGGER, True), (ARGO, True), (ARGO, False)])
def test_a_mirror_is_copied_where_the_page_s_follow_says_so(
    page: str, *, mirrored: bool, tmp_path: Path
) -> None:
    line = re.search(
        r"`(follow: \{\w+: shop/b, mirror: true\})`", (HOW_TO / f"{page}.md").read_text()
    )
    assert line
    text = shown(page, "routes.yaml")
    if mirrored:
        text = re.sub(r"follow: \{.*\}", line[1], text)
    (route,) = loader.load(text.encode(), "routes.yaml").routes
    to_canary = {"requestMirror": {"backendRef": {"name": "b-canary", "port": 8080}}}
    filters = [{"type": "RequestMirror", **to_canary}]
    spec = flagger_route(100, 0, filters=filters) if page == FLAGGER else ours(0, copies(0))
    kind = "HTTPRoute" if page == FLAGGER else "VirtualService"
    file = tmp_path / "b.yaml"
    head = {"kind": kind, "metadata": {"name": "b", "namespace": "shop"}}
    file.write_text(yaml.safe_dump({**head, "spec": spec}))
    mirror = followed_route(route, {kind: [str(file)]}).mirror
    assert (mirror is not None) is mirrored
    if mirror is not None:
        assert mirror.to.name == "canary"
