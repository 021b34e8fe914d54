"""`gateway explain` with objects of a mesh: what a route that follows would decide, offline."""

from __future__ import annotations

import json
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING

import pytest

from gateway.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

ROUTES = """
routes:
- name: orders
  queue: orders
  follow: {follow}
  versions:
    stable: http://b-primary.shop:8080/events
    canary: http://b-canary.shop:8080/events
"""
MESSAGE = {
    "MessageId": "00000000-0000-4000-8000-000000000000",
    "ReceiptHandle": "r",
    "Body": "{}",
    "Attributes": {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": "1",
        "ApproximateFirstReceiveTimestamp": "1",
    },
}
SERVICE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: shop, creationTimestamp: 2026-11-{day:02}T00:00:00Z}}
spec:
  hosts: [b]
  http: [{{route: [{{destination: {{host: {to}}}}}]}}]
"""
ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{group: "", kind: Service, name: b}}]
  rules: [{{matches: [{{path: {{value: {path}}}}}], backendRefs: [{{name: {to}, port: 8080}}]}}]
"""


class Explained:
    """A folder with a routing file and a message; `run` explains it with objects."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys
        (folder / "messages.jsonl").write_text(json.dumps(MESSAGE))
        self.err = ""

    def run(self, follow: str, *flags: str, objects: str = "") -> tuple[int, str | None]:
        """Return the exit status and the version of the decision."""
        (self._folder / "routes.yaml").write_text(ROUTES.format(follow=follow))
        (self._folder / "objects.yaml").write_text(objects)
        messages = ["--messages", str(self._folder / "messages.jsonl")]
        files = [each.format(objects=self._folder / "objects.yaml") for each in flags]
        status = main(["explain", str(self._folder / "routes.yaml"), *messages, *files])
        out, self.err = self._capsys.readouterr()
        return status, json.loads(out)["version"] if out else None


@pytest.fixture
def explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Explained:
    return Explained(tmp_path, capsys)


SERVICES = "--virtualservice={objects}"
HTTP_ROUTES = "--httproute={objects}"


def test_the_object_in_the_file_decides_among_others(explained: Explained) -> None:
    objects = "kind: Service\nmetadata: {name: b}\n---\n" + SERVICE.format(
        name="b", day=1, to="b-canary"
    )
    assert explained.run("{virtualService: b}", SERVICES, objects=objects) == (0, "canary")
    assert explained.run("{virtualService: shop/b}", SERVICES, objects=objects) == (0, "canary")
    assert explained.err == ""


def test_a_list_of_kubectl_is_read_too(explained: Explained) -> None:
    items = SERVICE.format(name="b", day=1, to="b-canary").replace("\n", "\n    ")
    objects = f"kind: List\nitems:\n  -{items[4:]}"
    assert explained.run("{virtualService: b}", SERVICES, objects=objects) == (0, "canary")


def test_the_oldest_of_several_wins_as_in_the_mesh_and_it_is_said(explained: Explained) -> None:
    objects = "---".join(
        SERVICE.format(name=name, day=day, to=to)
        for name, day, to in (("b", 2, "b-canary"), ("a", 1, "b-primary"))
    )
    assert explained.run("{virtualService: b}", SERVICES, objects=objects) == (0, "stable")
    assert "the mesh obeys VirtualService shop/a, not VirtualService shop/b" in explained.err
    assert explained.run("{virtualService: a}", SERVICES, objects=objects) == (0, "stable")
    assert explained.err == ""


def test_http_routes_of_one_service_are_one_list(explained: Explained) -> None:
    objects = "---".join(
        ROUTE.format(name=name, path=path, to=to)
        for name, path, to in (("b", "/", "b-primary"), ("c", "/events", "b-canary"))
    )
    found = explained.run("{httpRoute: shop/b}", HTTP_ROUTES, objects=objects)
    assert found == (0, "canary"), explained.err


def test_what_powershell_writes_and_what_kubectl_pipes_is_read(
    explained: Explained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows PowerShell redirects in UTF-16."""
    service = SERVICE.format(name="b", day=1, to="b-canary")
    (tmp_path / "wide.yaml").write_bytes(service.replace("\n", "\r\n").encode("utf-16"))
    flag = f"--virtualservice={tmp_path / 'wide.yaml'}"
    assert explained.run("{virtualService: b}", flag) == (0, "canary")
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(service.encode())))
    assert explained.run("{virtualService: b}", "--virtualservice=-") == (0, "canary")
    assert explained.run("{virtualService: b}", *["--virtualservice=-"] * 2) == (2, None)
    assert "stdin is given twice" in explained.err


def test_a_delegate_is_found_in_the_file(explained: Explained) -> None:
    root = SERVICE.format(name="b", day=1, to="x").replace(
        "{route: [{destination: {host: x}}]}", "{delegate: {name: d}}"
    )
    leaf = SERVICE.format(name="d", day=1, to="b-canary").replace("  hosts: [b]\n", "")
    assert explained.run("{virtualService: b}", SERVICES, objects=f"{root}---{leaf}") == (
        0,
        "canary",
    )


def test_without_a_file_there_is_no_object(explained: Explained) -> None:
    assert explained.run("{virtualService: b}") == (0, "stable")
    assert "note: route orders follows VirtualService b: without --virtualservice" in explained.err
    assert "taken as absent, so stable gets what no rule takes" in explained.err


@pytest.mark.parametrize(
    ("follow", "flag", "objects", "words"),
    [
        ("{httpRoute: b}", SERVICES, "", "route orders follows HTTPRoute b (give --httproute)"),
        ("{virtualService: c}", SERVICES, SERVICE.format(name="b", day=1, to="b-canary"),
         "there is no VirtualService default/c (there are: shop/b)"),
        ("{virtualService: b}", SERVICES, "{kind: HTTPRoute, metadata: {name: b}}",
         "there is no VirtualService default/b (nothing in it is of the kind VirtualService)"),
        ("{virtualService: b}", SERVICES, SERVICE.format(name="b", day=1, to="x"),
         "no destination is a version"),
        ("{virtualService: b}", SERVICES, SERVICE.format(name="b", day=1, to="[]"),
         "host: must be a string"),
        ("{virtualService: b}", SERVICES, "a: [", "is no YAML"),
        ("{virtualService: b}", "--virtualservice=nowhere.yaml", "", "nowhere.yaml cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_a_problem(
    explained: Explained, follow: str, flag: str, objects: str, words: str
) -> None:
    assert explained.run(follow, flag, objects=objects) == (2, None)
    assert words in explained.err


def test_what_people_have_to_know_is_said(explained: Explained) -> None:
    objects = SERVICE.format(name="b", day=1, to="c}, weight: 1}, {destination: {host: b-canary")
    objects = objects.replace("{route:", "{timeout: 5s, route:")
    explained.run("{virtualService: b}", SERVICES, objects=objects)
    assert "note: c.shop.svc.cluster.local is no version of the route" in explained.err
    assert "note: timeout is not obeyed" in explained.err
    explained.run("{virtualService: b, host: x}", SERVICES, objects=objects)
    why = "x is none of its hosts (b.shop.svc.cluster.local)"
    assert f"not for these producers: {why}; stable gets all" in explained.err


@pytest.mark.parametrize("odd", ["1: 2", "null: 2", "true: x", "2.5: x"])
def test_a_key_that_is_no_text_is_made_text_as_kubectl_does(explained: Explained, odd: str) -> None:
    objects = SERVICE.format(name="b", day=1, to="b-canary").replace("{route:", f"{{{odd}, route:")
    assert explained.run("{virtualService: b}", SERVICES, objects=objects) == (0, "canary")
    assert "is not known" in explained.err


@pytest.mark.parametrize("odd", ["!!binary aGk=", "!!set {a}", ".nan", "&a [*a]"])
def test_what_json_has_not_is_never_a_traceback(explained: Explained, odd: str) -> None:
    objects = SERVICE.format(name="b", day=1, to="b-canary").replace(
        "{route:", f"{{x: {odd}, route:"
    )
    status, _ = explained.run("{virtualService: b}", SERVICES, objects=objects)
    assert status in (0, 2)
