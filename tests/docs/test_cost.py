"""The sums of docs/explanation/cost.md, done once more."""

from __future__ import annotations

from typing import Final

import pytest

from tests.docs.generate import ROOT

PAGE: Final = (ROOT / "docs/explanation/cost.md").read_text()
SECONDS_A_MONTH: Final = 30 * 86_400
USD_A_MILLION: Final = 0.40
RATES: Final = (10, 100, 1_000, 10_000)
NOT_YET: Final = "not measured yet"
TO_THE_CENT_USD: Final = 100


def rows(mark: str) -> list[list[str]]:
    """Return the cells of the table between a mark and its end, without its head."""
    part = PAGE.partition(f"<!-- {mark} -->")[2].partition(f"<!-- end of {mark} -->")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def requests(rate: float, per_1000: float) -> float:
    """Return the requests of a month at so many messages a second."""
    return rate * SECONDS_A_MONTH * per_1000 / 1000


def usd(requests_a_month: float) -> str:
    """Return their price as the page writes it: to the cent, larger sums to the dollar."""
    price = requests_a_month * USD_A_MILLION / 1e6
    return f"{price:,.2f}" if price < TO_THE_CENT_USD else f"{price:,.0f}"


def bill_row(rate: int, per_1000: int) -> list[str]:
    """Return the row of the bill for what was measured."""
    asked = requests(rate, per_1000)
    return [f"{rate:,}", f"{per_1000:,}", f"{asked:,.0f}", usd(asked)]


def test_the_bill_follows_from_what_was_measured() -> None:
    """To fill it in, write the second column: a failure shows the rest."""
    found = rows("bill")
    assert [row[0] for row in found] == [f"{rate:,}" for rate in RATES]
    for rate, row in zip(RATES, found, strict=True):
        if row[1] != NOT_YET:
            assert row == bill_row(rate, int(row[1].replace(",", "")))


def test_an_incorrect_sum_would_be_found() -> None:
    assert bill_row(100, 200) == ["100", "200", "51,840,000", "20.74"]
    assert bill_row(10_000, 2_000)[3] == "20,736"


def test_what_others_pay_is_worked_out_by_the_same_formula() -> None:
    for rate, row in zip(RATES, rows("others"), strict=True):
        paid = [f"{usd(requests(rate, per_1000))} USD" for per_1000 in (2_000, 1_100, 200)]
        assert row == [f"{rate:,}", *paid]


@pytest.mark.parametrize(
    ("routes", "receives_a_second", "said", "price"),
    [
        (1, 1 / 20, "129,600 receives a month", "0.05 USD"),
        (40, 1 / 20, "5,184,000 receives", "2.07 USD"),
        (1, 1, "2,592,000", "1.04 USD"),
        (1, 5, "", "5.18 USD"),
    ],
)
def test_idle_queues_cost_what_is_said(
    routes: int, receives_a_second: float, said: str, price: str
) -> None:
    asked = routes * receives_a_second * SECONDS_A_MONTH
    assert f"{usd(asked)} USD" == price
    assert f"{asked:,.0f}" in said or not said
    part = PAGE.partition("## What idle queues cost")[2].partition("\n## ")[0]
    assert said in part
    assert price in part


def test_the_price_is_the_page_s() -> None:
    assert f"| standard queue | {USD_A_MILLION:.2f} USD |" in PAGE
    assert "https://aws.amazon.com/sqs/pricing/" in PAGE
