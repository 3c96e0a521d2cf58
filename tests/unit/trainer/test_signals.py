"""Which rules a training reads, and what its bundle says of them."""

from dataclasses import replace

import numpy as np
import pytest

from fraud_core.errors import ConfigError, InputError
from fraud_core.models import Manifest
from fraud_core.models.loading import load
from fraud_operator.planning.training import PASSING
from fraud_trainer.result import of_failure
from fraud_trainer.rows import Rows
from fraud_trainer.training import DAY_MS, Plan, train
from tests.support.signalling import COUNT, DAYS, ODD, PLAN, RISKY, signalled

QUICK = replace(PLAN, algorithm="logistic_regression", hyperparameters={})
SMALL = {"n_estimators": 5, "max_iter": 5, "isolation_forest": 0.2}


def trained(plan: Plan, rows: Rows | None = None) -> Manifest:
    return train(rows or signalled(), 0, (DAYS - 1) * DAY_MS, plan).bundle.manifest


def read(manifest: Manifest) -> list[str]:
    return [name for name in manifest.features if name.startswith("rule:")]


@pytest.mark.parametrize(
    "plan",
    [
        QUICK,
        replace(PLAN, algorithm="random_forest", hyperparameters={"n_estimators": 5}),
        replace(PLAN, algorithm="ensemble", hyperparameters=SMALL),
        PLAN,
    ],
    ids=lambda plan: plan.algorithm,
)
def test_what_learns_from_labels_reads_every_signal_and_learns_from_it(plan: Plan) -> None:
    bundle = train(signalled(), 0, (DAYS - 1) * DAY_MS, plan).bundle

    assert read(bundle.manifest) == ["rule:odd", "rule:risky"]
    assert bundle.manifest.signals == {"odd": ODD.digest, "risky": RISKY.digest}
    assert bundle.manifest.metrics["average_precision"] > 0.75
    rows = signalled()
    scores = load(bundle, signals=rows.signals).score(rows.values)
    assert scores[rows.values[-1] == 1].mean() > scores[rows.values[-1] == 0].mean() + 0.3


def test_an_isolation_forest_reads_none_and_is_what_it_is_without_them() -> None:
    plan, rows = replace(PLAN, algorithm="isolation_forest", hyperparameters={}), signalled()

    manifest = trained(plan, rows)

    assert read(manifest) == []
    assert manifest == trained(plan, replace(rows, values=rows.features, signals=()))


def test_whoever_names_features_gets_those_rules_that_are_named() -> None:
    manifest = trained(replace(QUICK, features=("amount", "rule:risky")))

    assert manifest.features == ("amount", "rule:risky")
    assert manifest.signals == {"risky": RISKY.digest}
    assert trained(replace(QUICK, features=("amount",))).signals == {}


def test_a_rule_that_is_to_go_is_left_out_and_its_name_checked() -> None:
    assert trained(replace(QUICK, without_rules=("odd",))).signals == {"risky": RISKY.digest}
    with pytest.raises(
        ConfigError, match="no rule even with action `signal` to leave out; there are odd, risky"
    ):
        trained(replace(QUICK, without_rules=("even",)))


def test_a_rule_that_no_decision_names_yet_is_waited_for() -> None:
    """A FraudModel that names it before detectors have it trains once they do, as it tries again."""
    with pytest.raises(InputError, match=r"No decision names rule:large yet: .* rule file") as caught:
        trained(replace(QUICK, features=("amount", "rule:large", "rule:odd")))

    assert of_failure(caught.value)["reason"] in PASSING


def test_a_feature_that_there_never_is_is_refused_even_so() -> None:
    with pytest.raises(ConfigError, match=r"There is no feature large\..*rule:odd, rule:risky"):
        trained(replace(QUICK, features=("large", "rule:large")))


def test_an_isolation_forest_is_told_of_no_rule_however_long_it_waits() -> None:
    plan = replace(PLAN, algorithm="isolation_forest", hyperparameters={}, features=("amount", "rule:odd"))

    with pytest.raises(ConfigError, match="There is no feature rule:odd"):
        trained(plan)


@pytest.mark.parametrize(("known_from", "dropped"), [(0.3, []), (0.7, ["rule:risky"]), (1.0, ["rule:risky"])])
def test_a_rule_that_is_unknown_for_most_of_the_window_is_dropped(
    known_from: float, dropped: list[str]
) -> None:
    manifest = trained(QUICK, signalled(known_from))

    assert list(manifest.dropped_features) == dropped
    assert ("risky" in manifest.signals) is not bool(dropped)


def test_a_rule_that_most_of_the_window_knows_but_not_its_beginning_is_dropped_for_all() -> None:
    """The forward block learns from the first 70 %: its figures would be those of a model without it."""
    manifest = trained(QUICK, signalled(known_from=0.4))

    assert manifest.dropped_features == ("rule:risky",)
    assert read(manifest) == ["rule:odd"]


def test_the_figures_are_those_of_a_model_that_reads_the_same() -> None:
    young = trained(QUICK, signalled(known_from=0.4))

    without = trained(replace(QUICK, features=young.features))

    assert young.metrics == without.metrics
    assert young.threshold == without.threshold


def test_rows_keep_their_signals_in_any_order_and_part() -> None:
    rows = signalled()
    backwards = rows.take(np.arange(COUNT)[::-1])

    assert rows.slice(10, 20).signals == backwards.signals == (ODD, RISKY)
    np.testing.assert_array_equal(backwards.values[-1], rows.values[-1][::-1])
    assert len(rows.features) == len(rows.values) - 2
