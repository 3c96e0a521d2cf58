import numpy as np
import pytest

from fraud_core.models.evidence import ALONE, MOST, MerchantEvidence, odds, surprise

NAN = float("nan")


def excess(transactions: float, frauds: float, usual: float = 0.01) -> float:
    rate = (frauds + 20 * usual) / (transactions + 20)
    return float(
        MerchantEvidence().excess(
            np.array([rate]), np.array([float(transactions)]), np.array([float(frauds)])
        )[0]
    )


@pytest.mark.parametrize(("transactions", "frauds"), [(0, 0), (7, 0), (400, 2), (7, 1), (NAN, NAN)])
def test_what_chance_makes_is_no_evidence_against_a_merchant(transactions: float, frauds: float) -> None:
    assert excess(transactions, frauds) == 0.0


def test_the_more_is_known_of_a_compromised_merchant_the_more_it_counts() -> None:
    known = [excess(transactions, transactions) for transactions in (2, 4, 8, 100)]

    assert known == sorted(known)
    assert 0.0 < known[0] < 0.1
    assert 0.7 < known[-1] < 1.0


def test_frauds_that_are_usual_among_all_merchants_are_no_evidence() -> None:
    assert excess(50, 3, usual=0.01) > 0.0
    assert excess(50, 3, usual=0.05) == 0.0


def test_surprise_is_the_share_as_far_out_and_goes_on_where_no_transaction_was() -> None:
    inputs = np.random.default_rng(0).exponential(size=(20_000, 1)).astype(np.float32)
    usual = surprise(inputs)
    beyond = (usual.centre + np.quantile(np.abs(inputs - usual.centre), [0.9, 0.99])).astype(np.float32)

    at = usual.of(
        np.array([[usual.centre[0]], *beyond[:, None], [9.0], [12.0], [1e30], [np.inf]], np.float32)
    )

    assert at[:3, 0].tolist() == pytest.approx([0.0, np.log(10), np.log(100)], abs=0.01)
    assert at[2, 0] < at[3, 0] < at[4, 0] < at[5, 0] == at[6, 0] == MOST


def test_a_count_that_few_have_surprises_as_often_as_it_is_seen_and_no_more_beyond() -> None:
    inputs = np.ones((10_000, 2), dtype=np.float32)
    inputs[:50, 0] = 2.0
    usual = surprise(inputs)

    at = usual.of(np.array([[1.0, 1.0], [2.0, 1.0], [50.0, 50.0]], dtype=np.float32))

    assert at[:, 0].tolist() == pytest.approx([0.0, np.log(200), np.log(200)])
    assert at[:, 1].tolist() == [0.0, 0.0, 0.0]


def test_one_surprising_input_counts_by_itself_though_the_rest_is_usual() -> None:
    found = odds(np.array([0.5, 0.5, 0.01]), np.array([[0.0, 0.0], [12.0, 0.0], [0.0, 0.0]]), ALONE)

    assert found.tolist() == pytest.approx([2.0 + ALONE, 2.0 + ALONE * np.exp(12.0), 100.0 + ALONE])
