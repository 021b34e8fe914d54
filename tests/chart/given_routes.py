"""The routes that stand in a file of values, as a routing file of their own.

Read and written as a tree: `on:` stays `on`, and `0123` stays what was written.
"""

from __future__ import annotations

import atexit
import shutil
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

import trustme
import yaml

from gateway.config import loader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.core.routing.route import Route

TLS_FOLDER: Final = "/etc/tls"
"""Where value sets mount certificates for `tls:` of a version."""


def load(text: str) -> tuple[Route, ...]:
    """Return the routes by the gateway's own loader, with certificates where the pod has them."""
    return loader.load(text.replace(TLS_FOLDER, _certificates()).encode(), "routes.yaml").routes


def routing_file(files: Iterable[Path]) -> str:
    """Return the routing file that these values mean; the first file that has routes says it.

    Helm loses the order of keys. So the chart has its own, which this follows: all by name, but
    the stable version before the others.
    """
    for file in files:
        routes = _find(yaml.compose(file.read_text()), "routes", "gateway.routes")
        if routes and routes.value:
            for route in routes.value:
                _order_keys(route)
                _order_versions(route)
            key = yaml.ScalarNode("tag:yaml.org,2002:str", "routes")
            return str(yaml.serialize(yaml.MappingNode(routes.tag, [(key, routes)])))
    raise AssertionError("none of the files has routes")


def _find(node: yaml.Node | None, *places: str) -> yaml.Node | None:
    for place in places:
        found = node
        for step in place.split("."):
            found = _child(found, step)
        if found is not None:
            return found
    return None


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _order_keys(node: yaml.Node) -> None:
    if isinstance(node, yaml.MappingNode):
        node.value.sort(key=lambda pair: pair[0].value)
    for child in node.value if isinstance(node, yaml.CollectionNode) else ():
        _order_keys(child[1] if isinstance(child, tuple) else child)


def _order_versions(route: yaml.Node) -> None:
    versions, named = _child(route, "versions"), _child(route, "stable")
    stable = named.value if named else "stable"
    if versions is not None:
        versions.value.sort(key=lambda pair: (pair[0].value != stable, pair[0].value))


@cache
def _certificates() -> str:
    folder = Path(mkdtemp(prefix="tls."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    authority = trustme.CA()
    until = datetime.now(UTC) + timedelta(days=1)
    certificate = authority.issue_cert("gateway", not_after=until.replace(tzinfo=None))
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    certificate.private_key_pem.write_to_path(str(folder / "tls.key"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "tls.crt"))
    return str(folder)
