"""The page and its files: who gets them, what forbids other code, how large they are."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from gateway.adapters.admin.dashboard.pages import POLICY
from gateway.adapters.admin.policy import Protection
from tests.unit.adapters.admin.admin_port import serving
from tests.unit.adapters.fakes import FakeControl

STATIC = files("gateway.adapters.admin.dashboard") / "static"
MOST_BYTES = 60_000
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def names() -> list[str]:
    return sorted(each.name for each in STATIC.iterdir())


def test_the_page_and_all_its_files_have_60_kb_together() -> None:
    assert sum(len(each.read_bytes()) for each in STATIC.iterdir()) <= MOST_BYTES


@pytest.mark.parametrize("name", names())
def test_no_file_names_another_place_or_brings_code_within_it(name: str) -> None:
    text = (STATIC / name).read_text("utf-8")
    places = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"']*", text))
    assert places <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"style=|<script>|<style| on\w+=\"|innerHTML|cssText|eval\(", text)


async def test_a_browser_gets_the_page_and_all_others_the_list_of_paths() -> None:
    async with serving(FakeControl()) as session:
        async with session.get("/", headers={"Accept": BROWSER}) as page:
            assert page.content_type == "text/html"
            assert page.headers["Content-Security-Policy"] == POLICY
            assert "Accept" in page.headers["Vary"]
        for accept in ("*/*", "text/plain", "application/json"):
            async with session.get("/", headers={"Accept": accept}) as index:
                assert index.content_type == "text/plain"
                assert "GET    /api/routes" in await index.text()
                assert "Accept" in index.headers["Vary"]


async def test_every_file_comes_with_its_type_and_the_policy() -> None:
    types = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    async with serving(FakeControl()) as session:
        for name in names():
            async with session.get(f"/dashboard/{name}") as answer:
                assert answer.status == 200
                assert answer.content_type == types.get(name.rpartition(".")[2], "text/html")
                assert answer.headers["Content-Security-Policy"] == POLICY
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"
        for name in ("nothing.js", "..%2Ffeed.py", "__init__.py", ""):
            async with session.get(f"/dashboard/{name}") as answer:
                assert answer.status == 404


async def test_the_page_opens_where_reads_are_protected_and_the_stream_does_not() -> None:
    protection = Protection(reads=True)
    async with serving(FakeControl(), token="s3cret", protection=protection) as session:
        async with session.get("/", headers={"Accept": BROWSER}) as page:
            assert page.status == 200
        async with session.get("/dashboard/app.js") as file:
            assert file.status == 200
        for path in ("/", "/api/events", "/dashboard/nothing.js", "/dashboard/"):
            async with session.get(path) as answer:
                assert answer.status == 401


def test_every_file_is_part_of_the_distribution() -> None:
    """The image is made of the wheel."""
    root = Path(__file__).parents[5]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["gateway"]
    packed = {path for pattern in patterns for path in (root / "gateway").glob(pattern)}
    folder = root / "gateway/adapters/admin/dashboard/static"
    assert set(folder.iterdir()) <= packed
