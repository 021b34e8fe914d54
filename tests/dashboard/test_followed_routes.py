"""What the page says of a route that follows an object: in words, and with the API's figures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway.core.events import Phase
from gateway.core.rollout.state import RolloutPhase
from tests.dashboard.chromium import missing
from tests.dashboard.test_buttons import press
from tests.dashboard.test_what_it_shows import ABORTED, CONTRASTS, PHONE, text
from tests.fakes.follows import CANARY_HOST, OBJECT, STABLE_HOST, UNREAD, follow_view
from tests.fakes.rollouts import ROLLBACK, rollout_view

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.dashboard.conftest import NewStage, NewVisitor
    from tests.dashboard.stage import Stage

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PROBLEM = "spec.http[0].route[1].weight: -5 is below 0"
WATCHED = rollout_view(
    plan=ROLLBACK, phase=RolloutPhase.IDLE, step=0, history=(), deadline=None, reason="no traffic"
)
INVALID = follow_view(
    valid=False,
    problem=PROBLEM,
    unmapped=1234,
    unmapped_share=0.25,
    unroutable=4,
    destinations={STABLE_HOST: "stable", CANARY_HOST: "canary", "b-experiment": None},
    notes=["timeout is not obeyed", "retries is not obeyed"],
)
ELSEWHERE = follow_view(not_applied="none of its hosts")
WAITS = f"{OBJECT} has not been read yet: no response in time"
CASES = [
    (follow_view(), "following", f"follows {OBJECT}"),
    (INVALID, "object not valid", f"{OBJECT} cannot be taken: {PROBLEM}; what was in force stays"),
    (
        replace(INVALID, since=None, destinations={}),
        "object not valid",
        f"{OBJECT} cannot be taken: {PROBLEM}; stable gets what no rule takes",
    ),
    (
        follow_view(found=False, destinations={}),
        "no object",
        f"there is no {OBJECT}; stable gets what no rule takes",
    ),
    (
        ELSEWHERE,
        "object not applied",
        f"{OBJECT} is not for the producers: none of its hosts; stable gets what no rule takes",
    ),
    (
        replace(UNREAD, problem="no response in time"),
        "object not read",
        f"{WAITS}; until then stable gets what no rule takes",
    ),
]


@pytest.fixture
def stage(new_stage: NewStage) -> Stage:
    """A route that follows an object, with a rollback."""
    made = new_stage()
    made.show(WATCHED)
    made.follow(follow_view())
    return made


def test_each_state_of_the_object_has_its_word_and_is_said_aloud(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    text(page, ".head .badge").to_have_text("following")
    for seen, word, sentence in (*CASES[1:], CASES[0]):
        stage.follow(seen)
        text(page, ".head .badge").to_have_text(word)
        text(page, "#sentence").to_have_text(f"{sentence}; 5 % to canary; waits: no traffic")
        text(page, "#follow .said").to_have_text(word + sentence)
        text(page, "#said").to_contain_text(f"orders is {word}: ")


def test_the_panel_has_what_the_api_says_of_the_object(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    stage.follow(INVALID)
    stage.deliver("stable", 30)
    stage.deliver("canary", 10)
    panel = page.get_by_role("region", name="Follows")
    text(page, "#follow").to_contain_text("canary: 5 % set, 25 % seen")
    said = httpx.get(f"{stage.url}api/routes", verify=False).json()["routes"][0]["follow"]
    lines = [_plain(line) for line in panel.locator(".facts p").all_inner_texts()]
    assert lines[:2] == [f"Object {said['object']}", f"Host {said['host']}"]
    times = panel.locator("time").evaluate_all("all => all.map((each) => each.dateTime)")
    assert times == [said["since"], said["synced"]]
    assert lines[4:] == [
        f"{STABLE_HOST} stable: 95 % set, 75 % seen",
        f"{CANARY_HOST} canary: 5 % set, 25 % seen",
        "b-experiment no version: its share goes to stable",
    ]
    share = f"{100 * said['unmapped_share']:g} % of the weights"
    assert [_plain(line) for line in panel.locator("li").all_inner_texts()] == [
        f"destinations that are no version: {share}, 1,234 messages so far, to stable",
        "redirects and the like: 4 messages so far, to stable",
        *said["not_obeyed"],
    ]


def test_a_route_that_waits_for_its_object_says_that_nothing_is_received(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    stage.follow(replace(UNREAD, problem="no response in time"), Phase.STARTING, WAITS)
    text(page, "#sentence").to_have_text(f"starting: {WAITS}")
    text(page, "#follow .said").to_have_text(
        f"object not read{WAITS}; until then nothing is received"
    )
    text(page, "#follow").to_contain_text("Last heard ofnot yet")


def test_weights_by_hand_stand_over_the_object_until_they_are_cleared(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    text(page, ".head .badge").to_have_text("following")
    stage.show(replace(WATCHED, override={"canary": 1, "stable": 3}, weights=_weights(75, 25)))
    said = f"weights set by hand: stable 75 %, canary 25 %, over {OBJECT}"
    text(page, "#sentence").to_have_text(said)
    text(page, "#follow .said").to_have_text(
        f'set aside{said}. "Clear weights", or "gateway weight orders --clear", takes them back.'
    )
    stage.follow(INVALID)
    text(page, "#follow .badge").to_have_text("object not valid")
    text(page, "#follow .failure").to_have_text(f"◆ {PROBLEM}")
    stage.follow(follow_view())
    press(page, "Clear weights")
    text(page, ".head .badge").to_have_text("following")


def test_a_rollback_of_the_gateway_stands_over_the_object(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    stage.show(replace(WATCHED, phase=RolloutPhase.ABORTED, reason=ABORTED.reason))
    text(page, ".head .badge").to_have_text("rolled back")
    text(page, "#follow .said").to_have_text(
        "set asidea rollback of this gateway stands over it; the canary gets nothing"
    )


def test_a_route_that_follows_nothing_has_no_such_panel(
    new_stage: NewStage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(new_stage().url)
    text(page, "#shares").to_be_visible()
    text(page, "#follow").to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("case", range(len(CASES)), ids=lambda at: CASES[at][1])
def test_the_panel_can_be_read_in_both_themes(
    stage: Stage, new_visitor: NewVisitor, scheme: str, case: int
) -> None:
    page = new_visitor(color_scheme=scheme).open(stage.url)
    stage.follow(CASES[case][0])
    text(page, "#follow .badge").to_have_text(CASES[case][1])
    assert page.evaluate(CONTRASTS) == []


def test_a_phone_shows_long_names_of_the_object_without_scrolling_sideways(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor(viewport=PHONE).open(stage.url)
    long = "a-host-that-is-longer-than-a-phone-is-wide.shop.svc.cluster.local"
    named = f"VirtualService shop/{long}"
    stage.follow(
        replace(INVALID, object=named, host=long, problem="x" * 90, destinations={long: None})
    )
    text(page, "#follow .facts >> nth=1").to_contain_text(long)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert _cut_off(page) == []


def _cut_off(page: Page) -> Any:
    """Return the texts of the panel that reach out of it."""
    return page.evaluate(
        """() => {
          const edge = document.querySelector("#follow").getBoundingClientRect().right;
          const all = [...document.querySelectorAll("#follow *")];
          return all.filter((each) => each.getBoundingClientRect().right > edge + 0.5)
            .map((each) => each.textContent);
        }"""
    )


def _plain(line: str) -> str:
    return line.replace("\n", " ").replace("\u00a0", " ")


def _weights(stable: float, canary: float) -> dict[str, float]:
    return {"stable": stable, "canary": canary}
