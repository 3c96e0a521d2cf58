from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from fraud_core.errors import RuleError
from fraud_core.rules import RuleSet, evaluate, load_rules
from fraud_core.rules.columns import rule_columns


def batch(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(rule_columns()))


def rules(tmp_path: Path, text: str) -> RuleSet:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return load_rules(path)


def test_the_tutorials_rules_give_the_tutorials_reasons() -> None:
    frame = batch(
        {"amount": 400.01, "location": "IN", "previous_location": "US", "seconds_since_location": 60.0,
         "merchant": "XYZ_Merchant"},
        {"amount": 400.0, "location": "US", "previous_location": "US", "seconds_since_location": 60.0,
         "merchant": "Amazon"},
    )  # fmt: skip

    fired = evaluate(load_rules(), frame)

    assert fired.reasons() == [
        ["High amount", "Location change from US to IN", "Merchant XYZ_Merchant flagged"],
        [],
    ]
    assert fired.names() == [["high_amount", "location_change", "flagged_merchant"], []]
    assert fired.alert.tolist() == [True, False]
    assert fired.alerting().tolist() == ["high_amount,location_change,flagged_merchant", ""]


def test_a_location_change_counts_for_two_hours() -> None:
    moved = {"location": "IN", "previous_location": "US"}
    frame = batch({**moved, "seconds_since_location": 7200.0}, {**moved, "seconds_since_location": 7201.0})

    assert evaluate(load_rules(), frame).alert.tolist() == [True, False]


def test_nothing_fires_on_what_is_unknown() -> None:
    assert not evaluate(load_rules(), batch({}, {"location": "US"})).matrix.any()


def test_negation_does_not_turn_unknown_into_a_reason_to_fire(tmp_path: Path) -> None:
    ruleset = rules(tmp_path, "- {name: a, expression: NOT merchant = 'Amazon', reason: Not Amazon}")

    assert evaluate(ruleset, batch({}, {"merchant": "Nike"})).alert.tolist() == [False, True]


def test_a_signal_alerts_nobody_but_has_its_reason(tmp_path: Path) -> None:
    text = "- {name: a, expression: amount > 1, reason: 'Paid {amount} {currency}', action: signal}"

    fired = evaluate(rules(tmp_path, text), batch({"amount": 1250.0}, {"amount": 2.125, "currency": "EUR"}))

    assert not fired.alert.any()
    assert fired.reasons() == [["Paid 1250 unknown"], ["Paid 2.12 EUR"]]


def test_signals_are_told_apart_from_alerts(tmp_path: Path) -> None:
    text = """
    - {name: some, expression: amount > 1, reason: Some, action: signal}
    - {name: alert, expression: amount > 2, reason: Alert}
    - {name: more, expression: amount > 2, reason: More, action: signal}
    """

    fired = evaluate(rules(tmp_path, text), batch({"amount": 1.5}, {"amount": 3.0}, {}))

    assert fired.signals().tolist() == [[True, True, False], [False, True, False]]
    assert evaluate(load_rules(), batch({"amount": 500.0})).signals().shape == (0, 1)


def test_reasons_come_only_for_selected_rows() -> None:
    fired = evaluate(load_rules(), batch({"amount": 500.0}, {"amount": 500.0}))

    assert fired.reasons(np.array([False, True])) == [[], ["High amount"]]


def test_the_lists_are_the_callers_own() -> None:
    fired = evaluate(load_rules(), batch({"amount": 500.0}, {}))

    reasons = fired.reasons()
    reasons[1].append("ML anomaly detection")

    assert fired.reasons() == [["High amount"], []]
    assert reasons[0] == ["High amount"]


def test_an_empty_batch_and_an_empty_rule_set_fire_nothing(tmp_path: Path) -> None:
    assert evaluate(load_rules(), batch()).alert.shape == (0,)
    none = evaluate(rules(tmp_path, "[]"), batch({"amount": 500.0}))
    assert none.alert.tolist() == [False]
    assert none.reasons() == [[]]


def test_a_batch_answers_as_its_rows_one_by_one() -> None:
    random = np.random.default_rng(1)
    frame = batch(
        *({"amount": float(amount), "merchant": merchant}
          for amount, merchant in zip(random.uniform(300, 500, 200),
                                      random.choice(["XYZ_Merchant", "Nike"], 200), strict=True))
    )  # fmt: skip

    whole = evaluate(load_rules(), frame)
    single = [evaluate(load_rules(), frame.slice(row, 1)) for row in range(frame.height)]

    assert whole.reasons() == [one.reasons()[0] for one in single]


def test_a_batch_without_a_column_that_a_rule_reads_is_an_error_that_names_the_rules() -> None:
    with pytest.raises(RuleError, match=r"tutorial\.yaml: the rules high_amount, .* failed on a batch"):
        evaluate(load_rules(), batch({"amount": 1.0}).drop("merchant"))
