"""Golden renders: what each value set makes of a chart, kept as YAML that a person can review.

`make chart ARGS=--renew` writes them anew; read the difference before you commit it. A value set's
file holds in full what differs from the chart's own values, and names the rest. Files of the chart
that are rendered whole stand there by their names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from tests.chart.rendering import Object

GOLDEN: Final = Path(__file__).parent / "golden"


class _Dumper(yaml.SafeDumper):
    """Long texts keep their lines."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def defaults_of(values: Path) -> str:
    """Return what files/defaults.yaml has to say: the values without their comments."""
    head = "# values.yaml without its comments; `make chart ARGS=--renew` writes it.\n"
    return head + yaml.safe_dump(yaml.safe_load(values.read_text()), sort_keys=False, width=100)


def path_of(chart: Path, values: str) -> Path:
    """Return the golden file of a value set."""
    return GOLDEN / chart.name / f"{values}.yaml"


def text_of(chart: Path, objects: list[Object], default: list[Object] | None = None) -> str:
    """Return the golden text of a rendering, in an order that templates do not change.

    What is equal to an object of `default` is only named.
    """
    known = {_key(each): each for each in default or ()}
    changed = [each for each in objects if known.get(_key(each)) != each]
    documents: list[Any] = sorted((_folded(chart, each) for each in changed), key=_key)
    present = {_key(each) for each in objects}
    if default is not None:
        as_default = [_key(each) for each in objects if each not in changed]
        gone = [key for key in known if key not in present]
        documents.insert(0, {"asByDefault": sorted(as_default), "notThere": sorted(gone)})
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=True, width=100, allow_unicode=True)


def _key(thing: Object) -> str:
    return f"{thing['kind']} {thing['metadata']['name']}"


def _folded(chart: Path, thing: Object) -> Object:
    """Name the chart's own files where they stand whole in an object."""
    files = chart / "files"
    if thing["kind"] == "PrometheusRule":
        whole = yaml.safe_load((files / "alerts.yaml").read_text())
        if thing["spec"] == whole:
            return thing | {"spec": "<files/alerts.yaml>"}
    if thing["kind"] == "ConfigMap" and "data" in thing and (files / "dashboard.json").exists():
        whole = json.loads((files / "dashboard.json").read_text())
        inside = {
            name: "<files/dashboard.json>"
            if name.endswith(".json") and json.loads(text) == whole
            else text
            for name, text in thing["data"].items()
        }
        return thing | {"data": inside}
    return thing
