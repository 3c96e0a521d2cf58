"""So few frauds that chance decides are said, where labels are learned from and where they judge."""

from fraud_trainer.few import few_frauds


def test_enough_frauds_are_not_spoken_of() -> None:
    assert few_frauds(20, 20) == []
    assert few_frauds(None, None) == []


def test_few_are_counted() -> None:
    assert few_frauds(3, 1) == [
        "there are only 3 frauds to learn from: which ones they are decides what it finds",
        "there is only 1 fraud in what was judged: its figures are largely chance",
    ]
    assert few_frauds(None, 0) == ["there is no fraud in what was judged: its figures are largely chance"]
