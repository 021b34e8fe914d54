"""The values of the chain's second hop: the emulator, roles, notes, and what does not fit."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.chart.chain import CHAIN_CHART, SERVICES, environment, found, named, rendered_chain
from tests.chart.notes import notes
from tests.chart.rendering import refusal
from tests.chart.two_hops import AWS, EMULATOR, QUEUES, SECOND_QUEUE, hops

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("values", [SECOND_QUEUE, QUEUES], ids=["second queue", "queues"])
def test_the_emulator_has_every_queue(values: Path, tmp_path: Path) -> None:
    """Those of the routes and those of the versions, each once."""
    objects = rendered_chain(EMULATOR, values)
    script = found(objects, "ConfigMap", "sqs-queues")["data"]["10-queues.sh"]
    (tmp_path / "awslocal").write_text('#!/bin/sh\necho "$4"\n')
    (tmp_path / "awslocal").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    made = done.stdout.split()
    both = hops(objects)
    wanted = {route.queue.name for route in both}
    wanted |= {each.queue.name for route in both for each in route.versions if each.queue}
    assert sorted(made) == sorted(wanted)


@pytest.mark.parametrize("values", [SECOND_QUEUE, QUEUES], ids=["second queue", "queues"])
def test_the_emulator_learns_senders_by_their_keys(values: Path) -> None:
    """It knows no sessions: the access key id is what SQS would say, and a front says it."""
    objects = rendered_chain(EMULATOR, values)
    for name in ("b", "b1"):
        told = environment(objects, name)
        assert told["AWS_ACCESS_KEY_ID"] == f"AROAEMULATED:{told['AWS_ROLE_SESSION_NAME']}"
        assert told["AWS_ENDPOINT_URL_SQS"] == "http://sqs:4566"
    assert environment(objects, "a")["AWS_ACCESS_KEY_ID"] == "emulated"
    _, front = found(objects, "Deployment", "sqs")["spec"]["template"]["spec"]["containers"]
    (port,) = found(objects, "Service", "sqs")["spec"]["ports"]
    assert port["targetPort"] == front["ports"][0]["name"]
    assert f"--port={front['ports'][0]['containerPort']}" in front["args"]
    assert front["image"] == "sqs-version-gateway:0.2.0"


def test_a_session_of_the_values_is_the_charts_own() -> None:
    sets = ["env[0].name=AWS_ROLE_SESSION_NAME", "env[0].value=mine"]
    objects = rendered_chain(SECOND_QUEUE, sets=sets)
    assert environment(objects, "b1") == {"AWS_ROLE_SESSION_NAME": "b1,version=v2"}
    assert environment(objects, "a") == {"AWS_ROLE_SESSION_NAME": "mine"}


def test_every_service_that_polls_may_have_a_role() -> None:
    accounts = named(rendered_chain(AWS), "ServiceAccount")
    roles = {
        name: (one["metadata"].get("annotations") or {}).get("eks.amazonaws.com/role-arn")
        for name, one in accounts.items()
        if name.startswith("chain-")
    }
    assert roles == {
        f"chain-{name}": None if name == "d" else f"arn:aws:iam::123456789012:role/chain-{name}"
        for name in SERVICES
    }


def test_both_ways_to_give_a_its_role_agree() -> None:
    """`roleArns.a` wins, and other annotations stay."""
    sets = ["serviceAccountAnnotations.team=shop", "roleArns.a=arn:aws:iam::123456789012:role/x"]
    metadata = found(rendered_chain(sets=sets), "ServiceAccount", "chain-a")["metadata"]
    assert metadata["annotations"] == {
        "team": "shop",
        "eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/x",
    }


@pytest.mark.parametrize(("stem", "values"), [("second-queue", SECOND_QUEUE), ("queues", QUEUES)])
def test_what_is_rendered_as_a_value_set_is_what_users_are_given(stem: str, values: Path) -> None:
    assert (CHAIN_CHART / "ci" / f"{stem}.yaml").read_text() == values.read_text()


def test_the_emulators_value_set_is_both_files_together() -> None:
    shown = rendered_chain(CHAIN_CHART / "ci" / "emulator-queues.yaml")
    assert shown == rendered_chain(EMULATOR, QUEUES)


@pytest.mark.parametrize(
    ("values", "sets", "words"),
    [
        (SECOND_QUEUE, ["secondRoute=nobody"], 'secondRoute: no route is called "nobody"'),
        (SECOND_QUEUE, ["secondRoute=orders"], 'secondRoute: "orders" feeds B already'),
        (SECOND_QUEUE, ["chain.mode=queues"], "needs the queue that the service b"),
        (QUEUES, ["chain.mode=http"], "url: is missing, but this version is the Service b"),
        (QUEUES, ["chain.mode=pull"], "chain/mode"),
        (QUEUES, ["chain.modus=http"], "modus"),
        (SECOND_QUEUE, ["roleArns.e=arn:aws:iam::123456789012:role/x"], "roleArns"),
        (SECOND_QUEUE, ["roleArns.b=chain-b"], "roleArns/b"),
    ],
)
def test_values_that_do_not_fit_are_refused(values: Path, sets: list[str], words: str) -> None:
    assert words in refusal(CHAIN_CHART, values, sets=sets)


@pytest.mark.parametrize(
    ("values", "said", "unsaid"),
    [
        ((), ["by sourceLabels", "create-queue --queue-name orders\n"], ["orders-c"]),
        ((SECOND_QUEUE,), ["who sent", 'route "orders-c"', "orders/now"], ["sourceLabels"]),
        ((QUEUES,), ["create-queue --queue-name b1\n", "queue-name orders-c\n"], ["orders/now"]),
        ((EMULATOR, QUEUES), ['route "orders-c"'], ["create-queue"]),
    ],
)
def test_the_notes_say_how_messages_go(
    values: tuple[Path, ...], said: list[str], unsaid: list[str]
) -> None:
    text = notes([], *values, of=CHAIN_CHART) + "\n"
    assert [words for words in said if words not in text] == []
    assert [words for words in unsaid if words in text] == []


def changed(folder: Path, route: int, **version: Any) -> Path:
    """Write the values of the second queue with another canary in one route."""
    values = yaml.safe_load(SECOND_QUEUE.read_text())
    values["gateway"]["routes"][route]["versions"]["canary"].update(version)
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def test_one_version_has_one_tag_on_both_hops(tmp_path: Path) -> None:
    told = refusal(CHAIN_CHART, changed(tmp_path, 1, tag="v3"))
    assert 'orders-c: versions: canary: tag: is "v3", but "v2" in route orders' in told


def test_a_tag_that_makes_a_session_too_long_is_refused(tmp_path: Path) -> None:
    values = yaml.safe_load(SECOND_QUEUE.read_text())
    for route in values["gateway"]["routes"]:
        route["versions"]["canary"]["tag"] = "r" * 54
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    assert "at most 64 characters" in refusal(CHAIN_CHART, tmp_path / "values.yaml")
