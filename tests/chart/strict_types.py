"""What the types of Flagger's and of Argo Rollouts' objects have in common."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Duration = Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$")]
"""As Go reads it."""
Count = Annotated[int, Field(ge=0)]
Percent = Annotated[int, Field(ge=0, le=100)]
Port = Annotated[int, Field(ge=1, le=65535)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+")]


class Strict(BaseModel):
    """Knows all of its fields; those with humps are in snake case here."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Metadata(Strict):
    """Of any object."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Named(Strict):
    """Another object of this name."""

    name: str
    namespace: str = ""


class Reference(Strict):
    """The workload that is rolled out."""

    api_version: Literal["apps/v1"]
    kind: Literal["Deployment", "DaemonSet"]
    name: str


Model = TypeVar("Model", bound=Strict)


def one_field(read: Model) -> Model:
    """Return it; raises ValueError unless it has exactly one of its fields."""
    if len(read.model_fields_set) != 1:
        names = ", ".join(each.alias or name for name, each in type(read).model_fields.items())
        raise ValueError(f"is one of {names}")
    return read


class StringMatch(Strict):
    """One of its fields."""

    exact: str | None = None
    prefix: str | None = None
    regex: str | None = None

    @model_validator(mode="after")
    def _is_one(self) -> StringMatch:
        return one_field(self)
