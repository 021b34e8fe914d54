"""What a route follows, as pydantic models; see `routing_file`."""

import re
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final

from pydantic import ConfigDict, Field

from gateway.config.problems.findings import InvalidValue
from gateway.config.schema import fields
from gateway.config.schema.parts import NOT_NULL, Part
from gateway.core.routing.mesh.names import MESH

OBJECTS: Final = ("virtualService", "httpRoute")
"""The keys that name an object; a route follows one."""


class Start(StrEnum):
    """What a route does until its object was read once."""

    WAIT = "wait"
    STABLE = "stable"


_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_NAME = rf"{_LABEL}(?:\.{_LABEL})*"
_OBJECT = re.compile(rf"(?:{_LABEL}/)?{_NAME}\Z")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?\Z")
_PATH = re.compile(r"/[!-~]*\Z")
_GATEWAY = re.compile(rf"(?:(?:{_LABEL}|\.)/)?{_NAME}\Z")


def _text_like(form: re.Pattern[str], what: str) -> fields.Checked:
    def read(value: Any) -> str:
        written = fields.text(value)
        if not form.match(written):
            raise InvalidValue(f"must be {what}")
        return written

    pattern = form.pattern.removesuffix(r"\Z")
    return fields.Checked(read, {"type": "string", "pattern": f"^{pattern}$"})


_OBJECT_FIELD = _text_like(_OBJECT, "NAMESPACE/NAME or NAME of an object in Kubernetes")
_HOST_FIELD = _text_like(_HOST, "a host, as producers write it, without a port")
_PATH_FIELD = _text_like(_PATH, "a path that begins with a slash, with its query")
_GATEWAY_FIELD = _text_like(_GATEWAY, "mesh, or NAMESPACE/NAME or NAME of a gateway")
_NAMESPACE_FIELD = fields.text_like(_LABEL, "the name of a namespace")
SUBSET: Final = fields.text_like(_LABEL, "the name of a subset: a-z, 0-9 and -")
_PORT = fields.whole(1, fields.MAX_PORT)
_START = fields.one_of(Start, *Start)
_LABEL_NAME = fields.TEXT
_LABEL_VALUE = fields.Checked(
    lambda value: value if isinstance(value, str) and not value else fields.text(value),
    {"type": "string"},
)


class Follow(Part):
    """An object of the mesh that decides in place of `split`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [each]} for each in OBJECTS]}
    )
    shape: ClassVar = "a mapping with `virtualService` or `httpRoute`"

    virtualService: Annotated[str | None, _OBJECT_FIELD] = Field(  # noqa: N815 - as Kubernetes has it
        default=None,
        description="The VirtualService of Istio, NAMESPACE/NAME; a name alone is in the gateway's "
        "own namespace. Either this or `httpRoute`.",
    )
    httpRoute: Annotated[str | None, _OBJECT_FIELD] = Field(  # noqa: N815 - as Kubernetes has it
        default=None,
        description="The HTTPRoute of the Gateway API, NAMESPACE/NAME; a name alone is in the "
        "gateway's own namespace. Either this or `virtualService`.",
    )
    host: Annotated[str | None, _HOST_FIELD] = Field(
        default=None,
        description="What producers call, as they write it; default the object's first host, or "
        "its first Service parent.",
    )
    port: Annotated[int | None, _PORT] = Field(
        default=None,
        description="The port that producers call; default that of the stable version's `url`.",
    )
    path: Annotated[str | None, _PATH_FIELD] = Field(
        default=None,
        description="The path that producers call; default that of the stable version's `url`.",
    )
    gateway: Annotated[str, _GATEWAY_FIELD] = Field(
        default=MESH,
        description="Which of the object's gateways producers go through: `mesh` are sidecars.",
    )
    labels: Annotated[dict[Annotated[str, _LABEL_NAME], Annotated[str, _LABEL_VALUE]], NOT_NULL] = (
        Field(
            default_factory=dict,
            description="The labels of the producers' pods, for `sourceLabels`; never those of the "
            "gateway.",
        )
    )
    namespace: Annotated[str | None, _NAMESPACE_FIELD] = Field(
        default=None,
        description="The producers' namespace; default the gateway's own.",
    )
    mirror: Annotated[bool, fields.FLAG] = Field(
        default=False,
        description="`true`: where the object mirrors requests to a version, that gets copies of "
        "messages too; each copy may have side effects.",
    )
    start: Annotated[Start, _START] = Field(
        default=Start.WAIT,
        description="Until the object was read once: `wait` receives nothing, `stable` sends all "
        "to the stable version.",
    )
