"""Errors of the Kubernetes API in words, with what to do: the missing RBAC rule, or the CRD."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from gateway.core.printable import printable

if TYPE_CHECKING:
    from gateway.adapters.kubernetes.resource import Resource, Verb

MAX_TEXT: Final = 300


class KubernetesError(Exception):
    """A call failed; `str()` is a sentence. `status` is HTTP's, 0 where no response came.

    `reason` is the API's own word (`NotFound`, `Expired`), empty where it gave none.
    """

    def __init__(self, why: str, status: int = 0, reason: str = "") -> None:
        super().__init__(why)
        self.status = status
        self.reason = reason

    @property
    def is_expired(self) -> bool:
        """Whether a watch must begin with a new list: its resourceVersion is too old."""
        return self.status == HTTPStatus.GONE or self.reason == "Expired"


class UnreachableError(KubernetesError):
    """No response came, or the connection broke while it came."""


class UnknownKindError(KubernetesError):
    """The API server does not know this kind: its CustomResourceDefinition is missing."""


def error_of_response(verb: Verb, resource: Resource, status: int, body: bytes) -> KubernetesError:
    """Return what a response with an error status means.

    Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """
    content = _status_object(body)
    if status == HTTPStatus.NOT_FOUND and content is None:
        return UnknownKindError(_unknown_kind(resource), status)
    return error_of_status({"code": status, **(content or {})}, verb, resource)


def error_of_status(content: dict[str, Any], verb: Verb, resource: Resource) -> KubernetesError:
    """Return what a Status object means, from a response or from a watch."""
    code, reason = content.get("code"), content.get("reason")
    status = code if isinstance(code, int) else 0
    what = f"{verb} {resource}"
    if status == HTTPStatus.FORBIDDEN:
        why = f"{what}: forbidden; {missing_rule(verb, resource)}"
    elif status == HTTPStatus.UNAUTHORIZED:
        why = f"{what}: the API server does not accept the token"
    else:
        message = _text(content.get("message")) or "no reason given"
        why = f"{what}: {status} {printable(message[:MAX_TEXT])}"
    return KubernetesError(why, status, _text(reason))


def _text(raw: object) -> str:
    return raw if isinstance(raw, str) else ""


def missing_rule(verb: Verb, resource: Resource) -> str:
    """Return the RBAC rule that a call needs, as a Role has it.

    Source: https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
    """
    names = f', resourceNames: ["{resource.name}"]' if resource.name and verb != "create" else ""
    return (
        f"the service account needs a Role in {resource.namespace} with the rule "
        f'{{apiGroups: ["{resource.group}"], resources: ["{resource.plural}"]{names}, '
        f'verbs: ["{verb}"]}}, and a RoleBinding to it'
    )


def _unknown_kind(resource: Resource) -> str:
    kind = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    return (
        f"the API server does not know {kind} in version {resource.version}: install the "
        f"CustomResourceDefinition {kind}"
    )


def _status_object(body: bytes) -> dict[str, Any] | None:
    """Return the Status of a response; None for text, which is what an unknown path gives."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and content.get("kind") == "Status" else None
