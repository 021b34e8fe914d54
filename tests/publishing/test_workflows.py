"""The workflows of .github: as far as they can be judged without GitHub."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tests.publishing.workflows import FOLDER, MAY_WRITE, ROOT, load, problems

if TYPE_CHECKING:
    from collections.abc import Callable

WORKFLOWS: Final = sorted(FOLDER.glob("*.yml"))
TESTS: Final = (FOLDER / "tests.yml").read_text()
RELEASE: Final = (FOLDER / "release.yml").read_text()
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def tool(name: str) -> str:
    """Return a linter of the environment; skips the test where it has no wheel for the platform."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        pytest.skip(f"{name}: there is no wheel of it for this platform")
    return str(path)


def ends(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def job(name: str) -> dict[str, Any]:
    found: dict[str, Any] = load(RELEASE)["jobs"][name]
    return found


def scripts(path: Path) -> list[str]:
    jobs = load(path.read_text())["jobs"].values()
    return [step["run"] for each in jobs for step in each.get("steps", ()) if "run" in step]


def test_there_are_workflows_for_tests_chart_image_and_release() -> None:
    assert {path.stem for path in WORKFLOWS} == {"tests", "chart", "image", "release"}


@each_workflow
def test_a_workflow_keeps_the_rules(path: Path) -> None:
    assert problems(path.name, path.read_text()) == []


@each_workflow
def test_a_workflow_has_the_form_that_github_takes(path: Path) -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    assert ends(tool("check-jsonschema"), *schema, str(path)) == (0, "ok -- validation done\n")


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("vendor.dependabot", "dependabot.yml"),
        ("vendor.github-issue-forms", "ISSUE_TEMPLATE/[!c]*.yml"),
        ("vendor.github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ],
)
def test_the_other_files_have_the_form_that_github_takes(schema: str, pattern: str) -> None:
    files = [str(path) for path in (ROOT / ".github").glob(pattern)]
    assert files
    assert ends(tool("check-jsonschema"), "--builtin-schema", schema, *files)[0] == 0


def test_the_linter_of_weaknesses_finds_none() -> None:
    """zizmor, without the network, as an auditor would run it."""
    status, told = ends(
        tool("zizmor"), "--offline", "--persona=auditor", "--no-progress", ".github"
    )
    assert status == 0, told


@each_workflow
def test_a_script_can_be_read_by_the_shell(path: Path) -> None:
    for script in scripts(path):
        assert ends("bash", "-n", "-c", script) == (0, ""), script


def test_an_action_is_one_commit_everywhere() -> None:
    text = "".join(path.read_text() for path in WORKFLOWS)
    pinned = set(re.findall(r"uses: ([\w./-]+)@(\w{40}) # (\S+)", text))
    assert len(pinned) == len({action for action, _, _ in pinned})
    assert len(pinned) > 7


def test_each_python_that_is_promised_is_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r":: Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert load(TESTS)["jobs"]["tests"]["strategy"]["matrix"]["python"] == named
    assert project["requires-python"] == f">={named[0]}"


def test_the_tests_are_the_project_s_own_commands() -> None:
    """Those that CI elsewhere runs, with the Python that was asked for, behind what they need."""
    own = re.findall(r"^make \w+$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert scripts(FOLDER / "tests.yml")[1:] == [f"{command} PYTHON=python" for command in own]
    assert scripts(FOLDER / "chart.yml") == ["make chart PYTHON=python"]


def test_what_a_pull_request_runs_may_only_read() -> None:
    for path in WORKFLOWS:
        if "pull_request" in load(path.read_text())["on"]:
            assert not [name for name, _ in MAY_WRITE if name == path.name]
            assert "github.token" not in path.read_text()
            assert "push: true" not in path.read_text()


# ---- the release ---------------------------------------------------------------------------------


def test_a_release_starts_with_a_tag_alone() -> None:
    assert load(RELEASE)["on"] == {"push": {"tags": ["v*"]}}


def test_nothing_is_published_before_everything_is_tested() -> None:
    assert job("plan")["steps"][1]["run"] == 'make release-check TAG="$GITHUB_REF_NAME"'
    assert set(job("image")["needs"]) == {"plan", "tests", "chart"}
    for name in ("image-index", "chart-push", "pypi", "notes"):
        assert {"image", "image-index", "chart-push", "pypi"} & set(job(name)["needs"]), name


def test_what_cannot_be_taken_back_comes_last() -> None:
    """A version on PyPI can never be uploaded again."""
    assert {"dist", "image-index", "chart-push"} <= set(job("pypi")["needs"])


def test_the_image_is_made_for_both_architectures_with_sbom_and_provenance() -> None:
    matrix = job("image")["strategy"]["matrix"]["include"]
    assert {each["arch"]: each["runner"] for each in matrix} == {
        "amd64": "ubuntu-24.04",
        "arm64": "ubuntu-24.04-arm",
    }
    (build,) = [each for each in job("image")["steps"] if each.get("id") == "build"]
    assert (build["with"]["sbom"], build["with"]["provenance"]) == (True, "mode=max")
    assert "push-by-digest=true" in build["with"]["outputs"]
    assert set(job("image")["outputs"]) == {each["arch"] for each in matrix}


def test_the_build_arguments_are_those_of_the_dockerfile() -> None:
    (build,) = [each for each in job("image")["steps"] if each.get("id") == "build"]
    given = {line.partition("=")[0] for line in build["with"]["build-args"].split("\n") if line}
    known = set(re.findall(r"^ARG (\w+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert given <= known
    assert given == known - {"BASE", "EXTRAS", "VERSION"}  # those have values


@pytest.mark.parametrize("name", ["image-index", "chart-push"])
def test_what_is_pushed_is_signed_by_its_digest(name: str) -> None:
    (signing,) = [
        line for step in job(name)["steps"] for line in step.get("run", "").splitlines()
        if "cosign sign" in line
    ]  # fmt: skip
    assert re.search(r'cosign sign --yes (--recursive )?"\S+@\$(DIGEST|digest)"$', signing.strip())
    assert job(name)["permissions"]["id-token"] == "write"


def test_the_provenance_is_that_of_the_index() -> None:
    (attest,) = [
        each["with"] for each in job("image-index")["steps"]
        if each.get("uses", "").startswith("actions/attest@")
    ]  # fmt: skip
    assert attest["subject-digest"] == "${{ steps.index.outputs.digest }}"
    assert attest["push-to-registry"] is True


def test_pypi_trusts_the_workflow_and_not_a_password() -> None:
    pypi = job("pypi")
    assert pypi["environment"] == "pypi"
    assert pypi["permissions"] == {"id-token": "write"}
    (publish,) = [each for each in pypi["steps"] if "gh-action-pypi-publish" in each["uses"]]
    assert "with" not in publish
    assert not [each for each in pypi["steps"] if "run" in each]  # none of our code has the right


# ---- planted faults ------------------------------------------------------------------------------


def _swap(old: str, new: str) -> Callable[[str], str]:
    def plant(text: str) -> str:
        assert old in text, old
        return text.replace(old, new)

    return plant


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (_swap("de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2", "v6"), "not an action by its"),
        (_swap(" # v6.0.2", ""), "not an action by its commit"),
        (_swap("5447ce83dd", "5447ce83d"), "not an action by its commit"),
        (_swap("permissions: {}", "permissions: write-all"), "permissions at the top"),
        (_swap("\npermissions: {}\n", "\n"), "permissions at the top"),
        (_swap("      contents: read", "      contents: write"), "may write contents"),
        (_swap("      contents: read", "      id-token: write"), "may write id-token"),
        (_swap("    permissions:\n      contents: read\n", ""), "no permissions"),
        (_swap("    timeout-minutes: 90\n", ""), "no timeout-minutes"),
        (_swap("ubuntu-24.04", "ubuntu-latest"), "name a version of the runner"),
        (_swap("persist-credentials: false", "fetch-depth: 0"), "checkout keeps its token"),
        (_swap("make check", "make chekc"), "the Makefile has no such target"),
        (_swap("PYTHON=python", "PYTHON=${{ matrix.python }}"), "an expression in a script"),
        (_swap("matrix.python", "matrix.pyton"), "matrix.pyton: no such key"),
        (_swap("pull_request:", "pull_request_target:"), "runs on pull_request_target"),
        (_swap("concurrency:", "env:"), "no concurrency group"),
        (_swap("shell: bash", "shell: sh"), "a pipe hides a failure"),
        (_swap("name: Tests", "name: ${{ secrets.TOKEN }}"), "names secrets"),
    ],
)
def test_a_fault_of_the_tests_is_told(plant: Callable[[str], str], told: str) -> None:
    assert told in "\n".join(problems("tests.yml", plant(TESTS)))


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (_swap("needs: [plan, image]", "needs: [plan, images]"), "needs images, which is no job"),
        (
            _swap("outputs.base-digest }}\n            R", "outputs.base }}\n            R"),
            "base is",
        ),
        (_swap("needs: [plan, tests, chart]", "needs: [tests, chart]"), "needs.plan.outputs.image"),
        (_swap("- id: pushed", "- id: push"), "steps.pushed is no step"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(plant: Callable[[str], str], told: str) -> None:
    assert told in "\n".join(problems("release.yml", plant(RELEASE)))


def test_a_wrong_key_is_told_by_the_schema(tmp_path: Path) -> None:
    planted = tmp_path / "tests.yml"
    planted.write_text(TESTS.replace("timeout-minutes", "timeout-minuets"))
    schema = ("--builtin-schema", "vendor.github-workflows")
    assert ends(tool("check-jsonschema"), *schema, str(planted))[0] == 1


def test_a_weakness_is_told_by_the_linter(tmp_path: Path) -> None:
    planted = tmp_path / "tests.yml"
    planted.write_text(TESTS.replace("PYTHON=python", "NOTE=${{ github.head_ref }}"))
    status, told = ends(tool("zizmor"), "--offline", "--no-progress", str(planted))
    assert status != 0
    assert "template-injection" in told


def test_yaml_that_reads_on_as_a_boolean_is_read_right() -> None:
    assert True in yaml.safe_load(TESTS)
    assert "pull_request" in load(TESTS)["on"]


def test_the_tests_find_tomcat_and_jetty_there() -> None:
    """A JDK and the packages that have the jars; without them their tests are skipped."""
    (installs,) = (
        script for script in scripts(FOLDER / "tests.yml") if "apt-get install" in script
    )
    assert {
        "default-jdk-headless",
        "libtomcat10-embed-java",
        "libtomcat10-java",
        "libjetty9-java",
        "libservlet-api-java",
    } <= set(installs.split())
