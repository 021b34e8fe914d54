"""Random objects of a mesh and random messages, the same for the same seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

PORT: Final = 8080
NAMES: Final = ("a", "B", "x-key", "content-type", "version", "Cookie")
PSEUDO: Final = (":path", ":method", ":authority", ":scheme")
VALUES: Final = (
    "1", "1", "11", "2", "One", "a/b", "é", "application/json", "text/plain; charset=utf-8",
)  # fmt: skip
PATHS: Final = (
    "/events", "/events/", "/events/x?q=1", "/Events?q=1&q=2&r", "/", "/e?r=11", "/eventss?q",
    "/?Q=%31&q=1", "/events?q=1&Q=2&r=1",
)  # fmt: skip
OF_PSEUDO: Final = (*PATHS, "POST", "http", "b.shop:8080")
REGEXES: Final = (".*", ".", "1+", "[a-z]+", "On.", "a/.*|1", "^1$", "(?i)ONE", ".+")
HOSTS: Final = ("b.shop", "b", "b.shop.svc", "b.shop.svc.cluster.local", "B.Shop")
LABELS: Final[tuple[dict[str, str], ...]] = ({}, {"app": "a"}, {"app": "b", "tier": "x"})
MOST_ROUTES: Final = 6


class Dice(random.Random):
    """Makes objects and messages."""

    def some(self, options: Sequence[Any], most: int) -> list[Any]:
        """Return up to `most` different ones of them."""
        return self.sample(options, max(0, self.randint(-1, most)))

    def condition(self, *, empty: bool = False) -> Any:
        """Return a StringMatch; `empty`: also an empty prefix."""
        match self.choice(("exact", "prefix", "regex", "regex", "exact", "present", "star")):
            case "present":
                return {}
            case "star":
                return {"regex": "*"}
            case "regex":
                return {"regex": self.choice(REGEXES)}
            case "exact":
                return {"exact": self.choice((*VALUES, ""))}
            case kind:
                return {kind: self.choice((*VALUES, "")) if empty else self.choice(VALUES)}

    def _named(self, most: int) -> dict[str, Any]:
        """Return conditions by name; that of a pseudo-header may be met."""
        made = {name: self.condition() for name in self.some(NAMES, most)}
        if self.random() < 0.1:
            made[self.choice(PSEUDO)] = {"exact": self.choice(OF_PSEUDO)}
        return made

    def uri(self) -> Any:
        """Return a StringMatch of paths."""
        path = self.choice(("/events", "/ev", "/EVENTS", "/", "/events/", ""))
        exact = {"exact": path or "/events/x"}
        return self.choice((exact, {"prefix": path}, {"regex": f"{path}.*"}, {"regex": "/.ven.*"}))

    def _usual(self, key: str) -> Any:
        """Return a value for one field of a match but its headers."""
        if key == "uri":
            return self.uri()
        if key == "queryParams":
            return {self.choice("qqQr"): self.condition()}
        host = self.choice(HOSTS)
        return self.choice(
            {
                "method": ({"exact": "POST"}, {"prefix": "P"}, {"regex": "GET"}, {}),
                "authority": ({"exact": host}, {"prefix": host}, {"regex": ".*80"}),
                "scheme": ({"exact": "http"}, {"exact": "https"}, {"regex": "h.*"}),
                "port": (PORT, 80),
                "sourceLabels": ({"app": "a"}, {"app": "b"}, {"none": ""}),
                "sourceNamespace": ("shop", "other"),
                "gateways": (["mesh"], ["shop/g"], ["shop/g", "mesh"]),
            }[key]
        )

    def match(self) -> dict[str, Any]:
        """Return one match of a VirtualService."""
        made: dict[str, Any] = {"headers": self._named(2), "withoutHeaders": self._named(1)}
        usual = (
            "authority", "gateways", "method", "port", "queryParams", "scheme", "sourceLabels",
            "sourceNamespace", "uri", "uri",
        )  # fmt: skip
        for key in self.some(usual, 3):
            made[key] = self._usual(key)
        if self.random() < 0.3:
            made["ignoreUriCase"] = True
        return made

    def _to(self, at: int) -> dict[str, Any]:
        """Return where a route sends: one destination that takes all, or nowhere."""
        alone = {"destination": {"host": f"v{at}"}}
        match self.randint(0, 9):
            case 0:
                return {"redirect": {"uri": "/x"}}
            case 1:
                return {"directResponse": {"status": 200}}
            case 2 | 3:
                return {"route": [{**alone, "weight": self.choice((0, 50))}]}
            case _:
                return {"route": [alone]}

    def service(self) -> dict[str, Any]:
        """Return a VirtualService's spec; route N sends to version N alone."""
        http = [
            {"match": [self.match() for _ in range(self.choice((1, 2, 3)))], **self._to(at)}
            for at in range(self.randint(1, MOST_ROUTES))
        ]
        rest = [self._to(MOST_ROUTES)] if self.random() < 0.6 else []
        return {"hosts": [self.choice(("b", "b.shop.svc.cluster.local"))], "http": [*http, *rest]}

    def _conditions(self, names: Sequence[str], most: int) -> list[dict[str, str]]:
        """Return conditions of an HTTPRoute; a second one on a name in another case is idle."""
        made = []
        for name in self.some(names, most):
            regex = self.random() < 0.6
            value = self.choice(REGEXES if regex else VALUES)
            kind = {"type": "RegularExpression"} if regex else self.choice(({}, {"type": "Exact"}))
            made.append({"name": name, "value": value, **kind})
        return made

    def _api_match(self) -> dict[str, Any]:
        kind = self.choice(("Exact", "PathPrefix", "PathPrefix", "RegularExpression"))
        path = self.choice(("/events", "/events/", "/events", "/", "/e"))
        value = f"{path}.*" if kind == "RegularExpression" else path
        made: dict[str, Any] = {
            "headers": self._conditions((*NAMES, "A", "b"), 2),
            "queryParams": self._conditions("qQr", 2),
        }
        if self.random() < 0.8:
            made["path"] = {"type": kind, "value": value}
        if self.random() < 0.2:
            made["method"] = self.choice(("POST", "GET"))
        return made

    def http_route(self) -> dict[str, Any]:
        """Return an HTTPRoute's spec; rule N sends to version N alone."""
        rules = []
        for at in range(self.randint(1, MOST_ROUTES)):
            rule: dict[str, Any] = {
                "matches": [self._api_match() for _ in range(self.choice((0, 1, 1, 2)))]
            }
            weight = self.choice(({}, {}, {"weight": 0}, {"weight": 7}))
            alone = {"name": f"v{at}", "port": PORT, **weight}
            rule["backendRefs"] = [] if self.random() < 0.1 else [alone]
            rules.append(rule)
        parents = [{"group": "", "kind": "Service", "name": "b"}]
        return {"parentRefs": parents, "rules": rules}

    def attributes(self) -> dict[str, str]:
        """Return a message's attributes."""
        found = {name: self.choice((*VALUES, "")) for name in self.some(NAMES, 4)}
        if self.random() < 0.2:
            found["baggage"] = "tenant=x,version=One"
        return found
