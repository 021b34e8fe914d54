"""Routes that follow: what the pods may read, where, and that no other object comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from gateway.demo.kubernetes.script import rules_of
from tests.chart.rendering import GATEWAY_CHART, render

if TYPE_CHECKING:
    from pathlib import Path

AWS = {"region": "eu-west-1"}
VERSIONS = {"stable": "http://b-primary.shop/", "canary": "http://b-canary.shop/"}


def rendered(folder: Path, *follows: dict[str, Any], **values: Any) -> list[dict[str, Any]]:
    routes = [
        {"name": f"r{at}", "queue": f"q{at}", "versions": VERSIONS, "follow": follow}
        for at, follow in enumerate(follows)
    ]
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump({"routes": routes, "aws": AWS, **values}))
    return render(GATEWAY_CHART, file)


def roles(objects: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rules of the Roles for followed objects, by namespace."""
    found = [each for each in objects if each["kind"] == "Role"]
    return {
        each["metadata"]["namespace"]: each["rules"]
        for each in found
        if each["metadata"]["name"].endswith("-follow")
    }


def test_each_namespace_has_a_role_for_its_objects_by_name(tmp_path: Path) -> None:
    objects = rendered(
        tmp_path,
        {"virtualService": "shop/b"}, {"virtualService": "shop/a"}, {"virtualService": "shop/b"},
        {"httpRoute": "shop/b"}, {"httpRoute": "own"},
        rbac={"delegates": ["other/d"]},
        namespaceOverride="gw",
    )  # fmt: skip
    verbs = ["get", "list", "watch"]

    def services(*names: str) -> dict[str, Any]:
        return {
            "apiGroups": ["networking.istio.io"],
            "resources": ["virtualservices"],
            "resourceNames": list(names),
            "verbs": verbs,
        }

    def routes(*names: str) -> dict[str, Any]:
        return {
            "apiGroups": ["gateway.networking.k8s.io"],
            "resources": ["httproutes"],
            "resourceNames": list(names),
            "verbs": verbs,
        }

    assert roles(objects) == {
        "shop": [routes("b"), services("a", "b")],
        "other": [services("d")],
        "gw": [routes("own")],
    }
    for each in objects:
        if each["kind"] == "Role":
            rules_of(each)  # as an API server reads it
    bindings = [each for each in objects if each["kind"] == "RoleBinding"]
    followed = [each for each in bindings if each["metadata"]["name"].endswith("-follow")]
    assert {each["metadata"]["namespace"] for each in followed} == {"shop", "other", "gw"}
    assert {each["subjects"][0]["namespace"] for each in followed} == {"gw"}


def test_pods_get_a_token_also_where_the_state_is_in_memory(tmp_path: Path) -> None:
    def token(*follows: dict[str, Any]) -> bool:
        objects = rendered(tmp_path, *follows, state="memory")
        (pod,) = [
            each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"
        ]
        return bool(pod["automountServiceAccountToken"])

    assert token({"virtualService": "b"})
    file = tmp_path / "values.yaml"
    plain = {"name": "r", "queue": "q", "versions": VERSIONS}
    file.write_text(yaml.safe_dump({"routes": [plain], "aws": AWS, "state": "memory"}))
    objects = render(GATEWAY_CHART, file)
    assert roles(objects) == {}
    (pod,) = [each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment"]
    assert not pod["automountServiceAccountToken"]


def test_without_rbac_there_are_no_roles(tmp_path: Path) -> None:
    objects = rendered(tmp_path, {"virtualService": "shop/b"}, rbac={"create": False})
    assert roles(objects) == {}


def test_releases_of_one_name_do_not_share_a_role_in_a_third_namespace(tmp_path: Path) -> None:
    """Helm refuses an object that another release owns."""
    names = set()
    for own in ("one", "two"):
        objects = rendered(tmp_path, {"virtualService": "shop/b"}, namespaceOverride=own)
        found = [
            (each["kind"], each["metadata"]["namespace"], each["metadata"]["name"])
            for each in objects
            if each["metadata"]["name"].endswith("-follow")
        ]
        assert {namespace for _, namespace, _ in found} == {"shop"}
        names.update(found)
    assert len(names) == 4
