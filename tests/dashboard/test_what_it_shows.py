"""What the page shows in a real browser: sentences, flow, shares, charts, steps, decisions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.core.delivery.disposition import Responded, Unreachable
from gateway.core.kafka.partition_view import PartitionView
from gateway.core.rollout.judge import Counts, Verdict
from gateway.core.rollout.state import Entry, RolloutPhase
from tests.dashboard.chromium import missing
from tests.fakes.rollouts import NOW, rollout_view, unjudged_view

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.dashboard.conftest import NewStage, NewVisitor
    from tests.dashboard.stage import Stage

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PHONE = {"width": 360, "height": 740}
ABORTED = rollout_view(
    phase=RolloutPhase.ABORTED,
    weights={"stable": 100.0, "canary": 0.0},
    verdict=Verdict.ABORT,
    reason="canary failed 7 of 43, stable 2 of 4,210 of the same time",
    canary=Counts(43, 7, 0),
)
PROMOTED = rollout_view(
    phase=RolloutPhase.PROMOTED, step=3, weights={"stable": 0.0, "canary": 100.0}
)
PAUSED = rollout_view(phase=RolloutPhase.PAUSED)
BY_HAND = replace(
    PAUSED, override={"canary": 20, "stable": 80}, weights={"stable": 80.0, "canary": 20.0}
)
TORN = replace(ABORTED, problems=("the state in state.json is torn: repair it or remove the file",))
SENTENCES = [
    (rollout_view(), "progressing", "step 2 of 4, 5 % to canary; waits: 132 of 200 messages"),
    (PAUSED, "paused", "paused at step 2 of 4, 5 % to canary; waits: 132 of 200 messages"),
    (
        ABORTED,
        "rolled back",
        "rolled back: nothing to canary; canary failed 7 of 43, stable 2 of 4,210 of the same time",
    ),
    (PROMOTED, "promoted", "promoted: all to canary"),
    (
        BY_HAND,
        "by hand",
        "weights set by hand: stable 80 %, canary 20 %; the rollout is paused at step 2 of 4",
    ),
    (unjudged_view(), "steady", "10 % to canary; nothing judges this route"),
]

CONTRASTS = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => {
    const [r, g, b] = color.slice(0, 3).map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const rect = node.closest(".node")?.querySelector("rect");
    if (rect) return rgba(getComputedStyle(rect).fill);
    for (let at = node; at; at = at.parentElement) {
      const color = rgba(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const named = ["title", "desc", "option"].includes(node.localName);
    const hidden = node.closest(".hidden, noscript, dialog:not([open])");
    if (!walker.currentNode.data.trim() || named || hidden) continue;
    const style = getComputedStyle(node);
    const front = rgba(node.namespaceURI.endsWith("svg") ? style.fill : style.color);
    const [a, b] = [light(front), light(behind(node))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(`${walker.currentNode.data} ${ratio.toFixed(2)}`);
  }
  return low;
}
"""


def text(page: Page, selector: str) -> Any:
    from playwright.sync_api import expect

    return expect(page.locator(selector))


def test_a_sentence_says_where_a_rollout_is_and_a_change_of_phase_is_said_aloud(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    text(page, "#sentence").to_have_text(SENTENCES[0][2])
    text(page, "#said").to_have_text("")  # nothing has changed yet
    for view, word, sentence in SENTENCES[1:]:
        stage.show(view)
        text(page, "#sentence").to_have_text(sentence)
        text(page, ".badge").to_have_text(word)
        text(page, "#said").to_contain_text(f"orders is {word}: ")


def test_the_picture_the_shares_and_the_charts_say_what_was_delivered(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    text(page, "#sentence").to_be_visible()
    stage.deliver("stable", 30)
    stage.deliver("canary", 6)
    stage.deliver("canary", 2, Responded(503), seconds=0.4)
    shares = page.locator(".share")
    text(page, ".share >> nth=0").to_contain_text("stable95 % set, 79 % seen")
    text(page, ".share >> nth=1").to_contain_text("canary5 % set, 21 % seen")
    text(page, ".share >> nth=1").to_contain_text("8 decisions · 6 acked, 2 to retry")
    text(page, ".share >> nth=1").to_contain_text("status 503")
    assert shares.count() == 2
    failure = page.get_by_role("img", name="Failure ratio of orders, 5 min")
    said = failure.locator("desc").text_content() or ""
    assert "stable 0 %, canary 25 %" in said.replace("\u00a0", " ")
    delivery = page.get_by_role("img", name="Delivery time of orders, 5 min")
    assert "canary p99 376 ms" in delivery.locator("desc").inner_html()  # the middle of its bucket
    page.get_by_role("button", name="1 h").click()
    text(page, "#failure-title").to_have_text("Failure ratio of orders, 1 h")
    text(page, ".tile >> nth=0").to_contain_text("38 so far")
    flow = page.get_by_role("img", name="From orders-queue over the gateway to its versions")
    assert flow.count() == 1


def test_dots_move_and_failed_ones_have_another_shape(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    text(page, "#sentence").to_be_visible()
    stage.deliver("canary", 4, Responded(500))
    failed = page.locator(".dot.failed")
    failed.first.wait_for(state="attached")
    place = failed.first.get_attribute("transform")
    page.wait_for_function(
        "place => document.querySelector('.dot.failed')?.getAttribute('transform') !== place",
        arg=place,
    )


def test_with_reduced_motion_the_dots_stand_and_say_the_same(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor(reduced_motion="reduce").open(stage.url)
    text(page, "#sentence").to_be_visible()
    stage.deliver("stable", 3)
    stage.deliver("canary", 2, Responded(500))
    page.locator(".dot.failed").first.wait_for(state="attached")
    places = "() => [...document.querySelectorAll('.dot')].map((dot) => dot.outerHTML).join()"
    seen = page.evaluate(
        f"""() => new Promise((resolve) => {{
          const places = {places};
          const before = places();
          requestAnimationFrame(() => requestAnimationFrame(() => resolve([before, places()])));
        }})"""
    )
    assert seen[0] == seen[1] != ""
    text(page, ".node.c1").to_contain_text("◆ 2 failing")


def test_a_topic_has_its_group_how_far_it_is_behind_and_what_stands_still(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    parts = PartitionView("orders", 0, 10_000, paused=True), PartitionView("orders", 1, 7)
    for blocked, said in ((0, "paused, 10,007 be"), (2, "blocked, 10,009 b")):
        stage.read(*parts, PartitionView("orders", 2, blocked, blocked=blocked))
        text(page, ".node.queue text >> nth=2").to_contain_text(said)
    text(page, ".node.queue title").to_have_text("Group orders-b of orders")
    text(page, ".node.c1 title").to_have_text("canary: orders.b1")


def test_the_last_100_decisions_are_listed_and_can_be_held(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    text(page, "#decisions").to_contain_text("None while this page has been open.")
    stage.deliver("stable", 120)
    rows = page.locator("#decisions tbody tr")
    text(page, "#decisions .about").to_contain_text("The last 100, the newest first.")
    assert rows.first.locator("td").all_inner_texts()[1:] == [
        "stable-119", "stable", "split", "–", "119",  # noqa: RUF001 - as it is shown
    ]  # fmt: skip
    assert rows.count() == 100
    page.get_by_role("button", name="Hold").click()
    stage.deliver("canary", 5)
    text(page, ".share >> nth=1").to_contain_text("5 decisions")
    assert "stable-119" in rows.first.inner_text()
    page.get_by_role("button", name="Follow").click()
    text(page, "#decisions tbody tr >> nth=0").to_contain_text("canary-4")


def test_the_steps_have_their_evidence_and_their_changes_are_marked(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    page = new_visitor().open(stage.url)
    text(page, ".ladder [aria-current=step]").to_contain_text("Step 2, now: 5 %")
    text(page, ".ladder li >> nth=0").to_contain_text("Step 1, done: 1 %")
    text(page, ".ladder li >> nth=2").to_contain_text("by hand")
    text(page, ".evidence").to_contain_text("132 of 200")
    text(page, ".evidence").to_contain_text("canary 1 of 132 (0.76 %), stable 3 of 2,514 (0.12 %)")
    stage.show(ABORTED)
    text(page, ".ladder [aria-current=step]").to_have_count(0)
    at = page.evaluate("Date.now() / 1000") - 30
    stage.show(replace(ABORTED, history=(Entry(at, "the gateway", "abort", 5, 0, "worse"),)))
    text(page, "#failures .mark").to_have_text("0 %")
    text(page, ".changes li").to_contain_text("abort 5 % → 0 % worse by the gateway")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_in_both_themes(
    stage: Stage, new_visitor: NewVisitor, scheme: str
) -> None:
    """4.5 : 1, WCAG 2.2 success criterion 1.4.3."""
    page = new_visitor(color_scheme=scheme).open(stage.url)
    stage.show(TORN)
    text(page, "#problems").to_contain_text("is torn")
    stage.deliver("canary", 2, Responded(503))
    text(page, ".share >> nth=1").to_contain_text("status 503")
    dark = "(prefers-color-scheme: dark)"
    assert page.evaluate("query => matchMedia(query).matches", dark) is (scheme == "dark")
    assert page.evaluate(CONTRASTS) == []
    page.get_by_role("button", name="Retry").click()
    assert page.evaluate(CONTRASTS) == []


def test_a_phone_has_everything_without_scrolling_sideways(
    new_stage: NewStage, new_visitor: NewVisitor
) -> None:
    names = ["orders", "a-route-with-a-name-that-is-longer-than-a-phone-is-wide", *"abcdefgh"]
    stage = new_stage(names)
    page = new_visitor(viewport=PHONE).open(stage.url)
    text(page, "#sentence").to_be_visible()
    stage.deliver("stable", 30)
    text(page, "#decisions .about").to_contain_text("The last 30")
    sideways = "document.documentElement.scrollWidth"
    assert page.evaluate(sideways) <= PHONE["width"]
    stage.show(replace(TORN, route=names[1], history=(Entry(NOW, "x" * 90, "abort", 5, 0, ""),)))
    page.get_by_role("link", name=names[1]).click()
    text(page, "h2 >> nth=2").to_contain_text(names[1])
    assert page.evaluate(sideways) <= PHONE["width"]
    page.get_by_role("searchbox", name="Filter routes").fill("order")
    text(page, "nav li").to_have_count(1)


def test_without_a_route_the_page_says_so(new_stage: NewStage, new_visitor: NewVisitor) -> None:
    page = new_visitor().open(new_stage([]).url)
    text(page, "main").to_contain_text("No routes")


def test_a_new_page_shows_the_past(stage: Stage, new_visitor: NewVisitor) -> None:
    stage.deliver("canary", 3, Responded(503))
    visitor = new_visitor()
    page = visitor.open(stage.url)
    text(page, "#failure-text").to_have_text("Latest: canary 100 %.")
    stage.deliver("stable", 40)  # watched from here on
    text(page, "#decisions .about").to_contain_text("The last 40")
    other = visitor.open(stage.url)
    text(other, "#decisions .about").to_contain_text("The last 40")


def test_a_hidden_tab_gives_its_connection_up_so_that_a_seventh_one_works(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    """A browser opens 6 connections to one host; without a window no tab is ever hidden by it."""
    visitor = new_visitor()
    hide = """hidden => {
      Object.defineProperty(document, "visibilityState", {
        configurable: true, get: () => (hidden ? "hidden" : "visible") });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    pages = []
    for _ in range(7):
        page = visitor.open(stage.url)
        text(page, "#link").to_have_text("live")
        page.evaluate(hide, arg=True)
        pages.append(page)
    pages[0].evaluate(hide, arg=False)
    stage.show(PAUSED)
    text(pages[0], ".badge").to_have_text("paused")
    assert pages[1].locator(".badge").inner_text() == "progressing"


def test_what_the_gateway_tells_becomes_text_and_never_markup(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    markup = '<img src="x" onerror="window.violations.push(1)"><script>alert(1)</script>'
    page = new_visitor().open(stage.url)
    stage.show(rollout_view(reason=markup, problems=(markup,)))
    stage.deliver("canary", 1, Unreachable(markup))
    text(page, "#sentence").to_contain_text(markup)
    text(page, "#problems").to_contain_text(markup)
    text(page, ".share >> nth=1").to_contain_text(markup)


def test_nothing_is_asked_of_any_other_place(stage: Stage, new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    page = visitor.open(stage.url)
    text(page, "#sentence").to_be_visible()
    assert [each for each in visitor.asked if not each.startswith((stage.url, "data:"))] == []
