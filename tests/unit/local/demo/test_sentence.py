"""The last line says what happened, and claims nothing where there is nothing to claim."""

from fraud_local.demo.figures import Detection, Figures
from fraud_local.demo.sentence import closing


def test_it_holds_what_was_caught_against_the_tutorial() -> None:
    figures = Figures(
        live=10_000,
        detection=Detection(judged=10_000, alerts=110, frauds=52, caught=41, money=100.0, stopped=88.0),
        tutorial=Detection(judged=10_000, alerts=900, frauds=52, caught=30, money=100.0, stopped=50.0),
    )

    assert closing(figures) == (
        "Caught 41 of 52 frauds, 88 % of the money, with 1.1 % alerts; "
        "the tutorial's rules: 30 of 52 with 9.0 %."
    )


def test_without_fraud_it_tells_the_price_alone() -> None:
    figures = Figures(
        live=200, detection=Detection(judged=200, alerts=2), tutorial=Detection(judged=200, alerts=30)
    )

    assert closing(figures) == (
        "No fraud among 200 transactions; 1.0 % of them were alerts (the tutorial's rules: 15 %)."
    )


def test_where_nobody_knows_it_says_so() -> None:
    figures = Figures(live=100, outcomes={"alert": 64, "classified": 36, "dead_letter": 0})

    assert closing(figures) == (
        "Decided 100 transactions, 64 of them alerts (64 %); nobody knows which were fraud."
    )


def test_ended_before_anything_was_live_it_judges_nothing() -> None:
    figures = Figures(outcomes={"alert": 1, "classified": 6, "dead_letter": 0})

    assert closing(figures) == "Decided 7 transactions, none of them live yet: nothing to judge."
