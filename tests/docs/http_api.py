"""The paths of the admin port with every status, and the page that is made of them.

A test asks a running admin port whether these are its paths (tests/contract/test_http_api.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = Path(__file__).resolve().parents[2] / "docs/reference/api-routes.schema.json"
TEXT: Final = "text/plain"
JSON: Final = "application/json"
UNAUTHORIZED: Final = "the token is missing or wrong; `WWW-Authenticate: Bearer`"


@dataclass(frozen=True, slots=True)
class Response:
    """A status that a path responds with, the type of its body, and what it says."""

    status: int
    content_type: str
    says: str


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and path of the admin port. `changes`: it needs the right to change something.

    `example` is the path with names in place of what is in braces; with `body`, if any, it gets the
    first of the responses.
    """

    method: str
    path: str
    does: str
    responses: tuple[Response, ...]
    changes: bool = False
    example: str = ""
    body: str | None = None


ROLLOUT: Final = Response(200, JSON, "[the rollout](admin-api.md#rollouts)")
NOT_ALLOWED: Final = Response(403, TEXT, "no token is set, and the request is not from loopback")
UNKNOWN_ROUTE: Final = Response(404, JSON, "`error`: no route has this name, and those there are")
OUT_OF_REACH: Final = Response(503, JSON, "`error`: why the shared state cannot be written")
TOO_LARGE: Final = Response(413, JSON, "`error`: the body is larger than 64 KiB")
BROKEN_BODY: Final = (
    Response(400, JSON, "`error`: the body breaks off"),
    Response(408, JSON, "`error`: the body took longer than 5 s"),
)

OPERATIONS: Final = (
    Operation(
        "GET",
        "/",
        "The [dashboard](admin-api.md) where `Accept` names `text/html`, else the paths.",
        (
            Response(200, TEXT, "the paths, one a line"),
            Response(200, "text/html", "the page; its files are below `/dashboard/`"),
        ),
    ),
    Operation(
        "GET",
        "/healthz",
        "Whether the process works: for startup and liveness probes.",
        (
            Response(200, TEXT, "`ok`"),
            Response(503, TEXT, "one line for each route whose polling is stuck"),
        ),
    ),
    Operation(
        "GET",
        "/readyz",
        "Whether every queue is resolved and polled: for readiness probes.",
        (
            Response(200, TEXT, "`ready`"),
            Response(503, TEXT, "one line for each reason: starting, a queue not polled, stopping"),
        ),
    ),
    Operation(
        "GET",
        "/metrics",
        "The metrics, for Prometheus.",
        (Response(200, "text/plain; version=0.0.4", "every [metric](metrics.md)"),),
    ),
    Operation(
        "GET",
        "/api/routes",
        "Routes with their versions, weights, rates and last errors.",
        (Response(200, JSON, "[as below](#the-body-of-get-apiroutes)"),),
    ),
    Operation(
        "GET",
        "/api/routes/{route}/rollout",
        "The rollout of a route: where it is, why, by what evidence, and what happened so far.",
        (ROLLOUT, UNKNOWN_ROUTE),
        example="/api/routes/orders/rollout",
    ),
    Operation(
        "POST",
        "/api/routes/{route}/rollout/{verb}",
        "Does what the verb says: `pause`, `resume`, `promote`, `abort` or `retry`.\n"
        "`?full=true` promotes to the end; the body is optional: `reason`, `by`, `full`.",
        (
            ROLLOUT,
            Response(401, TEXT, UNAUTHORIZED),
            NOT_ALLOWED,
            UNKNOWN_ROUTE,
            Response(409, JSON, "`error`: the phase does not allow it, and which it is"),
            Response(422, JSON, "`error`: what is wrong with the body or `full`"),
            OUT_OF_REACH,
            *BROKEN_BODY,
            TOO_LARGE,
        ),
        changes=True,
        example="/api/routes/orders/rollout/pause",
    ),
    Operation(
        "PUT",
        "/api/routes/{route}/weights",
        "Sets weights by hand, on every replica, over file, rollout and followed object.",
        (
            ROLLOUT,
            Response(401, TEXT, UNAUTHORIZED),
            NOT_ALLOWED,
            UNKNOWN_ROUTE,
            Response(422, JSON, "`error`: what is wrong with the weights"),
            OUT_OF_REACH,
            *BROKEN_BODY,
            TOO_LARGE,
        ),
        changes=True,
        example="/api/routes/orders/weights",
        body='{"canary": 20}',
    ),
    Operation(
        "DELETE",
        "/api/routes/{route}/weights",
        "Takes back the weights that were set by hand; a rollout stays paused.",
        (
            ROLLOUT,
            Response(401, TEXT, UNAUTHORIZED),
            NOT_ALLOWED,
            UNKNOWN_ROUTE,
            Response(422, JSON, "`error`: `by` is no text"),
            OUT_OF_REACH,
        ),
        changes=True,
        example="/api/routes/orders/weights",
    ),
    Operation(
        "GET",
        "/api/routes/{route}/verdict",
        "The verdict on the canary, never null or NaN: for Argo Rollouts' `web` provider.",
        (
            Response(
                200, JSON, "`verdict`, `value`, `reason`, `failure_ratio`, `messages`, `chance`"
            ),
            UNKNOWN_ROUTE,
        ),
        example="/api/routes/orders/verdict",
    ),
    Operation(
        "POST",
        "/api/flagger/{route}/{gate}",
        "Flagger's webhooks: `confirm-rollout`, `confirm-traffic-increase`, `confirm-promotion`,\n"
        "`rollout`, `rollback`, `event`. They change nothing and need no token.",
        (
            Response(200, TEXT, "the verdict and its reason: Flagger goes on"),
            Response(403, TEXT, "the verdict and its reason, or that no route has this name"),
        ),
        example="/api/flagger/orders/confirm-rollout",
    ),
    Operation(
        "GET",
        "/api/events",
        "What the dashboard shows: [server-sent events](admin-api.md#get-apievents), one a second.",
        (
            Response(200, "text/event-stream", "a stream without end"),
            Response(503, TEXT, "64 streams are open already; `Retry-After`"),
        ),
    ),
    Operation(
        "POST",
        "/-/reload",
        "Reads the routing file now.",
        (
            Response(200, JSON, "`generation`, `added`, `changed`, `removed`"),
            Response(401, TEXT, UNAUTHORIZED),
            NOT_ALLOWED,
            Response(422, JSON, "`problems`, `generation`; the last good file stays in force"),
        ),
        changes=True,
    ),
)

ANY: Final = (
    Response(401, TEXT, f"of what is protected by `GATEWAY_ADMIN_PROTECT_READS`: {UNAUTHORIZED}"),
    Response(404, TEXT, "no such path; the list of paths"),
    Response(405, TEXT, "another method; the right one is in `Allow` too. HEAD is taken as GET is"),
    Response(500, TEXT, "a defect: one line; the log has the rest"),
)


def page() -> str:
    """Return the page without its note."""
    text = "\n# HTTP API\n\nThe paths of the admin port with every status that they respond with.\n"
    text += "What the statuses mean, and who may change something: [admin port](admin-api.md).\n"
    text += "Every response has `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`.\n"
    for operation in OPERATIONS:
        text += f"\n## {operation.method} {operation.path}\n\n{operation.does}\n"
        if operation.changes:
            text += "Needs [the right to change something](admin-api.md#who-may-change-something)."
            text += "\n"
        text += f"\n{_responses(operation.responses)}"
    text += f"\n## Any path\n\n{_responses(ANY)}"
    return text + _body()


def _responses(responses: tuple[Response, ...]) -> str:
    rows = [f"| {r.status} | `{r.content_type}` | {r.says} |\n" for r in responses]
    return "| status | type | body |\n| --- | --- | --- |\n" + "".join(rows)


def _body() -> str:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    text = "\n## The body of GET /api/routes\n\n"
    text += "As JSON Schema: [`api-routes.schema.json`](api-routes.schema.json).\n"
    text += f"{schema['description']}\n"
    parts = {"The whole": schema, **schema["$defs"]}
    for name, part in parts.items():
        text += f"\n### {name}\n\n"
        if part is not schema:
            text += f"{part['description']}\n\n"
        text += "| member | value | says |\n| --- | --- | --- |\n"
        for key, value in part["properties"].items():
            says = value.get("description", "")
            text += f"| `{key}` | {_kind(value)} | {says or _described(schema, value)} |\n"
    return text


def _described(schema: dict[str, Any], value: dict[str, Any]) -> str:
    described: str = schema["$defs"][value["$ref"].rpartition("/")[2]]["description"]
    return described


def _kind(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"].rpartition("/")[2])
    if "anyOf" in value:
        return " or ".join(_kind(option) for option in value["anyOf"])
    if "enum" in value:
        return ", ".join(f"`{word}`" for word in value["enum"])
    if value["type"] == "array":
        return f"list of {_kind(value['items'])}"
    return " or ".join(value["type"]) if isinstance(value["type"], list) else str(value["type"])
