"""The rules for .github/workflows, each told with the file and the place.

Schema and known weaknesses are judged by check-jsonschema and zizmor; these are the project's own:
actions by commit, few rights, no secrets where a stranger's code runs, the Makefile's commands, and
references that lead somewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".github" / "workflows"
ACTION: Final = re.compile(r"uses: (?:\./\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")
RUNNERS: Final = {"ubuntu-24.04", "ubuntu-24.04-arm", "${{ matrix.runner }}"}
MAY_WRITE: Final = {
    ("release.yml", "image"): {"packages"},
    ("release.yml", "image-index"): {"packages", "id-token", "attestations"},
    ("release.yml", "chart-push"): {"packages", "id-token"},
    ("release.yml", "pypi"): {"id-token"},
    ("release.yml", "notes"): {"contents"},
}
"""The rights to write, and the jobs that have them."""

EXPRESSION: Final = re.compile(r"\$\{\{(.*?)\}\}")
NEEDS: Final = re.compile(r"needs\.([\w-]+)\.outputs\.([\w-]+)")
STEP: Final = re.compile(r"steps\.([\w-]+)\.outputs\.[\w-]+")
MATRIX: Final = re.compile(r"matrix\.([\w-]+)")
MAKE: Final = re.compile(r"\bmake (?:--silent )?([\w-]+)")

Job = dict[str, Any]


def load(text: str) -> dict[str, Any]:
    """Return a workflow; YAML 1.1 reads its key `on` as true."""
    workflow: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if key is True else str(key): value for key, value in workflow.items()}


def problems(name: str, text: str) -> list[str]:
    """Return what is wrong with a workflow, one sentence each."""
    workflow = load(text)
    found = [*_of_the_text(text), *_of_the_whole(workflow)]
    for job, told in workflow["jobs"].items():
        found += [f"{job}: {each}" for each in _of_a_job(name, job, told)]
        found += [f"{job}: {each}" for each in _of_references(told, workflow["jobs"])]
    return [f"{name}: {each}" for each in found]


def _of_the_text(text: str) -> Iterator[str]:
    for line in text.splitlines():
        stated = line.strip().removeprefix("- ")
        if stated.startswith("uses:") and not ACTION.fullmatch(stated):
            yield f"not an action by its commit, with its version behind it: {stated}"
    if re.search(r"\bsecrets\b", text):
        yield "names secrets: github.token and OIDC are all that is needed"


def _of_the_whole(workflow: dict[str, Any]) -> Iterator[str]:
    if workflow.get("permissions") != {}:
        yield "permissions at the top are not {}: each job states its own"
    if "group" not in workflow.get("concurrency", {}):
        yield "no concurrency group"
    if workflow.get("defaults") != {"run": {"shell": "bash"}}:
        yield "the shell is not bash: without it a pipe hides a failure"
    dangerous = {"pull_request_target", "workflow_run", "issue_comment"}
    for event in sorted(dangerous & set(workflow["on"])):
        yield f"runs on {event}: with rights, on what a stranger wrote"


def _of_a_job(name: str, job: str, told: Job) -> Iterator[str]:
    rights = told.get("permissions")
    if rights is None:
        yield "no permissions"
    writes = {right for right, level in (rights or {}).items() if level != "read"}
    if extra := writes - MAY_WRITE.get((name, job), set()):
        yield f"may write {', '.join(sorted(extra))}"
    if "uses" in told:
        return
    if "timeout-minutes" not in told:
        yield "no timeout-minutes"
    if told["runs-on"] not in RUNNERS:
        yield f"runs on {told['runs-on']}: name a version of the runner"
    for step in told["steps"]:
        yield from _of_a_step(step)


def _of_a_step(step: Job) -> Iterator[str]:
    checkout = step.get("uses", "").startswith("actions/checkout@")
    if checkout and step.get("with", {}).get("persist-credentials") is not False:
        yield "checkout keeps its token: persist-credentials: false"
    run = step.get("run", "")
    if "${{" in run:
        yield f"an expression in a script: pass it by env: {run.strip()}"
    for target in MAKE.findall(run):
        if target not in targets():
            yield f"make {target}: the Makefile has no such target"


def _of_references(told: Job, jobs: dict[str, Job]) -> Iterator[str]:
    needed = told.get("needs", [])
    needed = [needed] if isinstance(needed, str) else needed
    yield from (f"needs {each}, which is no job" for each in needed if each not in jobs)
    written = yaml.safe_dump(told)
    expressions = " ".join(EXPRESSION.findall(written))
    for job, output in NEEDS.findall(expressions):
        if job not in needed or output not in jobs.get(job, {}).get("outputs", {}):
            yield f"needs.{job}.outputs.{output} is given by no job that it needs"
    ids = {step.get("id") for step in told.get("steps", ())}
    yield from (f"steps.{each} is no step" for each in STEP.findall(expressions) if each not in ids)
    matrix = told.get("strategy", {}).get("matrix", {})
    keys = set(matrix) | {key for entry in matrix.get("include", ()) for key in entry}
    yield from (
        f"matrix.{each}: no such key" for each in MATRIX.findall(expressions) if each not in keys
    )


def targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
