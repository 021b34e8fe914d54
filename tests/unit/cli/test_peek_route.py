"""What `peek` is to look at, where a person gives the name of a route in place of it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from gateway.cli.peek_route import source_and_route
from gateway.config.problems.problem import ProblemsFound
from gateway.core.kafka.plan import TopicAddress

if TYPE_CHECKING:
    from pathlib import Path

FILE = """
routes:
  - name: invoices
    kafka: {brokers: ["kafka:9092"], topic: billing.invoices, group: g, start: latest}
    versions: {stable: "http://b.shop:8080/events"}
    reject: block
  - name: mails
    queue: billing-mails
    versions: {stable: "http://b.shop:8080/events"}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "routes.yaml").write_text(FILE)
    return str(tmp_path / "routes.yaml")


def asked(config: str, name: str) -> argparse.Namespace:
    return argparse.Namespace(config=config, queue=name, route=None)


def test_the_name_of_a_route_with_a_topic_is_refused_with_the_topics(config: str) -> None:
    """Else it would be taken for a queue, and SQS asked for it."""
    with pytest.raises(ProblemsFound) as found:
        source_and_route(asked(config, "invoices"))
    (problem,) = found.value.problems
    assert str(problem).endswith("invoices is a route, and no topic (it reads billing.invoices)")
    topic, route = source_and_route(asked(config, "billing.invoices"))
    assert topic == TopicAddress("billing.invoices")
    assert route is not None
    assert route.name == "invoices"


def test_the_name_of_a_route_with_a_queue_may_be_another_queue(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """There may be a queue of that name which no route reads: it is said, and looked at."""
    queue, route = source_and_route(asked(config, "mails"))
    assert (queue.name, route) == ("mails", None)
    assert "(route mails has the queue billing-mails)" in capsys.readouterr().err
