"""An autoscaler switched on in a running release, and the pod of `helm test`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.chart import schemas
from tests.chart.notes import notes
from tests.chart.rendering import API_VERSIONS, GATEWAY_CHART, render

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCALERS: Final = ("hpa", "keda")


def on(scaler: str, *sets: str) -> list[str]:
    return ["aws.region=eu-west-1", f"{scaler}.enabled=true", *sets]


def _of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (one for one in objects if one["kind"] == kind)
    return found


@pytest.mark.parametrize("scaler", SCALERS)
def test_replicas_are_kept_where_that_is_asked_for(scaler: str) -> None:
    """Kubernetes takes a number that goes away for 1."""
    for sets, replicas in ((on(scaler), None), (on(scaler, f"{scaler}.keepReplicas=true"), 2)):
        deployment = _of_kind(render(GATEWAY_CHART, sets=sets), "Deployment")
        assert deployment["spec"].get("replicas") == replicas


@pytest.mark.parametrize("scaler", SCALERS)
def test_the_notes_of_an_upgrade_warn_of_lost_replicas(scaler: str) -> None:
    words = f"{scaler}.keepReplicas: true for that one upgrade keeps them"
    assert words in notes(on(scaler), upgrade=True)
    assert words not in notes(on(scaler))
    assert words not in notes(on(scaler, f"{scaler}.keepReplicas=true"), upgrade=True)
    assert words not in notes([], upgrade=True)


def test_the_test_pod_is_placed_as_it_is_asked_for(tmp_path: Path) -> None:
    asked = {
        "resources": {"requests": {"cpu": "5m"}, "limits": {"memory": "64Mi"}},
        "nodeSelector": {"pool": "tests"},
        "tolerations": [{"key": "tests", "operator": "Exists"}],
        "labels": {"team": "shop"},
        "annotations": {"example.com/a": "b"},
    }
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps({"test": asked}))
    pod = _of_kind(render(GATEWAY_CHART, path), "Pod")
    assert schemas.problems(pod) == []
    spec = pod["spec"]
    assert spec["nodeSelector"] == asked["nodeSelector"]
    assert spec["tolerations"] == asked["tolerations"]
    limits = {"requests": {"cpu": "5m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
    assert spec["containers"][0]["resources"] == limits
    assert pod["metadata"]["labels"]["team"] == "shop"
    assert pod["metadata"]["annotations"]["example.com/a"] == "b"


def test_the_test_pod_is_placed_as_the_gateway_otherwise() -> None:
    placement = GATEWAY_CHART / "ci" / "placement-values.yaml"
    objects = render(GATEWAY_CHART, placement)
    pod = _of_kind(objects, "Pod")["spec"]
    gateway = _of_kind(objects, "Deployment")["spec"]["template"]["spec"]
    for key in ("nodeSelector", "tolerations", "priorityClassName", "imagePullSecrets"):
        assert pod[key] == gateway[key]


@pytest.mark.parametrize(
    ("injection", "label"), [("enabled", "true"), ("disabled", "false"), ("", None)]
)
def test_the_test_pod_is_in_the_mesh_where_the_gateway_is(
    injection: str, label: str | None
) -> None:
    """STRICT takes nothing from outside; and the policies let the own namespace and account in."""
    sets = [f"istio.injection={injection}", "networkPolicy.enabled=true"]
    sets += ["istio.authorizationPolicy.enabled=true"]
    objects = render(GATEWAY_CHART, sets=sets, versions=API_VERSIONS)
    pod = _of_kind(objects, "Pod")
    gateway = _of_kind(objects, "Deployment")["spec"]["template"]
    for part in (pod, gateway):
        assert part["metadata"]["labels"].get("sidecar.istio.io/inject") == label
    assert pod["spec"]["serviceAccountName"] == gateway["spec"]["serviceAccountName"]
    ingress = _of_kind(objects, "NetworkPolicy")["spec"]["ingress"][0]["from"]
    assert {"podSelector": {}} in ingress
    (rule,) = _of_kind(objects, "AuthorizationPolicy")["spec"]["rules"]
    assert pod["metadata"]["namespace"] in rule["from"][0]["source"]["namespaces"]


class _Ready(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        body = json.dumps({"status": self.status}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[200, 503])
def gateway(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    handler = type("Handler", (_Ready,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield request.param, f"http://127.0.0.1:{server.server_port}/readyz"
        server.shutdown()
        thread.join()


def test_the_test_pod_s_command_asks_readyz(gateway: tuple[int, str]) -> None:
    """Its end says whether the gateway is ready, and its output why not."""
    status, url = gateway
    (container,) = _of_kind(render(GATEWAY_CHART), "Pod")["spec"]["containers"]
    _, flag, script, _ = container["command"]
    quick = script.replace("time.sleep(2)", "time.sleep(0)")
    done = subprocess.run(
        [sys.executable, flag, quick, url], capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if status == 200 else 1), done.stderr
    assert json.loads(done.stdout) == {"status": status}
