"""Reads the matches of a VirtualService's routes.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.istio_names import check_gateways, check_labels, is_matched_header
from gateway.core.routing.mesh.names import DNS_LABEL, gateway_name
from gateway.core.routing.mesh.reader import MOST_PORT, Unsupported
from gateway.core.routing.mesh.string_match import Conditions
from gateway.core.routing.mesh.values import Match

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader
    from gateway.core.routing.mesh.values import Named

_CLAIMS: Final = "@request.auth.claims"
_KNOWN: Final = frozenset(
    {
        "name", "uri", "scheme", "method", "authority", "headers", "port", "sourceLabels",
        "gateways", "queryParams", "ignoreUriCase", "withoutHeaders", "sourceNamespace",
        "statPrefix",
    }
)  # fmt: skip


class MatchReader:
    """Reads the matches of one object; `mesh`: of one that sidecars obey."""

    def __init__(self, reader: Reader, namespace: str, *, mesh: bool) -> None:
        self._reader = reader
        self._namespace = namespace
        self._mesh = mesh
        self._conditions = Conditions(reader)

    def matches(self, raw: Any, place: str) -> tuple[Match, ...]:
        """Return the matches of one route; raises Unsupported."""
        items = self._reader.items(raw, place)
        return tuple(self._match(each, f"{place}[{at}]") for at, each in enumerate(items))

    def _match(self, raw: Any, place: str) -> Match:
        reader, given = self._reader, self._reader.mapping(raw, place)
        unknown = {key for key, value in given.items() if value is not None} - _KNOWN
        if unknown:
            raise Unsupported(f"{place} has {', '.join(sorted(unknown))}")
        string = self._conditions.string_match
        labels = reader.mapping(given.get("sourceLabels"), f"{place}.sourceLabels")
        check_labels(reader, labels, f"{place}.sourceLabels")
        namespace = reader.text(given.get("sourceNamespace"), f"{place}.sourceNamespace")
        if namespace and not DNS_LABEL.match(namespace):
            reader.invalid(f"{place}.sourceNamespace", "is no DNS label: name a namespace")
        return Match(
            uri=string(given.get("uri"), f"{place}.uri", empty_prefix=True),
            ignore_uri_case=reader.flag(given.get("ignoreUriCase"), f"{place}.ignoreUriCase"),
            method=string(given.get("method"), f"{place}.method"),
            authority=string(given.get("authority"), f"{place}.authority"),
            scheme=string(given.get("scheme"), f"{place}.scheme"),
            headers=self._headers(given.get("headers"), f"{place}.headers", null_is_presence=False),
            without_headers=self._headers(given.get("withoutHeaders"), f"{place}.withoutHeaders"),
            query=self._named(given.get("queryParams"), f"{place}.queryParams"),
            port=self._port(given.get("port"), f"{place}.port"),
            gateways=self._gateways(given.get("gateways"), f"{place}.gateways"),
            source_labels=tuple(
                (name, reader.text(value, place)) for name, value in labels.items()
            ),
            source_namespace=namespace,
        )

    def _port(self, raw: Any, place: str) -> int | None:
        """Return the port; 0 asks for none, as in protobuf."""
        return self._reader.number(raw, place, MOST_PORT) or None

    def _gateways(self, raw: Any, place: str) -> tuple[str, ...]:
        """Return the gateways by their full names: a delegate's are those of its own namespace."""
        names = self._reader.texts(raw, place)
        check_gateways(self._reader, names, place)
        return tuple(gateway_name(each, self._namespace) for each in names)

    def _headers(self, raw: Any, place: str, *, null_is_presence: bool = True) -> Named:
        given = self._reader.mapping(raw, place)
        for name, value in given.items():
            if not name:
                self._reader.invalid(place, "has an empty name: name the header")
            elif not name.startswith(_CLAIMS) and not is_matched_header(name):
                self._reader.invalid(f"{place}.{name}", "is no name of a header: correct it")
            if value is None and not null_is_presence:
                self._reader.invalid(f"{place}.{name}", "must not be null: write {} for any value")
            if name.startswith(_CLAIMS):
                if self._mesh:
                    self._reader.invalid(f"{place}.{name}", "is for gateways alone: leave it out")
                raise Unsupported(f"{place} has {name}, and a message has no claims")
        return self._named(given, place)

    def _named(self, raw: Any, place: str) -> Named:
        """Return conditions by name; each asks at least for a value."""
        found = []
        for name, value in self._reader.mapping(raw, place).items():
            condition = self._conditions.string_match(value, f"{place}.{name}", presence=True)
            if condition is not None:
                found.append((self._reader.text(name, place), condition))
        return tuple(found)
