"""Loads a routing file: from its bytes to a routing table, or to every problem at once."""

from __future__ import annotations

from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from gateway.config.checks import routes
from gateway.config.checks.kafka_settings import setting_findings
from gateway.config.compiler import compile_route
from gateway.config.problems.findings import WHOLE_FILE, format_path, sanitize
from gateway.config.problems.problem import Problem, ProblemsFound
from gateway.config.schema import error_messages
from gateway.config.schema.routing_file import RoutingFile
from gateway.config.yaml.composer import compose
from gateway.config.yaml.syntax import YamlSyntaxError
from gateway.core.routing.route import RoutingTable

if TYPE_CHECKING:
    from gateway.config.checks.kafka_settings import Names
    from gateway.config.problems.findings import Finding
    from gateway.config.yaml.document import Document

MAX_BYTES: Final = 1024 * 1024
"""The size limit of a ConfigMap. Source: https://kubernetes.io/docs/concepts/configuration/configmap/"""

MAX_PROBLEMS: Final = 500
"""The most problems of one report: suggestions for 50,000 problems would take seconds."""

_MOST: Final = MAX_PROBLEMS + 1  # of each kind, to know that there are more


def load(text: bytes, file: str, names: Names | None = None) -> RoutingTable:
    """Return the routing table of a text; raises ProblemsFound, with `file` as its name.

    Settings of a Kafka client are checked by `names`, where those are given.
    """
    if len(text) > MAX_BYTES:
        what = f"is larger than {MAX_BYTES // 1024:,} KiB, which is all that a ConfigMap holds"
        raise ProblemsFound([Problem(file, None, WHOLE_FILE, what)])
    try:
        document = compose(text)
    except YamlSyntaxError as error:
        raise ProblemsFound(_problems(text, file, error.findings[:_MOST])) from None
    spec, findings = _validate(document, names)
    if spec is None or findings:
        raise ProblemsFound(_problems(text, file, findings, document))
    routes = tuple(map(compile_route, spec.routes))
    return RoutingTable(routes, sha256(text).hexdigest())


def _validate(document: Document, names: Names | None) -> tuple[RoutingFile | None, list[Finding]]:
    findings = [*document.findings[:_MOST], *islice(routes.findings(document), _MOST)]
    if names is not None:
        findings += islice(setting_findings(document.root.value, names), _MOST)
    try:
        return RoutingFile.model_validate(document.root.value), findings
    except ValidationError as error:
        return None, [*findings, *error_messages.findings_of(error, _MOST)]


def _problems(
    text: bytes, file: str, findings: list[Finding], document: Document | None = None
) -> list[Problem]:
    # The parser reports a problem at the end of a file on a line below the last one.
    last = max(1, len(text.decode(errors="replace").splitlines()))
    found = []
    for finding in findings:
        path, line = finding.path, finding.line
        if document is not None and line is None:
            line = document.line(path)
            # A version given as a URL has no key `url` for the place to name.
            path = path if finding.absent else document.existing(path)
        what, hint = sanitize(finding.what), sanitize(finding.hint)
        found.append(Problem(file, min(line or 1, last), format_path(path), what, hint))
    found = sorted(dict.fromkeys(found), key=lambda problem: problem.line or 0)
    if len(found) > MAX_PROBLEMS:
        what = f"has more problems than these {MAX_PROBLEMS}"
        found[MAX_PROBLEMS:] = [Problem(file, last, WHOLE_FILE, what, "mend these first")]
    return found
