"""What the API refuses is a sentence with what to do."""

from __future__ import annotations

import json

import pytest

from gateway.adapters.kubernetes.errors import UnknownKindError, error_of_response
from gateway.adapters.kubernetes.resource import Resource, Verb, config_maps

SERVICES = Resource("networking.istio.io", "v1", "virtualservices", "shop", "b")


def status(code: int, reason: str, message: str = "m") -> bytes:
    content = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return json.dumps(content).encode()


def test_a_forbidden_call_spells_out_the_missing_rule() -> None:
    error = error_of_response(Verb.WATCH, SERVICES, 403, status(403, "Forbidden"))
    assert str(error) == (
        "watch virtualservices.networking.istio.io shop/b: forbidden; the service account needs a "
        'Role in shop with the rule {apiGroups: ["networking.istio.io"], resources: '
        '["virtualservices"], resourceNames: ["b"], verbs: ["watch"]}, and a RoleBinding to it'
    )


def test_rbac_knows_no_names_of_what_is_created() -> None:
    one = config_maps("shop").named("state")
    assert "resourceNames" not in str(error_of_response(Verb.CREATE, one, 403, b""))


def test_a_404_of_the_group_asks_for_the_crd() -> None:
    error = error_of_response(Verb.LIST, SERVICES, 404, b"404 page not found\n")
    assert isinstance(error, UnknownKindError)
    assert "install the CustomResourceDefinition virtualservices.networking.istio.io" in str(error)


def test_a_404_of_the_object_does_not() -> None:
    error = error_of_response(Verb.GET, SERVICES, 404, status(404, "NotFound", "not found"))
    assert not isinstance(error, UnknownKindError)
    assert (error.status, error.reason) == (404, "NotFound")


def test_a_refused_token_is_told_without_it() -> None:
    error = error_of_response(Verb.GET, SERVICES, 401, status(401, "Unauthorized"))
    assert "does not accept the token" in str(error)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"kind": "Other"}', b"[" * 10_000])
def test_any_other_body_is_an_error_by_its_status(body: bytes) -> None:
    assert error_of_response(Verb.GET, SERVICES, 502, body).status == 502


def test_a_message_is_cut_and_cannot_steer_a_terminal() -> None:
    error = error_of_response(Verb.GET, SERVICES, 500, status(500, "", "\x1b[2J" + "x" * 5_000))
    assert str(error).isprintable()
    assert len(str(error)) < 500
