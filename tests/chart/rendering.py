"""A chart as the real helm renders it, without a cluster: its objects, or why it was refused."""

from __future__ import annotations

import atexit
import hashlib
import os
import pickle
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.chart import documents, tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
CHARTS: Final = ROOT / "charts"
GATEWAY_CHART: Final = CHARTS / "sqs-version-gateway"
KUBE_VERSION: Final = "1.32.0"
API_VERSIONS: Final = (
    "argoproj.io/v1alpha1",
    "argoproj.io/v1alpha1/AnalysisTemplate",
    "flagger.app/v1beta1",
    "flagger.app/v1beta1/MetricTemplate",
    "keda.sh/v1alpha1",
    "keda.sh/v1alpha1/ScaledObject",
    "keda.sh/v1alpha1/TriggerAuthentication",
    "monitoring.coreos.com/v1",
    "monitoring.coreos.com/v1/PodMonitor",
    "monitoring.coreos.com/v1/PrometheusRule",
    "monitoring.coreos.com/v1/ServiceMonitor",
    "networking.istio.io/v1",
    "networking.istio.io/v1/DestinationRule",
    "networking.istio.io/v1/ServiceEntry",
    "networking.istio.io/v1/VirtualService",
    "security.istio.io/v1",
    "security.istio.io/v1/AuthorizationPolicy",
)
"""What `.Capabilities.APIVersions` has beside Kubernetes: the controllers and operators."""

Object = dict[str, Any]
"""One Kubernetes object, as YAML gives it."""


class RefusedError(Exception):
    """Helm refused the values; the message is what it printed."""


def render(
    chart: Path,
    *values: Path,
    sets: Sequence[str] = (),
    release: str = "demo",
    namespace: str = "shop",
    versions: Sequence[str] = API_VERSIONS,
    files: Sequence[str] = (),
    upgrade: bool = False,
    helm: Callable[[], Path] = tools.helm,
) -> list[Object]:
    """Return the objects that `helm template` makes of the chart, in its order.

    `values` are files, later ones win; `sets` are `--set` arguments such as `replicas=3`;
    `files` are `--set-file` arguments; `versions` are what the cluster has beside Kubernetes;
    `upgrade` renders as for a release that is there already.
    Raises RefusedError where helm ends with an error. The same files and arguments are rendered
    once: their objects come from memory then, new ones for each caller.
    """
    command = (
        *("template", release, str(ready(chart)), "--namespace", namespace),
        *("--kube-version", KUBE_VERSION),
        *(word for version in versions for word in ("--api-versions", version)),
        *_arguments(values, sets),
        *(word for one in files for word in ("--set-file", one)),
        *(("--is-upgrade",) if upgrade else ()),
    )
    given = [*_files_in(ready(chart)), *values, *(Path(one.partition("=")[2]) for one in files)]
    objects: list[Object] = pickle.loads(_rendered(str(helm()), command, _digest(given)))
    return objects


@cache
def _rendered(helm: str, command: tuple[str, ...], digest: str) -> bytes:
    """Return the objects, pickled; `digest` is that of all files that the command reads."""
    return pickle.dumps([one for one in documents.load_all(_run(helm, *command)) if one])


def _digest(paths: Iterable[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        found.update(f"{path} {len(content)}\n".encode() + content)
    return found.hexdigest()


def _files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def refusal(chart: Path, *values: Path, sets: Sequence[str] = (), **more: Any) -> str:
    """Return the words with which helm refuses these values; fails if it takes them."""
    try:
        objects = render(chart, *values, sets=sets, **more)
    except RefusedError as error:
        return str(error)
    raise AssertionError(f"not refused: {len(objects)} objects were rendered")


def lint(chart: Path, *values: Path, sets: Sequence[str] = ()) -> str:
    """Return what `helm lint --strict` prints; raises RefusedError on any warning or error."""
    version = ("--kube-version", KUBE_VERSION)
    arguments = ("--strict", str(ready(chart)), *version, *_arguments(values, sets))
    return _run(str(tools.helm()), "lint", *arguments)


@cache
def ready(chart: Path) -> Path:
    """Return a chart whose dependencies are in place: itself, or a copy where it has some.

    Its neighbours are copied too, since a dependency such as file://../sqs-version-gateway is one.
    """
    if not documents.load((chart / "Chart.yaml").read_text()).get("dependencies"):
        return chart
    folder = Path(tempfile.mkdtemp(prefix="charts."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(chart.parent, folder, dirs_exist_ok=True)
    _run(str(tools.helm()), "dependency", "update", "--skip-refresh", str(folder / chart.name))
    return folder / chart.name


def value_sets(chart: Path) -> list[Path]:
    """Return the files ci/*.yaml of a chart: each a set of values that users have."""
    return sorted((chart / "ci").glob("*.yaml"))


def _arguments(values: Sequence[Path], sets: Sequence[str]) -> list[str]:
    files = [word for path in values for word in ("--values", str(path))]
    return [*files, *(word for one in sets for word in ("--set", one))]


def _run(*command: str) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | tools.SHORT_LIVED
    )
    if done.returncode:
        raise RefusedError(f"{done.stdout}{done.stderr}".strip())
    return done.stdout
