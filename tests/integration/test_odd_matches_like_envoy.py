"""The odd cases of matching by name: what is expected, what Envoy does and what the gateway does.

An object has one route to the canary with the case's match, and stable gets the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from gateway.core.routing.mesh.destinations import FollowingVersions
from gateway.core.routing.mesh.evaluator import Followed
from gateway.core.routing.mesh.follow import Follow
from gateway.core.routing.mesh.http_route import read_http_route
from gateway.core.routing.mesh.virtual_service import read_virtual_service
from tests.builders import message, version
from tests.integration.envoy_process import ask, post, running_envoy
from tests.integration.envoy_routes import (
    CASE,
    Client,
    routes_of_http_route,
    routes_of_service,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

META: Final = {"name": "b", "namespace": "shop"}
STABLE = version("stable", url="http://stable.shop:8080/")
CANARY = version("canary", url="http://canary.shop:8080/")
FOLLOWING = FollowingVersions((STABLE, CANARY), STABLE, "orders")


class Odd(NamedTuple):
    """A case: the routes of an object, the request, and the version that it goes to."""

    name: str
    spec: dict[str, Any]
    wanted: str
    attributes: dict[str, str]
    path: str = "/events"
    port: int = 8080


def to(name: str, weight: int | None = None) -> dict[str, Any]:
    return {"destination": {"host": name}} | ({} if weight is None else {"weight": weight})


def odd(name: str, match: Any, wanted: str, path: str = "/events", **more: Any) -> Odd:
    """Return a case of a VirtualService with one match, or a list of them."""
    matches = match if isinstance(match, list) else [match]
    spec = {"hosts": ["b"], "http": [{"match": matches, "route": [to("canary")]}]}
    spec["http"].append({"route": [to("stable")]})
    return Odd(name, spec, wanted, more.pop("attributes", {}), path, **more)


def header(name: str, condition: Any, wanted: str, value: str | None = "1") -> Odd:
    attributes = {} if value is None else {"x-key": value}
    return odd(name, {"headers": {"X-Key": condition}}, wanted, attributes=attributes)


def without(name: str, condition: Any, wanted: str, value: str | None = None) -> Odd:
    attributes = {} if value is None else {"x-key": value}
    return odd(name, {"withoutHeaders": {"X-Key": condition}}, wanted, attributes=attributes)


def query(name: str, condition: Any, wanted: str, path: str) -> Odd:
    return odd(name, {"queryParams": {"q": condition}}, wanted, path)


def api(name: str, match: Any, wanted: str, path: str = "/events", **attributes: str) -> Odd:
    """Return a case of an HTTPRoute with one match."""
    rules = [{"matches": [match], "backendRefs": [{"name": "canary", "port": 8080}]}]
    parents = [{"group": "", "kind": "Service", "name": "b"}]
    return Odd(name, {"parentRefs": parents, "rules": rules}, wanted, attributes, path)


def by_path(kind: str, value: str) -> dict[str, Any]:
    return {"path": {"type": kind, "value": value}}


IN: Final = "canary"
OUT: Final = "stable"
ANY: Final = {"regex": "*"}
FLAGGER: Final = {"regex": ".*flagger-cookie.*LpsIaLdoNZ.*"}
CASES: Final = (
    odd("a prefix is of characters", {"uri": {"prefix": "/ev"}}, IN),
    odd("a prefix has its case", {"uri": {"prefix": "/EV"}}, OUT),
    odd("an empty prefix takes all", {"uri": {"prefix": ""}}, IN),
    odd("an exact path has no query", {"uri": {"exact": "/events"}}, IN, "/events?q=1"),
    odd("an exact path is all of it", {"uri": {"exact": "/events"}}, OUT, "/events/"),
    odd("a prefix has no query", {"uri": {"prefix": "/events?q"}}, OUT, "/events?q=1"),
    odd("a regex is the whole path", {"uri": {"regex": "/ev"}}, OUT),
    odd("a regex has no query", {"uri": {"regex": "/e.*s"}}, IN, "/events?q=1"),
    odd("ignoreUriCase is for exact", {"uri": {"exact": "/EVENTS"}, "ignoreUriCase": True}, IN),
    odd("ignoreUriCase is for prefix", {"uri": {"prefix": "/EV"}, "ignoreUriCase": True}, IN),
    odd("ignoreUriCase not for regex", {"uri": {"regex": "/EV.*"}, "ignoreUriCase": True}, OUT),
    odd("the authority has its port", {"authority": {"exact": "b.shop"}}, OUT),
    odd("the authority with its port", {"authority": {"exact": "b.shop:8080"}}, IN),
    odd("the authority without port 80", {"authority": {"exact": "b.shop"}}, IN, port=80),
    odd("the authority by prefix", {"authority": {"prefix": "b.shop"}}, IN),
    odd("the method is POST", {"method": {"exact": "POST"}}, IN),
    odd("a method has its case", {"method": {"exact": "post"}}, OUT),
    odd("the scheme is http", {"scheme": {"exact": "http"}}, IN),
    odd("a pseudo-header has the query", {"headers": {":path": {"exact": "/events?q=1"}}}, IN,
        "/events?q=1"),
    odd("host is the authority", {"headers": {"Host": {"exact": "b.shop:8080"}}}, IN),
    odd("an attribute is not the host", {"headers": {"host": {"exact": "x"}}}, OUT,
        attributes={"Host": "x"}),
    odd("without host", {"withoutHeaders": {"host": {}}}, OUT),
    odd("another port drops the match", {"port": 9090}, OUT),
    odd("its own port is no condition", {"port": 8080}, IN),
    odd("labels that the producer has not", {"sourceLabels": {"app": "a"}}, OUT),
    odd("labels are not looked at with gateways",
        {"gateways": ["mesh"], "sourceLabels": {"app": "a"}, "sourceNamespace": "x"}, IN),
    odd("another gateway drops the match", {"gateways": ["shop/g"]}, OUT),
    odd("no match list takes all", [], IN),
    odd("a list is OR", [{"method": {"exact": "GET"}}, {"scheme": {"exact": "http"}}], IN),
    odd("fields are AND", {"method": {"exact": "GET"}, "scheme": {"exact": "http"}}, OUT),
    header("presence, there", {}, IN),
    header("presence, empty", {}, IN, ""),
    header("presence, missing", {}, OUT, None),
    header("a star is presence", ANY, IN),
    header("a star is presence, missing", ANY, OUT, None),
    header("exact empty, there", {"exact": ""}, OUT),
    header("exact empty, empty", {"exact": ""}, IN, ""),
    header("exact empty, missing", {"exact": ""}, OUT, None),
    header("any regex, missing", {"regex": ".*"}, OUT, None),
    header("any regex, empty", {"regex": ".*"}, IN, ""),
    header("a prefix, missing", {"prefix": "1"}, OUT, None),
    header("a value has its case", {"exact": "a"}, OUT, "A"),
    header("a regex is the whole value", {"regex": "1"}, OUT, "11"),
    header("blanks around a value are none", {"exact": "1"}, IN, " 1\t"),
    header("a list in a value is one value", {"exact": "1"}, OUT, "1,2"),
    header("a regex is of bytes", {"regex": "."}, OUT, "é"),
    header("a regex is of bytes, two", {"regex": ".."}, IN, "é"),
    without("without presence, missing", {}, IN),
    without("without presence, empty", {}, OUT, ""),
    without("without null, missing", None, IN),
    without("without a star, missing", ANY, IN),
    without("without a star, there", ANY, OUT, "1"),
    without("without exact, missing", {"exact": "a"}, IN),
    without("without exact, there", {"exact": "a"}, OUT, "a"),
    without("without a prefix, missing", {"prefix": "a"}, IN),
    without("without any regex, missing", {"regex": ".*"}, OUT),
    without("without a regex, missing", {"regex": "a+"}, IN),
    without("without exact empty, missing", {"exact": ""}, OUT),
    without("without exact empty, there", {"exact": ""}, IN, "a"),
    query("a parameter", {"exact": "1"}, IN, "/events?q=1"),
    query("a parameter that is missing", {"exact": "1"}, OUT, "/events"),
    query("a parameter without a value is there", {}, IN, "/events?q"),
    query("of a repeated parameter the first", {"exact": "2"}, OUT, "/events?q=1&q=2"),
    query("a parameter is not decoded", {"exact": "1"}, OUT, "/events?q=%31"),
    query("a parameter's name has its case", {}, OUT, "/events?Q=1"),
    odd("Flagger's cookie of the canary", {"headers": {"Cookie": FLAGGER}}, IN,
        attributes={"cookie": "a=b; flagger-cookie=LpsIaLdoNZ"}),
    odd("Flagger's cookie, without one", {"headers": {"Cookie": FLAGGER}}, OUT),
    Odd("one destination with the weight 0 gets all",
        {"hosts": ["b"], "http": [{"route": [to("canary", 0)]}]}, IN, {}),
    Odd("of two destinations that of the weight 0 gets none",
        {"hosts": ["b"], "http": [{"route": [to("stable", 0), to("canary", 1)]}]}, IN, {}),
    Odd("Flagger's matchless route twice: the first counts",
        {"hosts": ["b"], "http": [{"route": [to("canary")]}, {"route": [to("stable")]}]}, IN, {}),
    Odd("a catch-all ends the list",
        {"hosts": ["b"], "http": [
            {"match": [{"uri": {"prefix": "/"}}], "route": [to("stable")]},
            {"match": [{"headers": {"a": {}}}], "route": [to("canary")]}]}, OUT, {"a": "1"}),
    api("API: a prefix is of elements", by_path("PathPrefix", "/ev"), OUT),
    api("API: a prefix is the path", by_path("PathPrefix", "/events"), IN),
    api("API: a prefix with a slash", by_path("PathPrefix", "/events/"), IN),
    api("API: a prefix, below", by_path("PathPrefix", "/events"), IN, "/events/x"),
    api("API: a prefix, with a slash below", by_path("PathPrefix", "/events/"), IN, "/events/x"),
    api("API: a prefix has its case", by_path("PathPrefix", "/EVENTS"), OUT),
    api("API: the prefix slash", by_path("PathPrefix", "/"), IN),
    api("API: exact is all of it", by_path("Exact", "/events"), OUT, "/events/"),
    api("API: a regex is the whole path", by_path("RegularExpression", "/ev"), OUT),
    api("API: an empty match takes all", {}, IN),
    api("API: a method", {"method": "GET"}, OUT),
    api("API: a header's name has no case", {"headers": [{"name": "A", "value": "1"}]}, IN,
        a="1"),
    api("API: of a name twice the first counts",
        {"headers": [{"name": "a", "value": "1"}, {"name": "A", "value": "2"}]}, IN, a="1"),
    api("API: of a name twice the second does not",
        {"headers": [{"name": "a", "value": "1"}, {"name": "A", "value": "2"}]}, OUT, a="2"),
    api("API: a missing header", {"headers": [
        {"name": "a", "value": ".*", "type": "RegularExpression"}]}, OUT),
    api("API: a parameter", {"queryParams": [{"name": "q", "value": "1"}]}, IN, "/events?q=1"),
)  # fmt: skip


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    routes = [route for number, case in enumerate(CASES) for route in _routes(number, case)]
    rest: dict[str, Any] = {"status": 200, "body": {"inline_string": "stable"}}
    routes.append({"match": {"prefix": "/"}, "direct_response": rest})
    with running_envoy(tmp_path_factory.mktemp("envoy"), routes) as port:
        yield port


def _routes(number: int, case: Odd) -> list[dict[str, Any]]:
    if "rules" in case.spec:
        return routes_of_http_route(number, case.spec)
    return routes_of_service(number, case.spec, Client(case.port))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[each.name for each in CASES])
def test_envoy_and_the_gateway_do_as_expected(number: int, port: int) -> None:
    case = CASES[number]
    headers = {"content-type": "application/json", CASE: str(number), **case.attributes}
    host = "b.shop" if case.port == 80 else f"b.shop:{case.port}"
    (response,) = ask(port, [post(case.path, host, headers)])
    assert response.body == case.wanted, "Envoy"
    read = read_http_route if "rules" in case.spec else read_virtual_service
    follow = Follow(case.port, case.path, "b.shop", namespace="shop")
    followed = Followed(read({"metadata": META, "spec": case.spec}), follow, FOLLOWING)
    found = followed.decide(message(attributes=case.attributes)).decision
    assert found.version is not None
    assert found.version.name == case.wanted, "the gateway"


def test_envoy_takes_any_of_a_repeated_header_and_a_message_has_one(port: int) -> None:
    """Names of attributes that differ in case alone are one header, the first one."""
    number = next(at for at, each in enumerate(CASES) if each.name == "a value has its case")
    twice = {"X-Key": "b", "x-key": "a", CASE: str(number)}
    (response,) = ask(port, [post("/events", "b.shop:8080", twice)])
    assert response.body == "canary"
    follow = Follow(8080, "/events", "b.shop", namespace="shop")
    seen = read_virtual_service({"metadata": META, "spec": CASES[number].spec})
    found = Followed(seen, follow, FOLLOWING)
    first, last = {"X-Key": "a", "x-key": "b"}, {"X-Key": "b", "x-key": "a"}
    assert found.decide(message(attributes=first)).decision.version is CANARY
    assert found.decide(message(attributes=last)).decision.version is STABLE
