"""Buttons ask once, call the API as anybody would, and say why where they are refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.adapters.admin.policy import Protection
from gateway.core.rollout.state import RolloutPhase
from gateway.state_port import StateError
from tests.dashboard.chromium import missing
from tests.dashboard.test_what_it_shows import ABORTED, PAUSED, PROMOTED, text
from tests.fakes.rollouts import Asked, rollout_view, unjudged_view

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.dashboard.conftest import NewStage, NewVisitor
    from tests.dashboard.stage import Stage

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

TOKEN = "s3cret"
OFFERED = [
    (rollout_view(), ["Pause", "Promote", "Abort", "Set weights"]),
    (PAUSED, ["Resume", "Promote", "Abort", "Set weights"]),
    (ABORTED, ["Retry", "Set weights"]),
    (PROMOTED, ["Set weights"]),
    (unjudged_view(override={"canary": 20}), ["Set weights", "Clear weights"]),
]


def press(page: Page, name: str) -> None:
    """Press a button of the chosen route, and its like in the dialog that asks."""
    page.locator("main").get_by_role("button", name=name, exact=True).click()
    page.locator("#ask").get_by_role("button", name=name, exact=True).click()


def closed(page: Page) -> None:
    text(page, "#ask").not_to_be_visible()


def test_only_what_the_phase_allows_is_offered(stage: Stage, new_visitor: NewVisitor) -> None:
    page = new_visitor().open(stage.url)
    for view, names in OFFERED:
        stage.show(view)
        text(page, ".head .buttons button").to_have_text(names)


def test_each_button_does_what_it_says(stage: Stage, new_visitor: NewVisitor) -> None:
    page = new_visitor().open(stage.url)
    press(page, "Pause")
    text(page, ".badge").to_have_text("paused")
    press(page, "Resume")
    text(page, ".badge").to_have_text("progressing")
    press(page, "Promote")
    text(page, "#sentence").to_contain_text("step 3 of 4, 25 % to canary")
    page.get_by_role("button", name="Abort").click()
    page.get_by_label("Reason").fill("customers complain")
    page.locator("#ask").get_by_role("button", name="Abort").click()
    text(page, "#sentence").to_have_text("rolled back: nothing to canary; customers complain")
    press(page, "Retry")
    text(page, "#sentence").to_contain_text("step 1 of 4, 1 % to canary")
    page.get_by_role("button", name="Set weights").click()
    page.get_by_label("canary, per cent").fill("20")
    page.locator("#ask").get_by_role("button", name="Set weights").click()
    text(page, "#sentence").to_contain_text("weights set by hand: stable 80 %, canary 20 %")
    press(page, "Clear weights")
    text(page, ".badge").to_have_text("paused")
    page.get_by_role("button", name="Promote").click()
    page.get_by_label("to the end").check()
    page.locator("#ask").get_by_role("button", name="Promote").click()
    text(page, "#sentence").to_have_text("promoted: all to canary")
    asked = [replace(each, by="") for each in stage.rollouts.asked]
    assert asked == [
        Asked("pause", "orders", ""),
        Asked("resume", "orders", ""),
        Asked("promote", "orders", ""),
        Asked("abort", "orders", "", "customers complain"),
        Asked("retry", "orders", ""),
        Asked("set", "orders", "", weights={"canary": 20}),
        Asked("clear", "orders", ""),
        Asked("promote", "orders", "", full=True),
    ]
    assert stage.rollouts.asked[0].by == "dashboard"


def test_a_refusal_is_shown_in_its_own_words_and_nothing_is_asked_twice(
    stage: Stage, new_visitor: NewVisitor
) -> None:
    visitor = new_visitor()
    page = visitor.open(stage.url)
    stage.rollouts.error = StateError("the state is out of reach: connection refused")
    press(page, "Pause")
    text(page, "#ask .error").to_have_text("the state is out of reach: connection refused")
    page.locator("#ask").get_by_role("button", name="Cancel").click()
    closed(page)
    assert len(stage.rollouts.asked) == 1
    page.get_by_role("button", name="Abort").click()
    page.keyboard.press("Escape")
    closed(page)
    assert len(stage.rollouts.asked) == 1
    visitor.forgive(503)


def test_a_token_is_asked_for_when_it_is_needed_and_kept_for_this_tab_alone(
    new_stage: NewStage, new_visitor: NewVisitor
) -> None:
    stage = new_stage(token=TOKEN)
    visitor = new_visitor()
    page = visitor.open(stage.url)
    press(page, "Pause")
    assert page.get_by_role("textbox", name="Token").get_attribute("type") == "password"
    page.get_by_role("textbox", name="Token").fill("wrong")
    page.get_by_role("button", name="Use token").click()
    text(page, "#key p").to_have_text("The gateway does not take this token.")
    page.get_by_role("textbox", name="Token").fill(TOKEN)
    page.get_by_role("button", name="Use token").click()
    text(page, ".badge").to_have_text("paused")
    closed(page)
    press(page, "Resume")
    text(page, ".badge").to_have_text("progressing")
    assert [each.what for each in stage.rollouts.asked] == ["pause", "resume"]
    kept = page.evaluate("[Object.values(sessionStorage), localStorage.length, document.cookie]")
    assert kept == [[TOKEN], 0, ""]
    assert TOKEN not in page.content()
    assert [each for each in visitor.asked if TOKEN in each] == []
    page.get_by_role("button", name="Token", exact=True).click()
    page.get_by_role("button", name="Forget").click()
    assert page.evaluate("sessionStorage.length") == 0
    visitor.forgive(401)


def test_where_reads_are_protected_the_page_opens_and_asks_for_the_token(
    new_stage: NewStage, new_visitor: NewVisitor
) -> None:
    stage = new_stage(token=TOKEN, protection=Protection(reads=True))
    visitor = new_visitor()
    page = visitor.open(stage.url)
    text(page, "main").to_contain_text("Nothing to show without the token")
    assert page.get_by_text("orders").count() == 0
    page.get_by_role("button", name="Enter the token").click()
    page.get_by_role("textbox", name="Token").fill(TOKEN)
    page.keyboard.press("Enter")
    text(page, "#sentence").to_contain_text("step 2 of 4")
    visitor.forgive(401)


def test_everything_can_be_done_with_the_keyboard(
    new_stage: NewStage, new_visitor: NewVisitor
) -> None:
    stage = new_stage(["orders", "refunds"])
    page = new_visitor().open(stage.url)
    text(page, "#sentence").to_be_visible()
    focused = "document.activeElement.textContent || document.activeElement.name"

    def reach(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate(focused) == name:
                return
        raise AssertionError(f"{name} cannot be reached")

    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to the route"
    link = page.get_by_role("link", name="refunds")
    while not link.evaluate("node => node === document.activeElement"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    text(page, "main h2").to_contain_text("refunds")
    reach("Pause")
    page.keyboard.press("Enter")
    text(page, "#ask").to_be_visible()
    reach("reason")
    page.keyboard.type("lunch")
    page.keyboard.press("Enter")
    text(page, ".badge").to_have_text("paused")
    (asked,) = stage.rollouts.asked
    assert (asked.what, asked.route, asked.reason) == ("pause", "refunds", "lunch")
    assert stage.rollouts.seen["orders"].phase is RolloutPhase.PROGRESSING
