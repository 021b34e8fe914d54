"""Reads where a VirtualService's routes send requests and copies of them.

Source: https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.core.routing.mesh.istio_headers import check_headers
from gateway.core.routing.mesh.istio_names import is_domain
from gateway.core.routing.mesh.names import DNS_LABEL, host_in_object
from gateway.core.routing.mesh.reader import MOST_PORT
from gateway.core.routing.mesh.values import Destination, MirrorTo

if TYPE_CHECKING:
    from gateway.core.routing.mesh.reader import Reader

_MOST_WEIGHT: Final = 2**31 - 1


class DestinationReader:
    """Reads the destinations of one object."""

    def __init__(self, reader: Reader, namespace: str, domain: str) -> None:
        self._reader = reader
        self._namespace = namespace
        self._domain = domain

    def destinations(self, raw: Any, place: str) -> tuple[Destination, ...]:
        """Return the destinations; the weights of several have to add up to more than 0."""
        found = []
        for at, each in enumerate(self._reader.items(raw, f"{place}.route")):
            where = f"{place}.route[{at}]"
            given = self._reader.mapping(each, where)
            weight = self._reader.number(given.get("weight"), f"{where}.weight", _MOST_WEIGHT)
            found.append(
                self._destination(given.get("destination"), f"{where}.destination", weight or 0)
            )
            if given.get("headers") is not None:
                check_headers(self._reader, given["headers"], f"{where}.headers")
                self._reader.note("headers of a destination is not obeyed")
        if len(found) > 1 and not sum(each.weight for each in found):
            self._reader.invalid(
                f"{place}.route", "has only weights of 0: raise one, or keep one destination"
            )
        return tuple(found)

    def _destination(self, raw: Any, place: str, weight: int = 0) -> Destination:
        given = self._reader.mapping(raw, place)
        host = self._reader.text(given.get("host"), f"{place}.host")
        subset = self._reader.text(given.get("subset"), f"{place}.subset")
        if not host or host == "*":
            wrong = "missing: name a Service" if not host else "must not be `*`: name a Service"
            self._reader.invalid(f"{place}.host", wrong)
        elif not is_domain(host):
            self._reader.invalid(f"{place}.host", f"{host!r} is no host name: name a Service")
        if subset and not DNS_LABEL.match(subset):
            self._reader.invalid(f"{place}.subset", "is no DNS label: name a subset")
        if given.get("port") is not None:
            port = self._reader.mapping(given["port"], f"{place}.port")
            number = f"{place}.port.number"
            if self._reader.number(port.get("number"), number, MOST_PORT, 1) is None:
                self._reader.invalid(number, "missing: number the port, or leave port out")
        return Destination(host_in_object(host, self._namespace, self._domain), subset, weight)

    def mirrors(self, given: dict[str, Any], place: str) -> tuple[MirrorTo, ...]:
        """Return where copies go; `mirrorPercentage` wins over the deprecated `mirrorPercent`."""
        mirrors = self._reader.items(given.get("mirrors"), f"{place}.mirrors")
        percent = self._percent(given.get("mirrorPercentage"), f"{place}.mirrorPercentage")
        old = self._reader.number(given.get("mirrorPercent"), f"{place}.mirrorPercent", 100)
        if mirrors and given.get("mirror") is not None and "delegate" not in given:
            self._reader.invalid(place, "has both mirror and mirrors: keep one")
        if given.get("mirror") is not None:
            share = percent if percent is not None else old
            to = self._destination(given["mirror"], f"{place}.mirror")
            return (MirrorTo(to, 100.0 if share is None else share),)
        found = []
        for at, each in enumerate(mirrors):
            where = f"{place}.mirrors[{at}]"
            one = self._reader.mapping(each, where)
            share = self._percent(one.get("percentage"), f"{where}.percentage")
            to = self._destination(one.get("destination"), f"{where}.destination")
            found.append(MirrorTo(to, 100.0 if share is None else share))
        return tuple(found)

    def _percent(self, raw: Any, place: str) -> float | None:
        """Return a Percent; one without a value is 0, as in protobuf."""
        if raw is None:
            return None
        value = self._reader.mapping(raw, place).get("value")
        return self._reader.fraction(value, f"{place}.value", 100) or 0.0
