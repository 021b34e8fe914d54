"""Made-up ledgers: a run in which all is right, and what a test spoils of it."""

from __future__ import annotations

from gateway.demo.audit import PATHS, Order, Path, Sighting

WEIGHTS = {"v1": 90, "v2": 10}


def order(number: int, tag: str = "v1", pin: str | None = None) -> Order:
    """Make an order that must travel under `tag`."""
    return Order(f"order-{number}", f"id-{number}", pin, tag)


def sighting(
    of: Order, path: Path | None = None, version: str | None = "", seconds: float = 0.01
) -> Sighting:
    """Make the sighting that an order should give, but for what is said."""
    return Sighting(of.name, path or PATHS[of.tag], of.tag if version == "" else version, seconds)


def good_run(messages: int = 100) -> tuple[list[Order], list[Sighting]]:
    """Return orders of which one in ten travels under v2, each seen once."""
    orders = [order(n, "v1" if n % 10 else "v2") for n in range(messages)]
    return orders, [sighting(one) for one in orders]
