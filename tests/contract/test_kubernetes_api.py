"""The client and the watch against an API server over HTTPS."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
import trustme

from gateway.adapters.kubernetes import client as module
from gateway.adapters.kubernetes.access import in_cluster
from gateway.adapters.kubernetes.client import KubernetesClient
from gateway.adapters.kubernetes.errors import (
    KubernetesError,
    UnknownKindError,
    UnreachableError,
)
from gateway.adapters.kubernetes.kubeconfig import read_kubeconfig
from gateway.adapters.kubernetes.resource import Resource, config_maps
from gateway.adapters.kubernetes.watch import Watch
from gateway.demo.kubernetes.objects import Kind
from gateway.demo.kubernetes.script import rule
from tools.kube_api.running import HOST, NAMESPACE, Served, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MAPS = config_maps(NAMESPACE)
ONE = MAPS.named("state")
KIND = Kind("", "v1", "configmaps", NAMESPACE)


def content(**data: str) -> dict[str, Any]:
    return {"metadata": {"name": "state"}, "data": data}


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as running:
        yield running


@pytest_asyncio.fixture
async def client(server: Served) -> AsyncIterator[KubernetesClient]:
    async with KubernetesClient(in_cluster(server.environment, server.account)) as opened:
        yield opened


# ---- calls --------------------------------------------------------------------------------


async def test_an_object_is_created_read_and_listed(client: KubernetesClient) -> None:
    assert await client.get(ONE) is None
    made = await client.create(ONE, content(a="1"))
    assert made is not None
    assert await client.get(ONE) == made
    assert await client.list(ONE) == (made["metadata"]["resourceVersion"], [made])
    assert (await client.list(MAPS.named("other")))[1] == []
    assert await client.create(ONE, content()) is None


async def test_a_put_with_an_old_version_is_no_error_but_none(client: KubernetesClient) -> None:
    old = await client.create(ONE, content(a="1"))
    assert old is not None
    assert await client.put(ONE, {**old, "data": {"a": "2"}}) is not None
    assert await client.put(ONE, {**old, "data": {"a": "3"}}) is None
    assert (await client.get(ONE) or {})["data"] == {"a": "2"}
    assert await client.put(MAPS.named("absent"), content()) is None


async def test_a_merge_patch_changes_its_keys_alone(client: KubernetesClient) -> None:
    await client.create(ONE, content(a="1", b="1"))
    found = await client.merge_patch(ONE, {"data": {"a": None, "c": "3"}})
    assert (found or {})["data"] == {"b": "1", "c": "3"}
    assert await client.merge_patch(MAPS.named("absent"), {"data": {}}) is None


async def test_a_merge_patch_may_be_bound_to_a_version(client: KubernetesClient) -> None:
    old = await client.create(ONE, content(a="1"))
    assert old is not None
    await client.merge_patch(ONE, {"data": {"a": "2"}})
    version = {"resourceVersion": old["metadata"]["resourceVersion"]}
    assert await client.merge_patch(ONE, {"metadata": version, "data": {"a": "3"}}) is None


async def test_a_new_token_is_used_at_once(client: KubernetesClient, server: Served) -> None:
    await client.create(ONE, content())
    server.write_token("token-2")
    server.api.script.tokens = {"token-2"}
    assert await client.get(ONE) is not None


async def test_a_401_is_tried_once_more_with_the_token_read_anew(
    client: KubernetesClient, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet may have written the new token just after the first request."""
    await client.create(ONE, content())
    server.api.script.tokens = {"token-2"}
    server.api.script.requests_open.clear()
    getting = asyncio.create_task(client.get(ONE))
    await server.api.requests.wait_for("get")
    server.write_token("token-2")
    server.api.script.requests_open.set()
    assert await getting is not None
    assert server.api.requests.count("get") == 2


async def test_a_token_that_stays_refused_is_an_error_after_two_tries(
    client: KubernetesClient, server: Served
) -> None:
    server.api.script.tokens = set()
    with pytest.raises(KubernetesError, match="does not accept the token"):
        await client.get(ONE)
    assert server.api.requests.count("get") == 2


async def test_what_rbac_refuses_names_the_rule(client: KubernetesClient, server: Served) -> None:
    server.api.script.rules = [rule("list", "configmaps", "state")]
    assert (await client.list(ONE))[1] == []
    with pytest.raises(KubernetesError, match=r'resourceNames: \["state"\], verbs: \["get"\]'):
        await client.get(ONE)


async def test_a_missing_crd_is_named(client: KubernetesClient, server: Served) -> None:
    server.api.script.unknown_kinds = {"virtualservices"}
    services = Resource("networking.istio.io", "v1", "virtualservices", NAMESPACE)
    for call in (client.list(services), client.get(services.named("b"))):
        with pytest.raises(UnknownKindError, match=r"CustomResourceDefinition virtualservices\."):
            await call


async def test_a_server_that_is_not_there_is_unreachable(server: Served) -> None:
    environment = {**server.environment, "KUBERNETES_SERVICE_PORT": "1"}
    async with KubernetesClient(in_cluster(environment, server.account)) as client:
        with pytest.raises(UnreachableError, match="get configmaps shop/state: cannot connect to"):
            await client.get(ONE)


async def test_a_server_of_another_authority_is_refused_until_its_file_is_replaced(
    server: Served,
) -> None:
    """`ca.crt` is read anew too: a rotated authority needs no restart."""
    good = (server.account / "ca.crt").read_text()
    (server.account / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
    async with KubernetesClient(in_cluster(server.environment, server.account)) as client:
        with pytest.raises(UnreachableError, match="certificate"):
            await client.get(ONE)
        (server.account / "ca.crt").write_text(good)
        assert await client.get(ONE) is None


async def test_a_call_that_gets_no_response_ends(server: Served) -> None:
    server.api.script.requests_open.clear()
    access = in_cluster(server.environment, server.account)
    async with KubernetesClient(access, call_seconds=0.2) as client:
        with pytest.raises(UnreachableError, match="no response in time"):
            await client.get(ONE)


@pytest.mark.parametrize("body", ["no JSON", "[]", "{}", '{"metadata": 5}', "[" * 9_999])
async def test_a_response_that_is_no_object_is_an_error(
    client: KubernetesClient, server: Served, body: str
) -> None:
    server.api.script.body = body
    with pytest.raises(KubernetesError, match=r"the response is no (list|JSON object)"):
        await client.list(ONE)


@pytest.mark.parametrize(
    "body", ["no JSON", "[]", "{}", '{"metadata": 5}', '{"metadata": {"resourceVersion": 5}}']
)
async def test_what_is_no_object_of_the_api_is_an_error_of_every_call(
    client: KubernetesClient, server: Served, body: str
) -> None:
    """A proxy may respond 200 with a page of its own."""
    server.api.script.body = body
    for call in (client.get(ONE), client.merge_patch(ONE, {}), client.put(ONE, {})):
        with pytest.raises(KubernetesError, match=r"the response is no (JSON object|object of)"):
            await call


async def test_a_response_without_end_is_not_read_to_its_end(
    client: KubernetesClient, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LINE", 1_000)
    monkeypatch.setattr(module, "MAX_BODY", 3_000)
    server.api.script.body = json.dumps({"x": "y" * 2_000})
    for call in (client.get(ONE), client.list(ONE)):
        with pytest.raises(KubernetesError, match="more than 1,000 bytes"):
            await call
    server.api.script.body = json.dumps({"x": "y" * 4_000})
    with pytest.raises(KubernetesError, match="more than 3,000 bytes"):
        await client.list(replace(ONE, name=None))


async def test_a_redirect_is_not_followed(client: KubernetesClient, server: Served) -> None:
    """It would take the token elsewhere."""
    server.api.script.failing = 307
    with pytest.raises(KubernetesError):
        await client.get(ONE)
    assert len(server.api.requests) == 1


async def test_a_kubeconfig_reaches_the_server(server: Served, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        json.dumps(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [
                    {
                        "name": "c",
                        "cluster": {
                            "server": f"https://{HOST}:{server.port}",
                            "certificate-authority": "ca.crt",
                            "tls-server-name": "localhost",
                        },
                    }
                ],
                "users": [{"name": "u", "user": {"tokenFile": "token"}}],
            }
        )
    )
    async with KubernetesClient(read_kubeconfig(str(tmp_path / "config"))) as client:
        assert await client.get(ONE) is None
        assert client.namespace == "default"


async def test_an_api_server_that_returns_with_another_address_is_found_at_once(
    server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = ["127.0.0.9", HOST]

    async def resolved(_: str, port: int, **__: object) -> list[tuple[object, ...]]:
        kind = socket.AF_INET, socket.SOCK_STREAM, 6, ""
        return [(*kind, (addresses.pop(0), port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    access = in_cluster(server.environment, server.account)
    access.server, access.host = f"https://api.test:{server.port}", "localhost"
    async with KubernetesClient(access) as client:
        with pytest.raises(UnreachableError):
            await client.list(ONE)
        assert (await client.list(ONE))[1] == []


# ---- watches ------------------------------------------------------------------------------


class Followed:
    """What a watch has seen; a test waits for a change."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.errors: list[str] = []
        self._moved = asyncio.Event()

    def changed(self, name: str, found: Any) -> None:
        self.objects[name] = found

    def synced(self) -> None:
        self._moved.set()

    def reached(self) -> None:
        self._moved.set()

    def failed(self, error: KubernetesError) -> None:
        self.errors.append(str(error))
        self._moved.set()

    async def until(self, data: dict[str, str] | None) -> None:
        while self.seen() != data:
            self._moved.clear()
            await self._moved.wait()

    async def until_failed(self) -> None:
        while not self.errors:
            self._moved.clear()
            await self._moved.wait()

    def seen(self) -> dict[str, str] | None:
        found = self.objects.get("state")
        return None if found is None else found.get("data")


@asynccontextmanager
async def followed(client: KubernetesClient, **options: Any) -> AsyncIterator[Followed]:
    heard = Followed()
    watch = Watch(client, ONE, heard, **options)
    task = asyncio.create_task(watch.run())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])


def write(server: Served, value: str) -> None:
    server.api.objects.merge_patch(KIND, "state", {"data": {"a": value}})


async def test_changes_come_through_the_watch(client: KubernetesClient, server: Served) -> None:
    async with followed(client) as seen:
        await server.api.requests.wait_for("watch")
        server.api.objects.create(KIND, content(a="1"))
        server.api.objects.create(KIND, {"metadata": {"name": "another"}})
        await seen.until({"a": "1"})
        write(server, "2")
        await seen.until({"a": "2"})
        server.api.objects.delete(KIND, "state")
        await seen.until(None)
        assert (seen.errors, list(seen.objects)) == ([], ["state"])
        assert server.api.requests.count("list") == 1


@pytest.mark.parametrize("cleanly", [True, False])
async def test_a_cut_watch_goes_on_from_where_it_was(
    client: KubernetesClient, server: Served, *, cleanly: bool
) -> None:
    server.api.objects.create(KIND, content(a="1"))
    async with followed(client) as seen:
        await server.api.requests.wait_for("watch")
        write(server, "2")
        await seen.until({"a": "2"})
        version = str(server.api.objects.version)
        server.api.cut_watches(cleanly=cleanly)
        again = await server.api.requests.wait_for("watch", 2)
        write(server, "3")
        await seen.until({"a": "3"})
        assert again.resource_version == version
        assert server.api.requests.count("list") == (1 if cleanly else 2)


async def test_410_leads_to_a_new_list(client: KubernetesClient, server: Served) -> None:
    server.api.objects.create(KIND, content(a="1"))
    async with followed(client) as seen:
        await server.api.requests.wait_for("watch")
        server.api.go_silent()
        write(server, "2")
        server.api.expire_watches()
        server.api.script.silent = False
        await seen.until({"a": "2"})
        assert server.api.requests.count("list") == 2
        assert seen.errors == []


async def test_a_watch_survives_a_change_of_tokens(
    client: KubernetesClient, server: Served
) -> None:
    server.api.objects.create(KIND, content(a="1"))
    async with followed(client) as seen:
        await server.api.requests.wait_for("watch")
        server.api.script.tokens = {"token-2"}
        server.write_token("token-2")
        server.api.cut_watches(cleanly=False)
        await server.api.requests.wait_for("watch", 2)
        write(server, "2")
        await seen.until({"a": "2"})


async def test_a_silent_watch_is_given_up(client: KubernetesClient, server: Served) -> None:
    """A half-open connection: nothing comes, not even an end."""
    server.api.objects.create(KIND, content(a="1"))
    options: dict[str, Any] = {"watch_seconds": (1, 1), "grace_seconds": 0.1}
    async with followed(client, **options) as seen:
        await server.api.requests.wait_for("watch")
        server.api.go_silent()
        write(server, "2")
        await seen.until_failed()
        server.api.script.silent = False
        await seen.until({"a": "2"})
        assert "is silent and is given up" in seen.errors[0]


async def test_a_large_object_comes_whole(client: KubernetesClient, server: Served) -> None:
    """Lines of more than aiohttp's own reader takes."""
    server.api.objects.create(KIND, content(a="1"))
    async with followed(client) as seen:
        await server.api.requests.wait_for("watch")
        write(server, "x" * 1_000_000)
        await seen.until({"a": "x" * 1_000_000})
        assert seen.errors == []


@pytest.mark.parametrize(
    "line", [b"no JSON\n", b"[]\n", b'{"type": "ADDED"}\n', b"[" * 9_999 + b"\n"]
)
async def test_nonsense_in_a_watch_leads_to_a_new_list(
    client: KubernetesClient, server: Served, line: bytes
) -> None:
    server.api.objects.create(KIND, content(a="1"))
    async with followed(client) as seen:
        await server.api.requests.wait_for("watch")
        server.api.send(line)
        await server.api.requests.wait_for("list", 2)
        assert "an event is no JSON object" in seen.errors[0]


async def test_a_server_that_goes_away_and_comes_back_is_followed_again(
    client: KubernetesClient, server: Served
) -> None:
    server.api.objects.create(KIND, content(a="1"))
    async with followed(client) as seen:
        await server.api.requests.wait_for("watch")
        server.api.script.failing = 503
        server.api.cut_watches(cleanly=False)
        await seen.until_failed()
        write(server, "2")
        server.api.script.failing = 0
        await seen.until({"a": "2"})


async def test_a_slow_list_is_waited_for(client: KubernetesClient, server: Served) -> None:
    server.api.objects.create(KIND, content(a="1"))
    server.api.script.lists_open.clear()
    async with followed(client) as seen:
        await server.api.requests.wait_for("list")
        server.api.script.lists_open.set()
        await seen.until({"a": "1"})
