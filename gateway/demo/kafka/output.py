"""The output of the demo with Kafka, in ASCII; `common` prints the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.demo.audit import Audit
    from gateway.demo.checks import Check
    from gateway.demo.kafka.environment import KafkaEnvironment
    from gateway.demo.output import Output

PICTURE: Final = """\
                              {stable}  +-> B  --> C  --+
  orders --> A --> Kafka --> gateway --+               +--> D
                              {canary}  +-> B1 --> C1 --+
"""

PLACES: Final = (
    ("gateway", "/", "admin port: health, metrics, /api/routes"),
    ("A", "/orders", "takes orders, produces them to the topic, key: the customer"),
    ("B", "/events", "stable, calls C"),
    ("B1", "/events", "canary, calls C1"),
    ("D", "/paths", "remembers the path of every order"),
)

LEGEND: Final = """
  split: sent by the weight of their key; pinned: sent by the header `version`{pins}
  share: of the keys, as all orders of a key that are not pinned go to one version
  p50, p95, p99: from A to D, with the wait in the topic and behind those of their key
"""

TO_TRY: Final = """
Everything keeps running until Ctrl-C.

Send an order to the canary, then see which way it took:
  curl -d '{{"order": "mine", "customer": "me"}}' -H 'version: v2' {a}/orders
  curl {d}/paths/mine

Change the split: edit this file and watch {gateway}/api/routes
  {routing_file}
"""


class KafkaOutput:
    """Prints what only the demo with Kafka has."""

    def __init__(self, common: Output) -> None:
        self.common = common

    def environment(self, environment: KafkaEnvironment, weights: Mapping[str, int]) -> None:
        """Print the chain and where every process is."""
        addresses, total = environment.addresses, sum(weights.values())
        stable, canary = (f"{weight / total:4.0%} {tag}" for tag, weight in weights.items())
        self.common.line(PICTURE.format(stable=stable, canary=canary))
        what = "a broker in memory, topic `orders`, 4 partitions"
        self.common.line(f"  {'Kafka':<8} {environment.brokers:<30} {what}")
        for name, path, what in PLACES:
            usual = addresses.moved().get(name)
            taken = f" ({usual} is taken)" if usual else ""
            self.common.line(f"  {name:<8} {addresses.url(name, path):<30} {what}{taken}")
        self.common.line()

    def result(self, audit: Audit, checks: Sequence[Check], messages: int) -> None:
        """Print a row for each path, the checks, and whether all passed."""
        self.common.audit(audit, legend=LEGEND)
        self.common.checks(checks)
        if all(check.good for check in checks):
            text = f"PASS: each of {messages:,} orders took the path that its pin or its key"
            self.common.line(f"\n{text} decides, in the order of its key", "bold green")
        else:
            self.common.line("\nFAIL: not all of this held, see above", "bold red")

    def running(self, environment: KafkaEnvironment) -> None:
        """Print what to look at and to try."""
        url = environment.addresses.url
        urls = {"a": url("A"), "d": url("D"), "gateway": url("gateway")}
        self.common.line(TO_TRY.format(**urls, routing_file=environment.routing_file))
