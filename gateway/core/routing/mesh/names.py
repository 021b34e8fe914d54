"""Names of hosts and gateways in a mesh, and what each of them resolves to.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#VirtualService-hosts
"""

from __future__ import annotations

import re
from typing import Final

MESH: Final = "mesh"
"""The reserved name of the gateway that stands for all sidecars."""

DNS_LABEL: Final = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\Z")
"""Istio takes capitals too."""
_ADDRESS: Final = re.compile(r"[0-9.]+\Z|.*:")


def host_in_object(host: str, namespace: str, domain: str) -> str:
    """Return the host that an object means: a short name is a Service of the object's namespace.

    A name with a dot is taken as it is: `b.shop` is never `b.shop.svc.cluster.local`.
    """
    short = "." not in host and host != "*" and not _ADDRESS.match(host)
    return f"{host}.{namespace}.svc.{domain}".lower() if short else host.lower()


def host_of_client(host: str, namespace: str, domain: str) -> str:
    """Return the host that a client in a namespace reaches by a name.

    `b`, `b.shop` and `b.shop.svc` are found by the search domains of a pod. A trailing dot makes
    a name absolute.
    Source: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
    """
    folded = host.lower()
    labels = folded.split(".")
    if folded.endswith(".") or _ADDRESS.match(folded):
        return folded.removesuffix(".")
    if len(labels) == 1:
        return f"{folded}.{namespace}.svc.{domain}"
    if len(labels) == 2:  # noqa: PLR2004 - NAME.NAMESPACE
        return f"{folded}.svc.{domain}"
    return f"{folded}.{domain}" if len(labels) == 3 and labels[2] == "svc" else folded  # noqa: PLR2004


def names_of_client(host: str, namespace: str, domain: str) -> frozenset[str]:
    """Return the hosts of an object that a client's name may stand for."""
    return frozenset({host_of_client(host, namespace, domain), host.lower().removesuffix(".")})


def covers(pattern: str, host: str) -> bool:
    """Whether a host of an object, which may be `*` or begin with `*.`, is this host or has it."""
    if pattern.startswith("*"):
        return host.endswith(pattern[1:])
    return pattern == host


def gateway_name(name: str, namespace: str) -> str:
    """Return `NAMESPACE/NAME` of a gateway; `mesh` is itself.

    A short name is one of the object's namespace, as `./NAME` is. `NAME.NAMESPACE` is the old way
    to write it.
    """
    if name == MESH:
        return name
    if "/" in name:
        of, _, alone = name.partition("/")
        return f"{namespace if of == '.' else of}/{alone}"
    alone, dot, rest = name.partition(".")
    return f"{rest.partition('.')[0] if dot else namespace}/{alone}"
