"""How Argo Rollouts goes on with one metric, as its documentation says.

There is no evaluator of its expressions for Python, so this one knows the forms that our templates
have: `result.KEY == "WORD"`, `!=`, and `result[0] >= NUMBER` of a vector. Source:
https://github.com/argoproj/argo-rollouts/blob/master/docs/features/analysis.md
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

EXPRESSION: Final = re.compile(r'result\.(\w+) (==|!=) "([^"]+)"')
OF_VECTOR: Final = re.compile(r"result\[0\] >= (\d+)")

Result = dict[str, Any] | list[float]
"""A response of the gateway's, or the values of a vector."""


def holds(expression: str, result: Result) -> bool:
    """Evaluate a condition; raises AssertionError for one of another form."""
    if isinstance(result, list):
        bound = OF_VECTOR.fullmatch(expression)
        assert bound, f"not known here: {expression}"
        return result[0] >= float(bound[1])
    matched = EXPRESSION.fullmatch(expression)
    assert matched, f"not known here: {expression}"
    key, operator, word = matched.groups()
    return (result[key] == word) is (operator == "==")


def measure(metric: dict[str, Any], result: Result | None) -> str:
    """Return what one measurement is; None: no response, or none with a 2xx."""
    if result is None:
        return "Error"
    if "failureCondition" in metric and holds(metric["failureCondition"], result):
        return "Failed"
    if holds(metric["successCondition"], result):
        return "Successful"
    return "Inconclusive" if "failureCondition" in metric else "Failed"


def run(metric: dict[str, Any], results: Iterable[Result | None]) -> str:
    """Return how the analysis ends, or `Running` where the results do not end it."""
    failed = inconclusive = errors = successes = 0
    for result in results:
        outcome = measure(metric, result)
        errors = errors + 1 if outcome == "Error" else 0
        successes = successes + 1 if outcome == "Successful" else 0
        failed += outcome == "Failed"
        inconclusive += outcome == "Inconclusive"
        if failed > metric.get("failureLimit", 0):
            return "Failed"
        if inconclusive > metric.get("inconclusiveLimit", 0):
            return "Inconclusive"
        if errors > metric.get("consecutiveErrorLimit", 4):
            return "Error"
        if 0 < metric.get("consecutiveSuccessLimit", 0) <= successes:
            return "Successful"
    return "Running"
