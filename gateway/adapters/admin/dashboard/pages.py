"""The page and its files: read once, served from memory, under a strict Content-Security-Policy."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs, web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

PREFIX: Final = "/dashboard/"
PAGE: Final = "index.html"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    hdrs.VARY: hdrs.ACCEPT,
}
TYPES: Final = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


def add_pages(application: web.Application, text: str) -> None:
    """Serve the page at `/` to those who accept HTML, `text` to all others, and its files."""
    application.router.add_get("/", _index(text))
    application.router.add_get(PREFIX + "{name}", _file)


def is_page(request: web.Request) -> bool:
    """Return whether it asks for the page or one of its files: they hold nothing of the gateway's.

    So they are open where reads are protected: a person needs the page to enter the token.
    """
    if request.path == "/":
        return _accepts_html(request)
    return request.path.removeprefix(PREFIX) in _content() and request.path.startswith(PREFIX)


def _index(text: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def index(request: web.Request) -> web.StreamResponse:
        if _accepts_html(request):
            return _response(PAGE)
        return web.Response(text=text, headers={hdrs.VARY: hdrs.ACCEPT})

    return index


async def _file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    if name not in _content():
        raise web.HTTPNotFound
    return _response(name)


def _response(name: str) -> web.Response:
    kind = TYPES[name.rpartition(".")[2]]
    return web.Response(body=_content()[name], content_type=kind, charset="utf-8", headers=HEADERS)


def _accepts_html(request: web.Request) -> bool:
    return TYPES["html"] in request.headers.get(hdrs.ACCEPT, "").lower()


@cache
def _content() -> dict[str, bytes]:
    folder = files("gateway.adapters.admin.dashboard") / "static"
    found = {each.name: each.read_bytes() for each in folder.iterdir()}
    return {name: body for name, body in found.items() if name.rpartition(".")[2] in TYPES}
