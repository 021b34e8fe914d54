"""The page of the chart's values, made of the comments in values.yaml and of the schema's types."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECTION: Final = re.compile(r"^# -+ (.+?) -+$")
KEY: Final = re.compile(r"^( *)([\w.-]+):(?: +(.*))?$")
COMMENT: Final = re.compile(r"^ *#(?: (.*))?$")
KINDS: Final = {bool: "boolean", int: "integer", str: "string", dict: "object", list: "array"}
HOW_TO: Final = "../how-to/"
WRITTEN_ELSEWHERE: Final = "routes"
"""The routing file has a page of its own: its example is not taken apart here."""


@dataclass(slots=True)
class Value:
    """A key of values.yaml: its path, its default as written, and what its comment says."""

    path: tuple[str, ...]
    default: str
    says: str
    block: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Section:
    """What stands between two headings of values.yaml."""

    title: str
    values: list[Value]


def sections(text: str) -> list[Section]:
    """Return the sections of a values.yaml with every key that is not inside a list."""
    found: list[Section] = [Section("Values", [])]
    above: list[str] = []
    stack: list[tuple[int, str]] = []
    for line in text.splitlines():
        if heading := SECTION.match(line):
            found.append(Section(heading[1], []))
            above = []
        elif comment := COMMENT.match(line):
            above.append(comment[1] or "")
        elif not line.strip():
            above = []
        elif (key := KEY.match(line)) and not _in_routes(stack, line):
            stack = [(depth, name) for depth, name in stack if depth < len(key[1])]
            stack.append((len(key[1]), key[2]))
            path = tuple(name for _, name in stack)
            default = _without_comment(key[3] or "")
            found[-1].values.append(Value(path, default, " ".join(above).strip()))
            above = []
        elif found[-1].values:
            found[-1].values[-1].block.append(line.strip())
    return [section for section in found if section.values]


def _in_routes(stack: list[tuple[int, str]], line: str) -> bool:
    """Whether the line is inside a list or of the example of `routes`."""
    inside = bool(stack) and stack[0][1] == WRITTEN_ELSEWHERE and line.startswith(" ")
    return inside or line.lstrip().startswith("- ")


def _without_comment(value: str) -> str:
    return re.sub(r"\s+#.*$", "", value)


def page(values: Path, schema: Path) -> str:
    """Return the page without its note."""
    types = json.loads(schema.read_text("utf-8"))
    text = "\n# Values of the chart\n\nEvery value of `charts/sqs-version-gateway`, from the "
    text += "comments of its `values.yaml`.\n"
    text += f"How to install it: [install with Helm]({HOW_TO}install-with-helm.md).\n"
    text += "What a route is: [the routing file](routing-file.md).\n"
    text += "An unknown key, and a value of another type, is refused by `values.schema.json`.\n"
    for section in sections(values.read_text("utf-8")):
        rows = list(_rows(section, types))
        text += f"\n## {section.title}\n\n| value | type | default | says |\n"
        text += "| --- | --- | --- | --- |\n" + "".join(rows)
    return text


def _rows(section: Section, types: dict[str, Any]) -> Iterator[str]:
    for number, value in enumerate(section.values):
        later = section.values[number + 1 :]
        parent = any(each.path[: len(value.path)] == value.path for each in later)
        if parent and not value.says:
            continue
        default = "-" if parent else _default(value)
        kind = _type(types, value)
        says = value.says.replace("|", "\\|") or "-"
        yield f"| `{'.'.join(value.path)}` | {kind} | {default} | {says} |\n"


def _default(value: Value) -> str:
    if value.path == (WRITTEN_ELSEWHERE,):
        return "an example"
    written = value.default or "; ".join(value.block)
    return f"`{written}`" if written else "-"


def _type(types: dict[str, Any], value: Value) -> str:
    part: dict[str, Any] = types
    for name in value.path:
        part = _object(part).get("properties", {}).get(name, {})
    return _kind(part) or KINDS.get(type(yaml.safe_load(value.default)), "any")


def _object(part: dict[str, Any]) -> dict[str, Any]:
    """Return the part that has properties: itself, or the option of it that is an object."""
    options = [*part.get("anyOf", []), *part.get("oneOf", [])]
    return next((option for option in options if "properties" in option), part)


def _kind(part: dict[str, Any]) -> str:
    options = [*part.get("anyOf", []), *part.get("oneOf", [])]
    if options:
        kinds = dict.fromkeys(_kind(option) for option in options)
        return " or ".join(kind for kind in kinds if kind)
    if "enum" in part:
        return ", ".join(f"`{json.dumps(word)}`" for word in part["enum"])
    kind = part.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
