"""The API server of the tests keeps what the API's concepts page promises."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio

from gateway.demo.kubernetes.objects import ConflictError, Kind, ObjectStore, merged
from gateway.demo.kubernetes.script import rule
from tools.kube_api.running import HOST, NAMESPACE, Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MAPS = Kind("", "v1", "configmaps", NAMESPACE)
PATH = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
SERVICES = Kind("networking.istio.io", "v1", "virtualservices", NAMESPACE)


def named(name: str, **content: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **content}


class Caller:
    """Plain HTTP requests to the server."""

    def __init__(self, server: Served, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.session = session
        self.watches: list[aiohttp.ClientResponse] = []

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        headers = {"authorization": "Bearer token-1", **more.pop("headers", {})}
        async with self.session.request(method, path, headers=headers, **more) as response:
            text = await response.text()
            try:
                return response.status, json.loads(text)
            except ValueError:
                return response.status, text

    async def watch(self, version: str, path: str = PATH, seconds: int = 60) -> Any:
        response = await self.session.get(
            path,
            params={"watch": "1", "resourceVersion": version, "timeoutSeconds": str(seconds)},
            headers={"authorization": "Bearer token-1"},
        )
        assert response.status == 200
        self.watches.append(response)
        return response


@pytest_asyncio.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    async with served(tmp_path) as server:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        connector = aiohttp.TCPConnector(ssl=context)
        base = f"https://{HOST}:{server.port}"
        async with aiohttp.ClientSession(base, connector=connector) as session:
            caller = Caller(server, session)
            yield caller
            for watch in caller.watches:
                watch.close()


async def event(response: aiohttp.ClientResponse) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await response.content.readline())
    return found


def test_each_change_has_a_higher_version() -> None:
    store = ObjectStore()
    versions = [
        store.create(MAPS, named("a"))["metadata"]["resourceVersion"],
        store.create(SERVICES, named("a"))["metadata"]["resourceVersion"],
        store.merge_patch(MAPS, "a", {"data": {"x": "1"}})["metadata"]["resourceVersion"],
    ]
    assert versions == sorted(set(versions))


def test_a_write_that_changes_nothing_has_no_new_version() -> None:
    store = ObjectStore()
    first = store.create(MAPS, named("a", data={"x": "1"}))
    assert store.merge_patch(MAPS, "a", {"data": {"x": "1"}}) == first
    assert store.version == int(first["metadata"]["resourceVersion"])


def test_an_update_from_an_old_version_is_a_conflict() -> None:
    store = ObjectStore()
    old = store.create(MAPS, named("a"))
    store.update(MAPS, "a", {**old, "data": {"x": "1"}})
    with pytest.raises(ConflictError):
        store.update(MAPS, "a", {**old, "data": {"x": "2"}})
    with pytest.raises(ConflictError):
        store.create(MAPS, named("a"))


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_that_of_the_rfc(target: Any, patch: Any, result: Any) -> None:
    """RFC 7386, appendix A."""
    assert merged(target, patch) == result


async def test_objects_are_created_read_listed_and_deleted(caller: Caller) -> None:
    status, made = await caller.call("POST", PATH, json=named("a", data={"x": "1"}))
    assert (status, made["metadata"]["namespace"]) == (201, NAMESPACE)
    await caller.call("POST", PATH, json=named("b"))
    assert await caller.call("GET", f"{PATH}/a") == (200, made)
    _, listed = await caller.call("GET", PATH)
    assert [each["metadata"]["name"] for each in listed["items"]] == ["a", "b"]
    _, listed = await caller.call("GET", PATH, params={"fieldSelector": "metadata.name=a"})
    assert listed["items"] == [made]
    assert (await caller.call("DELETE", f"{PATH}/a"))[0] == 200
    status, missing = await caller.call("GET", f"{PATH}/a")
    assert (status, missing["kind"], missing["reason"]) == (404, "Status", "NotFound")


async def test_a_patch_needs_its_content_type(caller: Caller) -> None:
    caller.server.api.objects.create(MAPS, named("a"))
    assert (await caller.call("PATCH", f"{PATH}/a", json={"data": {}}))[0] == 415
    headers = {"content-type": "application/merge-patch+json"}
    status, found = await caller.call("PATCH", f"{PATH}/a", data='{"data":{}}', headers=headers)
    assert (status, found["data"]) == (200, {})


async def test_a_put_from_an_old_version_is_409(caller: Caller) -> None:
    old = caller.server.api.objects.create(MAPS, named("a"))
    caller.server.api.objects.merge_patch(MAPS, "a", {"data": {"x": "1"}})
    status, found = await caller.call("PUT", f"{PATH}/a", json=old)
    assert (status, found["reason"]) == (409, "Conflict")


async def test_a_watch_gives_what_came_since_its_version(caller: Caller) -> None:
    objects = caller.server.api.objects
    first = objects.create(MAPS, named("a"))
    objects.create(MAPS, named("b"))
    response = await caller.watch(first["metadata"]["resourceVersion"])
    assert (await event(response))["object"]["metadata"]["name"] == "b"
    objects.merge_patch(MAPS, "a", {"data": {"x": "1"}})
    objects.create(SERVICES, named("not of this kind"))
    objects.delete(MAPS, "a")
    caller.server.api.send_bookmarks()
    events = [await event(response) for _ in range(3)]
    assert [each["type"] for each in events] == ["MODIFIED", "DELETED", "BOOKMARK"]
    assert events[2]["object"]["metadata"]["resourceVersion"] == str(objects.version)
    caller.server.api.cut_watches()
    assert await response.content.read() == b""


async def test_a_watch_can_be_broken_off(caller: Caller) -> None:
    response = await caller.watch("1000")
    caller.server.api.cut_watches(cleanly=False)
    with pytest.raises(aiohttp.ClientError):
        await response.content.read()


async def test_forgotten_changes_are_410_as_a_status_and_as_an_event(caller: Caller) -> None:
    objects = caller.server.api.objects
    response = await caller.watch("1000")
    objects.create(MAPS, named("a"))
    caller.server.api.expire_watches()
    assert (await event(response))["type"] == "ADDED"
    error = await event(response)
    assert (error["type"], error["object"]["code"]) == ("ERROR", 410)
    query = {"watch": "1", "resourceVersion": "1000"}
    status, found = await caller.call("GET", PATH, params=query)
    assert (status, found["reason"]) == (410, "Expired")


async def test_a_token_that_is_not_accepted_is_401(caller: Caller) -> None:
    headers = {"authorization": "Bearer another"}
    assert (await caller.call("GET", PATH, headers=headers))[0] == 401
    caller.server.api.script.tokens = {"another"}
    assert (await caller.call("GET", PATH, headers=headers))[0] == 200


async def test_rules_are_by_verb_kind_and_name(caller: Caller) -> None:
    script, objects = caller.server.api.script, caller.server.api.objects
    objects.create(MAPS, named("a"))
    objects.create(MAPS, named("b"))
    script.rules = [rule("get list", "configmaps", "a")]
    assert (await caller.call("GET", f"{PATH}/a"))[0] == 200
    assert (await caller.call("GET", f"{PATH}/b"))[0] == 403
    assert (await caller.call("DELETE", f"{PATH}/a"))[0] == 403
    assert (await caller.call("GET", PATH))[0] == 403
    selected = {"fieldSelector": "metadata.name=a"}
    assert (await caller.call("GET", PATH, params=selected))[0] == 200


async def test_a_kind_that_is_not_known_is_a_404_without_a_status(caller: Caller) -> None:
    caller.server.api.script.unknown_kinds = {"virtualservices"}
    path = f"/apis/networking.istio.io/v1/namespaces/{NAMESPACE}/virtualservices"
    assert await caller.call("GET", path) == (404, "404 page not found\n")


async def test_an_object_is_there_in_each_version(caller: Caller) -> None:
    """As a CustomResourceDefinition serves it: else a kind that comes while a client looks through
    its versions would be there without its objects."""
    caller.server.api.objects.create(SERVICES, named("b"))
    for version in ("v1", "v1beta1"):
        path = f"/apis/networking.istio.io/{version}/namespaces/{NAMESPACE}/virtualservices"
        status, found = await caller.call("GET", f"{path}/b")
        assert (status, found["apiVersion"]) == (200, f"networking.istio.io/{version}")
        _, listed = await caller.call("GET", path)
        assert listed["items"] == [found]


async def test_a_server_that_goes_away_fails_all(caller: Caller) -> None:
    caller.server.api.script.failing = 503
    assert (await caller.call("GET", PATH))[0] == 503


async def test_a_request_can_be_waited_for_before_it_is_served(caller: Caller) -> None:
    caller.server.api.script.lists_open.clear()
    listing = asyncio.create_task(caller.call("GET", PATH))
    await caller.server.api.requests.wait_for("list")
    assert not listing.done()
    caller.server.api.script.lists_open.set()
    assert (await listing)[0] == 200
