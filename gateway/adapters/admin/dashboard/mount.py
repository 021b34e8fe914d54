"""Joins the parts of the dashboard, and adds its paths to the admin port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.adapters.admin.dashboard.decisions import DecisionLog
from gateway.adapters.admin.dashboard.feed import Feed
from gateway.adapters.admin.dashboard.frame import Frames
from gateway.adapters.admin.dashboard.pages import add_pages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp import web

    from gateway.follow_port import FollowView
    from gateway.ports import Control, Measurements, RouteStates
    from gateway.rollout_port import Rollouts


def add_dashboard(
    application: web.Application,
    text: str,
    states: RouteStates,
    control: Control,
    measurements: Measurements,
    rollouts: Rollouts,
    follows: Callable[[], Sequence[FollowView]],
) -> None:
    """Add the page at `/`, where `text` is for those who do not accept HTML, and its stream.

    The streams end when the application shuts down.
    """
    log = DecisionLog()
    feed = Feed(Frames(states, control, measurements, rollouts, follows, log), states, log)
    add_pages(application, text)
    application.router.add_get("/api/events", feed.stream)

    async def close(_application: web.Application) -> None:
        feed.close()

    application.on_shutdown.append(close)
