"""Replicas that see a ConfigMap late, seldom and out of order still agree in the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.state.config_map import FOLDED, REPLICA, ROUTE, SeenConfigMap
from gateway.core.rollout.contributions import Contributions
from gateway.core.rollout.evidence import LENGTH
from gateway.core.rollout.route_state import RouteState
from gateway.core.rollout.stored import dump_folded, dump_state, dump_sums

REPLICAS = ("a", "b", "c")
WRITES = st.one_of(
    st.tuples(st.just("weight"), st.integers(0, 100)),
    st.tuples(st.just("sums"), st.sampled_from(REPLICAS)),
    st.tuples(st.just("fold"), st.sampled_from(REPLICAS)),
)


@dataclass
class Written:
    """A ConfigMap as its writers leave it: a route changes in order, and sums grow."""

    texts: dict[str, str] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)
    contributions: Contributions = field(default_factory=Contributions)
    generation: int = 0

    def apply(self, kind: str, what: object) -> dict[str, str]:
        if kind == "weight":
            assert isinstance(what, int)
            self.generation += 1
            self.texts[f"{ROUTE}orders"] = dump_state(RouteState(self.generation, what))
        elif what not in self.contributions.folded_replicas:
            assert isinstance(what, str)
            if kind == "sums":
                self._count(what)
            else:
                self._fold(what)
        return dict(self.texts)

    def _count(self, replica: str) -> None:
        self.counted[replica] = self.counted.get(replica, 0.0) + 1.0
        sums = {"orders": (self.counted[replica],) * LENGTH}
        by_replica = {**self.contributions.by_replica, replica: sums}
        before = self.contributions
        self.contributions = Contributions(by_replica, before.folded, before.folded_replicas)
        self.texts[REPLICA + replica] = dump_sums(sums)

    def _fold(self, replica: str) -> None:
        self.contributions = self.contributions.fold([replica])
        self.texts.pop(REPLICA + replica, None)
        folded = self.contributions
        self.texts[FOLDED] = dump_folded(folded.folded, folded.folded_replicas)


@given(st.lists(WRITES, min_size=1, max_size=20), st.data())
def test_the_last_content_decides_in_whatever_order_others_were_seen(
    writes: list[tuple[str, object]], choices: st.DataObject
) -> None:
    """And on the way no generation falls back, and no evidence that was counted goes away."""
    written = Written()
    contents = [written.apply(*write) for write in writes]
    seen, generation, messages = SeenConfigMap(), 0, 0.0
    order = choices.draw(st.lists(st.sampled_from(range(len(contents))), max_size=12))
    for at in [*order, len(contents) - 1]:
        seen.take(contents[at], 0.0)
        state = seen.routes.get("orders")
        found = state.generation if isinstance(state, RouteState) else 0
        counted = seen.contributions.total().get("orders", (0.0,))[0]
        assert found >= generation
        assert counted >= messages
        generation, messages = found, counted
    assert generation == written.generation
    assert messages == sum(written.counted.values())
    assert seen.unwritten == []
    assert seen.torn_contributions == []
