"""Which names of hosts, gateways, headers and labels Istio's validation takes.

Sources: https://github.com/istio/istio/blob/master/pkg/config/validation/agent/validation.go,
https://github.com/istio/istio/blob/master/pkg/config/validation/validation.go and
https://github.com/istio/istio/blob/master/pkg/config/labels/instance.go
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.names import DNS_LABEL, MESH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.core.routing.mesh.reader import Reader

_MOST_OF_DOMAIN: Final = 255
_MOST_OF_LABEL: Final = 63
_MOST_OF_LABEL_PREFIX: Final = 253
_PSEUDO: Final = (":method", ":scheme", ":authority", ":path", ":status")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~A-Za-z0-9]+\Z")
_WILDCARD: Final = re.compile(r"\*\Z|\*-?(?=[a-zA-Z0-9])")
_QUALIFIED: Final = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")


def is_token(name: str) -> bool:
    """Whether a text may be the name of a header."""
    return _TOKEN.match(name) is not None


def is_matched_header(name: str) -> bool:
    """Whether a match may ask for a header of this name: also for a pseudo-header."""
    return name in _PSEUDO or is_token(name)


def is_domain(text: str) -> bool:
    """Whether a text is a host of a mesh, which may begin with a wildcard; an address is none."""
    first, dot, rest = text.partition(".")
    if not text or len(text) > _MOST_OF_DOMAIN or len(first) > _MOST_OF_LABEL:
        return False
    wildcard = _WILDCARD.match(first)
    alone = first == "*" or DNS_LABEL.match(first[wildcard.end() :] if wildcard else first)
    return bool(alone) and (not dot or _are_labels(rest))


def is_name(text: str) -> bool:
    """Whether a text is the full name of a host, without a wildcard."""
    return 0 < len(text) <= _MOST_OF_DOMAIN and _are_labels(text)


def _are_labels(text: str) -> bool:
    labels = text.split(".")
    if re.fullmatch(r"[-+]?[0-9]+", labels[-1]):
        return False
    return all(map(DNS_LABEL.match, labels[:-1] if not labels[-1] else labels))


def check_hosts(reader: Reader, hosts: tuple[str, ...], *, mesh: bool) -> None:
    """Check the hosts of an object as they are written."""
    tails = {each[1:] for each in hosts if each.startswith("*")}
    seen: set[str] = set()
    for at, host in enumerate(hosts):
        place = f"spec.hosts[{at}]"
        if not is_domain(host) and not _is_address(host):
            reader.invalid(place, f"{host!r} is no host name: write NAME or NAME.DOMAIN")
        elif host == "*" and mesh:
            reader.invalid(place, "`*` is not allowed for the gateway `mesh`: name the hosts")
        elif host in seen or not tails.isdisjoint(_tails(host)):
            reader.invalid(place, f"{host} is covered by another host: leave it out")
        seen.add(host)


def _tails(host: str) -> Iterator[str]:
    """Return what another host with a wildcard may end in, if it covers this one."""
    first = 2 if host.startswith("*") else 0
    return (host[at:] for at in range(first, len(host) + 1))


def check_gateways(reader: Reader, gateways: tuple[str, ...], place: str) -> None:
    """Check names of gateways; `./NAME` is one of the object's namespace."""
    for at, gateway in enumerate(gateways):
        of, slash, name = gateway.partition("/")
        fine = is_name(gateway) if not slash else DNS_LABEL.match(name)
        if gateway != MESH and (not fine or (slash and of != "." and not DNS_LABEL.match(of))):
            reader.invalid(f"{place}[{at}]", f"{gateway!r} is no gateway: write NAMESPACE/NAME")


def check_export_to(reader: Reader, export_to: tuple[str, ...], namespace: str) -> None:
    """Check the namespaces that an object is exported to."""
    seen: set[str] = set()
    for at, each in enumerate(export_to):
        meant = namespace if each == "." else each
        if meant in seen:
            reader.invalid(f"spec.exportTo[{at}]", f"{each} is there twice: leave one out")
        elif meant != "*" and not DNS_LABEL.match(meant):
            reader.invalid(f"spec.exportTo[{at}]", f"{each!r} is no namespace: write one, . or *")
        seen.add(meant)


def check_labels(reader: Reader, labels: dict[str, Any], place: str) -> None:
    """Check the labels that a match asks for."""
    for name, value in labels.items():
        prefix, slash, alone = name.rpartition("/")
        fine = _QUALIFIED.match(alone) and len(alone) <= _MOST_OF_LABEL
        if slash and (len(prefix) > _MOST_OF_LABEL_PREFIX or not _is_prefix(prefix)):
            fine = None
        if not fine or not isinstance(value, str) or (value and not _QUALIFIED.match(value)):
            reader.invalid(f"{place}.{name}", "is no label of Kubernetes: correct name or value")


def _is_prefix(text: str) -> bool:
    return all(map(DNS_LABEL.match, text.split(".")))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
