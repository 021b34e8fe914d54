"""What Istio's validation refuses is refused, with place and fix; what it takes is taken.

Sources, in https://github.com/istio/istio/blob/master/pkg/config/validation/: virtualservice.go,
validation.go and agent/validation.go.
"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.routing.mesh.istio_names import check_hosts
from gateway.core.routing.mesh.reader import InvalidObject, Reader
from gateway.core.routing.mesh.virtual_service import read_virtual_service

TO: dict[str, Any] = {"route": [{"destination": {"host": "b-canary"}}]}


def spec_of(route: Any = TO, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "b", "namespace": "shop"},
        "spec": {"hosts": ["b"], "http": [route]} | spec,
    }


def problems(route: Any = TO, **spec: Any) -> tuple[str, ...]:
    with pytest.raises(InvalidObject) as caught:
        read_virtual_service(spec_of(route, **spec))
    return caught.value.problems


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"timeout": "0s"}, "timeout: must be 1ms at least: leave it out for none"),
        ({"timeout": "-1s"}, "timeout: must be 1ms at least: leave it out for none"),
        ({"timeout": "900us"}, "timeout: must be 1ms at least: leave it out for none"),
        ({"timeout": "1.5ms"}, "timeout: is finer than a millisecond: write whole ones"),
        ({"timeout": "soon"}, "timeout: is no duration: write one such as 15s or 1m30s"),
        ({"timeout": "1d"}, "timeout: is no duration: write one such as 15s or 1m30s"),
        ({"timeout": "15"}, "timeout: is no duration: write one such as 15s or 1m30s"),
        ({"timeout": 15}, "timeout: must be a string"),
        ({"retries": {"attempts": -1}}, "retries.attempts: must be in 0..2147483647"),
        ({"retries": {"attempts": 0, "retryOn": "5xx"}},
         "retries: has retryOn and no attempts: set attempts, or leave it out"),
        ({"retries": {"perTryTimeout": "1s"}},
         "retries: has perTryTimeout and no attempts: set attempts, or leave it out"),
        ({"retries": {"attempts": 0, "retryRemoteLocalities": False}},
         "retries: has retryRemoteLocalities and no attempts: set attempts, or leave it out"),
        ({"retries": {"attempts": 1, "retryOn": "5xx,never"}},
         "retries.retryOn: 'never' is not known: write statuses and such as 5xx,reset"),
        ({"retries": {"attempts": 1, "retryOn": "5xx, reset"}},
         "retries.retryOn: ' reset' is not known: write statuses and such as 5xx,reset"),
        ({"retries": {"attempts": 1, "retryOn": "599"}},
         "retries.retryOn: '599' is not known: write statuses and such as 5xx,reset"),
        ({"retries": {"attempts": 1, "perTryTimeout": "1us"}},
         "retries.perTryTimeout: must be 1ms at least: leave it out for none"),
        ({"retries": {"attempts": 1, "backoff": "x"}},
         "retries.backoff: is no duration: write one such as 15s or 1m30s"),
        ({"fault": {}}, "fault: has neither abort nor delay: give one"),
        ({"fault": {"delay": {"percentage": {"value": 100.1}, "fixedDelay": "1s"}}},
         "fault.delay.percentage.value: must be in 0..100"),
        ({"fault": {"delay": {"percentage": {"value": 0.00001}}}},
         "fault.delay.percentage.value: must be 0, or in 0.0001..100"),
        ({"fault": {"delay": {"fixedDelay": "0s"}}},
         "fault.delay.fixedDelay: must be 1ms at least: leave it out for none"),
        ({"fault": {"delay": {"exponentialDelay": "1s"}}},
         "fault.delay.exponentialDelay: is not supported: use fixedDelay"),
        ({"fault": {"abort": {"httpStatus": 199}}},
         "fault.abort.httpStatus: must be a status in 200..599"),
        ({"fault": {"abort": {"httpStatus": 601}}},
         "fault.abort.httpStatus: must be a status in 200..599"),
        ({"fault": {"abort": {"grpcStatus": "BAD"}}},
         "fault.abort.grpcStatus: 'BAD' is none: write one such as NOT_FOUND"),
        ({"fault": {"abort": {"http2Error": "x"}}},
         "fault.abort.http2Error: is not supported: use httpStatus"),
        ({"fault": {"abort": {"httpStatus": 500, "grpcStatus": "OK"}}},
         "fault.abort: has httpStatus and grpcStatus: keep one"),
        ({"rewrite": {}}, "rewrite: has none of uri, uriRegexRewrite and authority: give one"),
        ({"rewrite": {"uri": "/", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}},
         "rewrite: has uri and uriRegexRewrite: keep one"),
        ({"rewrite": {"uriRegexRewrite": {"match": "a"}}},
         "rewrite.uriRegexRewrite: must have both match and rewrite"),
        ({"rewrite": {"uriRegexRewrite": {"match": "(", "rewrite": "b"}}},
         "rewrite.uriRegexRewrite.match: is not RE2: missing ): (: correct it"),
        ({"headers": {"request": {"set": {":path": "/"}}}},
         "headers.request.set.:path: cannot be changed here: leave it out"),
        ({"headers": {"response": {"add": {"host": "x"}}}},
         "headers.response.add.host: cannot be changed here: leave it out"),
        ({"headers": {"request": {"remove": ["Host"]}}},
         "headers.request.remove.Host: cannot be changed here: leave it out"),
        ({"headers": {"request": {"set": {"": "x"}}}},
         "headers.request.set: has an empty name: name the header"),
        ({"headers": {"request": {"set": {"x": "50%"}}}},
         "headers.request.set.x: is no value for Envoy: write % as %%, no line ends"),
        ({"headers": {"request": {"add": {"x": "a\nb"}}}},
         "headers.request.add.x: is no value for Envoy: write % as %%, no line ends"),
        ({"headers": {"request": {"set": {"host": "x", ":authority": "y"}}}},
         "headers: sets the authority more than once: keep one"),
        ({"headers": {"request": {"set": {"Host": "x"}}}, "rewrite": {"authority": "y"}},
         "headers: sets the authority more than once: keep one"),
        ({"corsPolicy": {"allowMethods": ["get"]}},
         "corsPolicy.allowMethods: get is no method: write GET, POST or *"),
        ({"corsPolicy": {"allowHeaders": ["a b"]}},
         "corsPolicy.allowHeaders: 'a b' is no name of a header: correct it"),
        ({"corsPolicy": {"maxAge": "1500ms"}},
         "corsPolicy.maxAge: is finer than a second: write whole seconds"),
        ({"corsPolicy": {"allowOrigins": [{"exact": ""}]}},
         "corsPolicy.allowOrigins[0]: must have one of exact, prefix and regex, and not be empty"),
        ({"mirrorPercentage": {"value": -1}}, "mirrorPercentage.value: must be in 0..100"),
        ({"mirrorPercent": 101}, "mirrorPercent: must be in 0..100"),
        ({"mirror": {"host": "c"}, "mirrors": [{"destination": {"host": "c"}}]},
         "has both mirror and mirrors: keep one"),
        ({"mirrors": [{}]}, "mirrors[0].destination.host: missing: name a Service"),
    ],
)  # fmt: skip
def test_values_that_are_not_obeyed_are_checked_nevertheless(more: Any, problem: str) -> None:
    joint = ": " if problem.startswith("has ") else "."
    assert problems({**TO, **more}) == (f"spec.http[0]{joint}{problem}",)


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ({"redirect": {}}, ".redirect: has none of uri, authority, scheme and port: give one"),
        ({"redirect": {"scheme": "ftp"}}, ".redirect.scheme: must be http or https"),
        ({"redirect": {"uri": "/", "redirectCode": 200}},
         ".redirect.redirectCode: must be in 300..399"),
        ({"redirect": {"port": 1, "derivePort": "FROM_REQUEST_PORT"}},
         ".redirect: has port and derivePort: keep one"),
        ({"directResponse": {}}, ".directResponse.status: must be a status in 200..599"),
        ({"directResponse": {"status": 200, "body": {"string": "x" * (2**20 + 1)}}},
         ".directResponse.body: is over 1 MiB: shorten it"),
        ({"redirect": {"uri": "/"}, "directResponse": {"status": 200}},
         ": has both redirect and directResponse: keep one"),
        ({"directResponse": {"status": 200}, "rewrite": {"uri": "/"}},
         ": has both rewrite and directResponse: leave rewrite out"),
        ({"delegate": {"name": "d"}, "redirect": {"uri": "/"}},
         ": has a delegate beside a route or redirect: keep one"),
        ({"delegate": {}}, ".delegate.name: missing: name a VirtualService"),
        ({}, ": has none of route, redirect, directResponse and delegate: give one"),
        ({"route": [{"destination": {"host": "b", "port": {}}}]},
         ".route[0].destination.port.number: missing: number the port, or leave port out"),
        ({"route": [{"destination": {"host": "b_canary"}}]},
         ".route[0].destination.host: 'b_canary' is no host name: name a Service"),
        ({"route": [{"destination": {"host": "10.0.0.1"}}]},
         ".route[0].destination.host: '10.0.0.1' is no host name: name a Service"),
        ({"route": [{**TO["route"][0], "headers": {"request": {"set": {":method": "x"}}}}]},
         ".route[0].headers.request.set.:method: cannot be changed here: leave it out"),
        ({"match": [{"headers": {"a b": {}}}], **TO},
         ".match[0].headers.a b: is no name of a header: correct it"),
        ({"match": [{"withoutHeaders": {":x": {}}}], **TO},
         ".match[0].withoutHeaders.:x: is no name of a header: correct it"),
        ({"match": [{"headers": {"x": None}}], **TO},
         ".match[0].headers.x: must not be null: write {} for any value"),
        ({"match": [{"sourceLabels": {"a b": "c"}}], **TO},
         ".match[0].sourceLabels.a b: is no label of Kubernetes: correct name or value"),
        ({"match": [{"sourceLabels": {"app": "c d"}}], **TO},
         ".match[0].sourceLabels.app: is no label of Kubernetes: correct name or value"),
        ({"match": [{"sourceNamespace": "a.b"}], **TO},
         ".match[0].sourceNamespace: is no DNS label: name a namespace"),
        ({"match": [{"gateways": ["a/b/c"]}], **TO},
         ".match[0].gateways[0]: 'a/b/c' is no gateway: write NAMESPACE/NAME"),
        ({"match": [{"uri": {"exact": "/", "prefix": "/"}}], **TO},
         ".match[0].uri: has more than one of exact, prefix and regex: keep one"),
        ({"match": [{"scheme": {"prefix": ""}}], **TO},
         ".match[0].scheme.prefix: must not be empty"),
    ],
)  # fmt: skip
def test_routes_that_istio_refuses(route: Any, problem: str) -> None:
    assert problems(route) == (f"spec.http[0]{problem}",)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"hosts": ["b", "b"]}, "spec.hosts[1]: b is covered by another host: leave it out"),
        ({"hosts": ["a.shop.com", "*.com"]},
         "spec.hosts[0]: a.shop.com is covered by another host: leave it out"),
        ({"hosts": ["*.com", "*.shop.com"]},
         "spec.hosts[1]: *.shop.com is covered by another host: leave it out"),
        ({"hosts": ["*"]},
         "spec.hosts[0]: `*` is not allowed for the gateway `mesh`: name the hosts"),
        ({"hosts": ["a.*"]}, "spec.hosts[0]: 'a.*' is no host name: write NAME or NAME.DOMAIN"),
        ({"hosts": [""]}, "spec.hosts[0]: '' is no host name: write NAME or NAME.DOMAIN"),
        ({"hosts": ["1.2.3.4.5"]},
         "spec.hosts[0]: '1.2.3.4.5' is no host name: write NAME or NAME.DOMAIN"),
        ({"hosts": [], "gateways": ["g"]},
         "spec.hosts: missing: name one, or leave gateways, tcp and tls out"),
        ({"gateways": ["G_"]}, "spec.gateways[0]: 'G_' is no gateway: write NAMESPACE/NAME"),
        ({"exportTo": [".", "shop"]}, "spec.exportTo[1]: shop is there twice: leave one out"),
        ({"exportTo": ["~"]}, "spec.exportTo[0]: '~' is no namespace: write one, . or *"),
        ({"http": []}, "spec: has none of http, tcp and tls: give one"),
        ({"http": [None]},
         "spec.http[0]: has none of route, redirect, directResponse and delegate: give one"),
    ],
)  # fmt: skip
def test_objects_that_istio_refuses(spec: Any, problem: str) -> None:
    assert problems(**spec) == (problem,)


def test_a_delegate_within_a_delegate_is_refused() -> None:
    found = problems({"delegate": {"name": "d"}}, hosts=[])
    assert found == ("spec.http[0]: has a delegate, and is one itself: only a root may delegate",)


@pytest.mark.parametrize(
    "more",
    [
        {"timeout": "1ms"}, {"timeout": "0.5s"}, {"timeout": "1h1m1s1ms"}, {"timeout": "+1.5m"},
        {"timeout": None},
        {"retries": {}}, {"retries": {"attempts": 0}}, {"retries": {"attempts": 0, "retryOn": ""}},
        {"retries": {"attempts": 3, "perTryTimeout": "2s", "retryOn": "gateway-error,503,+504"}},
        {"fault": {"abort": {}}}, {"fault": {"delay": {}}},
        {"fault": {"abort": {"httpStatus": 600, "percentage": {"value": 0.0001}}}},
        {"fault": {"delay": {"percentage": {}, "fixedDelay": "5s"}}},
        {"fault": {"abort": {"grpcStatus": "UNAVAILABLE"}}},
        {"rewrite": {"authority": "x"}},
        {"rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": "b"}}},
        {"headers": {"request": {"set": {"host": "x", "a": "%REQ(X)%"}, "remove": ["b"]}}},
        {"headers": {"response": {"add": {"a": "100%%", "b": "%START_TIME(%s)% é", "c": ""}}}},
        {"headers": {"request": {"set": {"a": '%DYNAMIC_METADATA(["a", "b"])%'}}}},
        {"corsPolicy": {"allowOrigins": [{"regex": ".*"}], "allowMethods": ["*"], "maxAge": "24h"}},
        {"mirror": {"host": "c"}, "mirrorPercent": 5}, {"mirrorPercentage": {}},
        {"match": [{"sourceLabels": {"app.kubernetes.io/name": "A_b.c", "e": ""}}]},
        {"match": [{"headers": {":authority": {"exact": "b"}, "X_y.z": {}}}]},
        {"match": [{"gateways": ["mesh", "g", "./g", "shop/g", "g.shop.svc"]}]},
        {"match": [{"uri": {"prefix": ""}, "withoutHeaders": {"x": None, "y": {"regex": "*"}}}]},
        {"match": [{"uri": {"prefix": "/"}}, {"uri": {"prefix": "/"}}]},
        {"match": [{"port": 0}]},
        {"route": [{"destination": {"host": "b", "subset": "V1"}}]},
        {"route": [{"destination": {"host": "b", "subset": "unheard-of"}, "weight": 0}]},
        {"route": [{"destination": {"host": "a"}, "weight": 1},
                   {"destination": {"host": "b"}, "weight": 7}]},
    ],
)  # fmt: skip
def test_what_istio_takes_is_taken(more: Any) -> None:
    """Also a total weight that is not 100, a subset that is nowhere, and a match that is twice."""
    assert read_virtual_service(spec_of({**TO, **more}, http=[{**TO, **more}, TO])).routes


@pytest.mark.parametrize(
    "spec",
    [
        {"hosts": ["b", "b.shop.svc.cluster.local"]}, {"hosts": ["B.Shop.", "10.0.0.1", "::1"]},
        {"hosts": ["*.com", "*-a.org"]}, {"hosts": ["*"], "gateways": ["g"]},
        {"exportTo": ["*", "."]}, {"hosts": [], "exportTo": ["a"]},
    ],
)  # fmt: skip
def test_objects_that_istio_takes(spec: Any) -> None:
    assert read_virtual_service(spec_of(**spec)).routes


def test_a_delegate_and_a_direct_response_are_taken_as_istio_does() -> None:
    route = {"delegate": {"name": "d"}, "directResponse": {"status": 200}}
    assert read_virtual_service(spec_of(route)).routes[0].delegate


def test_many_hosts_are_checked_in_time_linear_in_their_number() -> None:
    """Were each compared with each, 40,000 of them would take minutes."""
    hosts = [f"*.a{at}.com" for at in range(20_000)] + [f"b{at}.org" for at in range(20_000)]
    reader = Reader()
    check_hosts(reader, tuple(hosts), mesh=True)
    assert not reader.problems


def test_more_than_a_thousand_hosts_are_refused() -> None:
    hosts = [f"b{at}.org" for at in range(1001)]
    assert len(read_virtual_service(spec_of(hosts=hosts[1:])).hosts) == 1000
    with pytest.raises(InvalidObject, match=r"^spec\.hosts: has more than 1000: split it$"):
        read_virtual_service(spec_of(hosts=hosts))
