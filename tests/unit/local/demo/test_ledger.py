"""Every transaction is matched with its decision exactly once, however both sides arrive."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from fraud_local.demo.ledger import ARRIVED, PRODUCED, Balance, Ledger


def produced(*names: str) -> pl.DataFrame:
    rows = [(name, 1.0, False, None, True, False) for name in names]
    return pl.DataFrame(rows, schema=PRODUCED, orient="row")


def arrived(*names: str) -> pl.DataFrame:
    return pl.DataFrame([(name, "alert", 0.5, 3.0) for name in names], schema=ARRIVED, orient="row")


def ids(frame: pl.DataFrame) -> list[str]:
    return frame["transaction_id"].to_list()


def test_a_decision_that_arrives_before_its_transaction_is_told_waits_for_it() -> None:
    ledger = Ledger()

    assert ids(ledger.settle([], [arrived("a")])) == []
    assert ids(ledger.settle([produced("a")], [])) == ["a"]
    assert ledger.balance() == Balance(undecided=0, repeated=0, others=0)


def test_what_has_no_decision_is_undecided() -> None:
    ledger = Ledger()
    ledger.settle([produced("a", "b", "c")], [arrived("b")])

    assert ledger.undecided == 2
    assert ledger.balance().undecided == 2


def test_a_second_decision_is_told_from_a_decision_on_somebody_elses_transaction() -> None:
    ledger = Ledger()
    ledger.settle([produced("a")], [arrived("a", "a")])
    ledger.settle([], [arrived("a"), arrived("by hand")])

    assert ledger.balance() == Balance(undecided=0, repeated=2, others=1)


@given(data=st.data(), count=st.integers(0, 30))
def test_in_any_order_and_any_portions_all_match_once(data: st.DataObject, count: int) -> None:
    names = [f"t{number}" for number in range(count)]
    left, right = (data.draw(st.permutations(names)) for _ in range(2))
    cut_left, cut_right = (sorted(data.draw(st.lists(st.integers(0, count), max_size=4))) for _ in range(2))
    ledger, matched = Ledger(), []
    for index in range(max(len(cut_left), len(cut_right)) + 1):
        matched += ids(
            ledger.settle([produced(*part(left, cut_left, index))], [arrived(*part(right, cut_right, index))])
        )

    assert sorted(matched) == sorted(names)
    assert ledger.balance() == Balance(undecided=0, repeated=0, others=0)


def part(names: list[str], cuts: list[int], index: int) -> list[str]:
    """The piece between two cuts; the last piece comes with the first index beyond the cuts."""
    edges = [0, *cuts, len(names)]
    return names[edges[index] : edges[index + 1]] if index + 1 < len(edges) else []
