"""A real Chromium without a window, and pages of it that keep what went wrong on them.

Playwright drives the machine's own Chromium (Debian's package `chromium`): the browsers that it
would download itself are not used.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE_MS: Final = 60_000.0

_KEEP_VIOLATIONS: Final = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def find_chromium() -> str | None:
    """Return the path of the machine's Chromium, None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def missing() -> str:
    """Say what is missing for tests in a browser; empty where all is there."""
    try:
        import playwright.sync_api  # noqa: F401 - whether it can be imported
    except ImportError:
        return "playwright is not installed (make setup)"
    return "" if find_chromium() else "there is no chromium (apt-get install chromium)"


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_chromium(), args=list(ARGUMENTS))
        yield started
        started.close()


class Visitor:
    """A person at a browser of their own. What went wrong on a page is in :attr:`wrong`.

    `options` are those of Playwright's `new_context`.
    """

    def __init__(self, of: Browser, **options: Any) -> None:
        self._context = of.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self._context.set_default_timeout(PATIENCE_MS)
        self._context.add_init_script(_KEEP_VIOLATIONS)
        self.wrong: list[str] = []
        self.asked: list[str] = []

    def open(self, url: str) -> Page:
        """Open a page."""
        page = self._context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(url)
        return page

    def leave(self) -> None:
        """Close the pages; raises AssertionError if anything went wrong on one."""
        for page in self._context.pages:
            self.wrong += page.evaluate("window.violations")
        self._context.close()
        assert not self.wrong, f"went wrong on a page: {self.wrong}"

    def forgive(self, status: int) -> None:
        """Do not count that the console names responses of this status: a test asked for them."""
        self.wrong = [each for each in self.wrong if f"status of {status}" not in each]

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(message.text)
