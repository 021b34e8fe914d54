"""The HTTP side of the API server."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from gateway.demo.kubernetes.objects import ConflictError, Kind, Object, ObjectStore
from gateway.demo.kubernetes.script import Request, Requests, Script

MERGE_PATCH: Final = "application/merge-patch+json"
_VERBS: Final = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_PLURALS: Final = {"GET": "list", "POST": "create"}


class KubeApi:
    """Serves an ObjectStore by a Script; `requests` are those that came."""

    def __init__(self) -> None:
        self.objects = ObjectStore()
        self.script = Script()
        self.requests = Requests()
        self._watches: set[_Watch] = set()
        self.objects.on_change(self._wake)

    @property
    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=8 * 1024 * 1024)
        for root in ("/api/{version}", "/apis/{group}/{version}"):
            path = root + "/namespaces/{namespace}/{plural}"
            app.router.add_route("*", path, self._serve)
            app.router.add_route("*", path + "/{name}", self._serve)
        return app

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    def cut_watches(self, *, cleanly: bool = True) -> None:
        """End all watches: as the server does, or by breaking their connections."""
        for watch in self._watches:
            watch.end(cleanly=cleanly)

    def expire_watches(self) -> None:
        """Forget all changes, and end all watches with a 410."""
        self.objects.forget_changes()
        for watch in self._watches:
            watch.fail(HTTPStatus.GONE, "Expired", "too old resource version")

    def send_bookmarks(self) -> None:
        """Send a bookmark to each watch."""
        for watch in self._watches:
            watch.bookmark(self.objects.version)

    def send(self, line: bytes) -> None:
        """Send bytes to each watch as they are."""
        for watch in self._watches:
            watch.send(line)

    def go_silent(self) -> None:
        """Send nothing any more, without an end: as a half-open connection."""
        self.script.silent = True

    def _wake(self) -> None:
        if not self.script.silent:
            for watch in self._watches:
                watch.look()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        matched = request.match_info
        kind = Kind(
            matched.get("group", ""), matched["version"], matched["plural"], matched["namespace"]
        )
        seen = _seen(request)
        self.requests.add(seen)
        await self.script.requests_open.wait()
        if seen.verb == "list":
            await self.script.lists_open.wait()
        failed = self._failure(request, kind, seen)
        if failed is not None:
            return failed
        try:
            if seen.verb == "watch":
                return await self._watch(request, kind)
            return await self._act(request, kind, seen)
        except KeyError:
            what = f'{kind.plural} "{seen.name}" not found'
            return status(HTTPStatus.NOT_FOUND, "NotFound", what)
        except ConflictError as error:
            reason = "AlreadyExists" if seen.verb == "create" else "Conflict"
            return status(HTTPStatus.CONFLICT, reason, str(error))

    def _failure(self, request: web.Request, kind: Kind, seen: Request) -> web.Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.script.tokens:
            return status(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")
        if self.script.body is not None:
            return web.Response(text=self.script.body, content_type="application/json")
        if self.script.failing:
            return status(self.script.failing, "ServiceUnavailable", "going away")
        if {kind.plural, f"{kind.plural}.{kind.version}"} & self.script.unknown_kinds:
            return web.Response(status=404, text="404 page not found\n")
        if not self.script.allows(seen):
            what = f'cannot {seen.verb} resource "{kind.plural}"'
            return status(HTTPStatus.FORBIDDEN, "Forbidden", what)
        return None

    async def _act(self, request: web.Request, kind: Kind, seen: Request) -> web.Response:
        match seen.verb:
            case "list":
                return web.json_response(self._list(kind, request.query.get("fieldSelector", "")))
            case "get":
                return web.json_response(self._get(kind, seen.name))
            case "delete":
                self.objects.delete(kind, seen.name)
                return status(HTTPStatus.OK, "", "deleted")
        return await self._write(request, kind, seen)

    def _list(self, kind: Kind, selector: str) -> Object:
        metadata = {"resourceVersion": str(self.objects.version)}
        return {"kind": "List", "metadata": metadata, "items": self.objects.list(kind, selector)}

    def _get(self, kind: Kind, name: str) -> Object:
        present = self.objects.get(kind, name)
        if present is None:
            raise KeyError(name)
        return present

    async def _write(self, request: web.Request, kind: Kind, seen: Request) -> web.Response:
        content = await request.json()
        if self.script.before_update is not None:
            before, self.script.before_update = self.script.before_update, None
            before(kind, seen.name)
        if seen.verb == "create":
            return web.json_response(self.objects.create(kind, content), status=201)
        if seen.verb == "update":
            return web.json_response(self.objects.update(kind, seen.name, content))
        if request.content_type != MERGE_PATCH:
            return status(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", "no patch")
        return web.json_response(self.objects.merge_patch(kind, seen.name, content))

    async def _watch(self, request: web.Request, kind: Kind) -> web.StreamResponse:
        version = int(request.query["resourceVersion"])
        if version < self.objects.oldest:
            return status(HTTPStatus.GONE, "Expired", "too old resource version")
        watch = _Watch(self.objects, kind, request.query.get("fieldSelector", ""), version)
        response = web.StreamResponse(headers={"content-type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        self._watches.add(watch)
        try:
            if not self.script.silent:
                watch.look()
            async with asyncio.timeout(float(request.query.get("timeoutSeconds", "1800"))):
                await watch.write_to(response)
        except TimeoutError:
            if self.script.silent:
                await asyncio.Event().wait()
        finally:
            self._watches.discard(watch)
        if watch.is_broken and request.transport is not None:
            request.transport.abort()
        return response


class _Watch:
    """One watch: what is to be sent, and how it ends."""

    def __init__(self, objects: ObjectStore, kind: Kind, selector: str, version: int) -> None:
        self._objects = objects
        self._kind = kind
        self._selector = selector
        self._version = version
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.is_broken = False

    def look(self) -> None:
        """Send what has changed."""
        for change in self._objects.since(self._version, self._kind, self._selector):
            self._version = change.version
            self._event(change.type, change.content)

    def bookmark(self, version: int) -> None:
        """Send a bookmark."""
        self._version = max(self._version, version)
        self._event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})

    def fail(self, code: int, reason: str, message: str) -> None:
        """Send an ERROR event, and end."""
        self._event("ERROR", status_object(code, reason, message))
        self.end(cleanly=True)

    def end(self, *, cleanly: bool) -> None:
        """End, or break the connection."""
        self.is_broken = not cleanly
        self._lines.put_nowait(None)

    def send(self, line: bytes) -> None:
        """Send bytes."""
        self._lines.put_nowait(line)

    async def write_to(self, response: web.StreamResponse) -> None:
        """Write what is to be sent until the end."""
        while (line := await self._lines.get()) is not None:
            await response.write(line)

    def _event(self, type_: str, content: Object) -> None:
        self.send(json.dumps({"type": type_, "object": content}).encode() + b"\n")


def _seen(request: web.Request) -> Request:
    matched = request.match_info
    selected = request.query.get("fieldSelector", "").removeprefix("metadata.name=")
    name = matched.get("name") or selected
    verbs = _VERBS if "name" in matched else _PLURALS
    verb = "watch" if request.query.get("watch") in {"1", "true"} else verbs.get(request.method, "")
    version = request.query.get("resourceVersion", "")
    return Request(verb, matched["plural"], name, version, matched.get("group", ""))


def status_object(code: int, reason: str, message: str) -> dict[str, Any]:
    """Return a Status object."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Success" if code < HTTPStatus.BAD_REQUEST else "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def status(code: int, reason: str, message: str) -> web.Response:
    """Return a response with a Status object."""
    return web.json_response(status_object(code, reason, message), status=code)
