"""Samplers decide as those of OpenTelemetry do."""

from __future__ import annotations

from uuid import UUID

import pytest

from gateway.core.messages.trace_context import TraceContext
from gateway.core.tracing.sampling import SAMPLERS, Sampler, parse_sampler, trace_id_of

YES = TraceContext("f" * 32, "1" * 16, sampled=True)
NO = TraceContext("0" * 31 + "1", "1" * 16, sampled=False, flags=0)
OPEN = TraceContext("f" * 32, "1" * 16, sampled=None)
IDS = [str(UUID(int=number * 2**96 + number)) for number in range(20_000)]


@pytest.mark.parametrize(
    ("name", "argument", "sampled"),
    [
        ("always_on", "", (True, True, True, True)),
        ("always_off", "", (False, False, False, False)),
        ("parentbased_always_on", "", (True, False, True, True)),
        ("parentbased_always_off", "", (True, False, False, False)),
        ("traceidratio", "0.5", (False, True, False, None)),
        ("parentbased_traceidratio", "0.5", (True, False, False, None)),
        ("parentbased_traceidratio", "", (True, False, True, True)),
        ("parentbased_traceidratio", "0", (True, False, False, False)),
    ],
)
def test_the_flag_or_the_trace_id_decides(
    name: str, argument: str, sampled: tuple[bool | None, ...]
) -> None:
    sampler = parse_sampler(name, argument)
    found = [sampler.samples(each, "m-1") for each in (YES, NO, OPEN, None)]
    assert [a == b for a, b in zip(found, sampled, strict=True) if b is not None] == [
        True for each in sampled if each is not None
    ]


def test_a_message_without_context_is_sampled_as_its_trace_id_says() -> None:
    """So a later sampler that looks at the trace id alone agrees."""
    sampler = Sampler(parent_based=False, ratio=0.01)
    roots = [sampler.samples(None, each) for each in IDS]
    by_id = [sampler.samples(TraceContext(trace_id_of(each), "", None), each) for each in IDS]
    assert roots == by_id
    assert 120 < sum(roots) < 280


def test_a_message_gets_the_same_trace_id_each_time() -> None:
    assert trace_id_of("m-1") == trace_id_of("m-1")
    assert len({trace_id_of(each) for each in IDS}) == len(IDS)
    assert {len(trace_id_of(each)) for each in IDS[:10]} == {32}


@pytest.mark.parametrize(
    ("name", "argument", "words"),
    [
        ("jaeger_remote", "", f"'jaeger_remote' is not one of {', '.join(SAMPLERS)}"),
        ("traceidratio", "1.5", "OTEL_TRACES_SAMPLER_ARG: '1.5' is no number from 0 to 1"),
        ("traceidratio", "nan", "'nan' is no number"),
        ("traceidratio", "many", "'many' is no number"),
    ],
)
def test_a_sampler_that_is_not_known_is_refused(name: str, argument: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_sampler(name, argument)
