"""What helm says after an install or an upgrade; none is made."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.chart.rendering import API_VERSIONS, GATEWAY_CHART, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chart.rendering import Object

NOTES: Final = Path("templates") / "NOTES.txt"


def notes(
    sets: Sequence[str],
    *values: Path,
    upgrade: bool = False,
    versions: Sequence[str] = API_VERSIONS,
    of: Path = GATEWAY_CHART,
) -> str:
    """Return NOTES.txt as helm fills it in: `template` does not print it, so an object has it."""
    objects = render(_with_notes(of), *values, sets=sets, versions=versions, upgrade=upgrade)
    return _taken_out(objects)


def notes_and_objects(*values: Path) -> tuple[str, list[Object]]:
    """Return the gateway's NOTES.txt and all objects, of one render."""
    objects = render(_with_notes(GATEWAY_CHART), *values)
    return _taken_out(objects), objects


def _taken_out(objects: list[Object]) -> str:
    (found,) = (one for one in objects if one["metadata"]["name"] == "the-notes")
    objects.remove(found)
    return str(found["data"]["notes"])


@cache
def _with_notes(of: Path) -> Path:
    """Return a copy of the chart, beside its neighbours, with NOTES.txt in a ConfigMap."""
    folder = Path(tempfile.mkdtemp(prefix="notes."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    shutil.copytree(of.parent, folder, dirs_exist_ok=True)
    chart = folder / of.name
    text = (of / NOTES).read_text()
    (chart / "templates" / "_notes.tpl").write_text(
        '{{- define "the.notes" }}' + text + "{{ end }}"
    )
    (chart / "templates" / "notes.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: the-notes}\ndata:\n"
        '  notes: {{ include "the.notes" . | toRawJson }}\n'
    )
    return chart
