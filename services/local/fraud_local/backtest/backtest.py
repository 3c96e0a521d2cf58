"""A whole backtest: one pass through the engine, then every algorithm and seed that was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from fraud_core.errors import ConfigError, InputError
from fraud_core.rules import RuleSet, load_rules
from fraud_local.backtest.engine import HOUR, OnRows, Past, replayed
from fraud_local.backtest.run import Outcome, Schedule, run
from fraud_producer.replay import LeftOut
from fraud_trainer.budget import over_budget
from fraud_trainer.evaluation import alert_shares
from fraud_trainer.few import few_frauds
from fraud_trainer.fitting import ISOLATION_FOREST, SUPERVISED_FEATURES, algorithms
from fraud_trainer.hyperparameters import Value
from fraud_trainer.one_way import LABEL_DERIVED
from fraud_trainer.rows import Rows
from fraud_trainer.training import Plan, Threshold

MILLISECOND, DAY = timedelta(milliseconds=1), timedelta(days=1)
LONGEST = timedelta(days=30)
"""Windows of features; those of merchants end one label delay earlier."""
RULE_FILES = (".yaml", ".yml")
FROM_LABELS = ("merchant_evidence", "merchant_risk")
"""Hyperparameters of an isolation_forest that make it read features that come from labels."""


@dataclass(frozen=True)
class Wanted:
    """What is to be found out.

    Attributes:
        schedule: when is trained on what, and what is judged.
        algorithm: what to train.
        hyperparameters: by name.
        threshold: alert budget, costs or `tutorial`.
        rules: evaluated beside the model.
        label_features: whether features that come from labels are read.
        shuffled: train on labels in random order.
        seeds: one run each; figures are means.
        against: another algorithm or rule file, or None.
        changing: whether labels are replaced by later ones.
    """

    schedule: Schedule
    algorithm: str
    hyperparameters: Mapping[str, Value] = field(default_factory=dict)
    threshold: Threshold = 0.005
    rules: RuleSet = field(default_factory=load_rules)
    label_features: bool = True
    shuffled: bool = False
    seeds: tuple[int, ...] = (0,)
    against: str | None = None
    changing: bool = False


@dataclass(frozen=True)
class Side:
    """One of the things compared: an algorithm with a rule file, an outcome a seed."""

    name: str
    outcomes: tuple[Outcome, ...]


@dataclass(frozen=True)
class Backtest:
    """What was found out.

    Attributes:
        wanted: what was asked for.
        rows: transactions of the history.
        warm_up: time before the first training window, which only fills the features' windows.
        trained: transactions of the first training window.
        tested: transactions that were judged.
        frauds: frauds among these.
        unlabelled: judged ones without a label, taken for legitimate.
        left_out: rows of the file that are no transactions; None if there are none.
        sides: the algorithm asked for, and what it was compared with.
        warnings: what to mind.
    """

    wanted: Wanted
    rows: int
    warm_up: timedelta
    trained: int
    tested: int
    frauds: int
    unlabelled: int
    left_out: LeftOut | None
    sides: tuple[Side, ...]
    warnings: tuple[str, ...]


def backtest(history: Past, wanted: Wanted, on_rows: OnRows = lambda _: None) -> Backtest:
    """Send the history through the engine, train, decide and judge.

    Raises:
        ConfigError: what was asked for can't be.
        InputError: the history can't be read, or is too short.
    """
    schedule = wanted.schedule
    _check(history, schedule)
    rules, other = _against(wanted.against)
    sides, rows = [], _replayed(history, wanted, wanted.rules, on_rows)
    tested = rows.between(*_milliseconds(schedule.test_from, schedule.test_until))
    excess = over_budget(wanted.threshold, _rule_shares(tested))
    sides.append(_side(rows, wanted, wanted.rules, wanted.algorithm, wanted.algorithm))
    if other:
        sides.append(_side(rows, wanted, wanted.rules, other, other))
    if rules:
        replayed_again = _replayed(history, wanted, rules, on_rows)
        sides.append(_side(replayed_again, wanted, rules, wanted.algorithm, rules.source))
    first_end = schedule.test_from - schedule.label_delay
    warm_up = max(schedule.first - history.first, timedelta())
    learned = rows.between(*_milliseconds(schedule.first, first_end))
    judged_frauds, unsupervised = int((tested.labels == 1).sum()), wanted.algorithm == ISOLATION_FOREST
    learned_frauds = None if unsupervised else int((learned.labels == 1).sum())
    warnings = _warnings(warm_up, schedule, history)
    warnings += [excess] if excess else []
    warnings += [str(history.left_out)] if history.left_out else []
    warnings += [history.repeats] if history.repeats else []
    warnings += few_frauds(learned_frauds, judged_frauds)
    return Backtest(
        wanted=wanted,
        rows=history.rows,
        warm_up=warm_up,
        trained=len(learned),
        tested=len(tested),
        frauds=judged_frauds,
        unlabelled=int((tested.labels == -1).sum()),
        left_out=history.left_out,
        sides=tuple(sides),
        warnings=tuple(warnings),
    )


def _check(history: Past, schedule: Schedule) -> None:
    if schedule.window <= timedelta():
        raise ConfigError("--train-window must be more than 0.")
    if schedule.test_until <= schedule.test_from <= history.last:
        raise ConfigError(
            f"--test-until {schedule.test_until:%Y-%m-%d %H:%M} is not after --test-from "
            f"{schedule.test_from:%Y-%m-%d %H:%M}: nothing is left to be judged."
        )
    if schedule.test_from > history.last:
        raise InputError(
            f"{history.path} ends on {history.last:%Y-%m-%d %H:%M}, so nothing is left to be judged from "
            f"{schedule.test_from:%Y-%m-%d %H:%M} on; choose an earlier --test-from."
        )
    if schedule.test_from - schedule.label_delay <= history.first:
        raise InputError(
            f"{history.path} begins on {history.first:%Y-%m-%d %H:%M}, and labels take "
            f"{schedule.label_delay / DAY:g} days: on {schedule.test_from:%Y-%m-%d} nothing is known to "
            f"train on. "
            "Choose a later --test-from or a shorter --label-delay."
        )
    if schedule.retrain is not None and schedule.retrain < HOUR:
        raise ConfigError(
            "--retrain must be an hour or more: what is known of merchants moves by the hour, and each "
            "training takes seconds."
        )


def check(
    algorithm: str,
    hyperparameters: Mapping[str, Value],
    threshold: Threshold,
    against: str | None,
    *,
    label_features: bool,
) -> None:
    """See that what is asked for can be trained, before a history is read.

    Raises:
        ConfigError: it can't be.
    """
    Plan(algorithm, hyperparameters=hyperparameters, threshold=threshold).check()
    asked = [name for name in FROM_LABELS if hyperparameters.get(name)]
    if asked and not label_features and algorithm == ISOLATION_FOREST:
        raise ConfigError(
            f"--set {asked[0]}=true has an isolation_forest read features that come from labels, and "
            "--without-label-features that it read none; leave one of them out."
        )
    _, other = _against(against)
    if other:
        Plan(other, threshold=threshold).check()


def _against(named: str | None) -> tuple[RuleSet | None, str | None]:
    """The rules or the algorithm to compare with."""
    if named is None:
        return None, None
    if named.endswith(RULE_FILES):
        return load_rules(Path(named)), None
    if named not in algorithms():
        raise ConfigError(
            f"--against {named} is neither a rule file (.yaml) nor an algorithm. "
            f"There are {', '.join(algorithms())}."
        )
    return None, named


def _replayed(history: Past, wanted: Wanted, rules: RuleSet, on_rows: OnRows) -> Rows:
    schedule = wanted.schedule
    rows = replayed(
        history,
        rules,
        label_delay=schedule.label_delay,
        keep_from=schedule.first,
        changing=wanted.changing,
        on_rows=on_rows,
    )
    return _shuffled(rows, schedule) if wanted.shuffled else rows


def _shuffled(rows: Rows, schedule: Schedule) -> Rows:
    """The same with the labels before the test in random order."""
    labels = rows.labels.copy()
    end = int(np.searchsorted(rows.times, _milliseconds(schedule.test_from)[0]))
    np.random.default_rng(0).shuffle(labels[:end])
    return replace(rows, labels=labels)


def _side(rows: Rows, wanted: Wanted, rules: RuleSet, algorithm: str, name: str) -> Side:
    own = algorithm == wanted.algorithm
    plan = Plan(
        algorithm,
        hyperparameters=wanted.hyperparameters if own else {},
        features=None if wanted.label_features else features_without_labels(algorithm, rules),
        threshold=wanted.threshold,
        label_delay=wanted.schedule.label_delay // MILLISECOND,
        maturity=wanted.schedule.label_delay // MILLISECOND,
    )
    if not wanted.label_features and algorithm == ISOLATION_FOREST:
        plan = replace(plan, hyperparameters={"merchant_evidence": False, **plan.hyperparameters})
    return Side(name, tuple(run(rows, wanted.schedule, replace(plan, seed=seed)) for seed in wanted.seeds))


def features_without_labels(algorithm: str, rules: RuleSet) -> tuple[str, ...] | None:
    """What an algorithm reads that shall know nothing of labels; None is its default."""
    if algorithm == ISOLATION_FOREST:
        return None
    features = [name for name in SUPERVISED_FEATURES if name not in LABEL_DERIVED]
    ignorant = {rule.name for rule in rules.rules if not LABEL_DERIVED & rule.reads}
    return (*features, *(signal.input for signal in rules.signals if signal.rule in ignorant))


def _warnings(warm_up: timedelta, schedule: Schedule, history: Past) -> list[str]:
    found = []
    if history.first > schedule.first:
        found.append(
            f"the history begins {(history.first - schedule.first) / DAY:.1f} days after the training "
            f"window does"
        )
    if warm_up < LONGEST + schedule.label_delay:
        found.append(
            f"warm-up was {warm_up / DAY:.1f} days: windows of 30 days were not full when training began, "
            f"those "
            f"of merchants for {(LONGEST + schedule.label_delay) / DAY:g} days"
        )
    return found


def _rule_shares(tested: Rows) -> dict[str, float]:
    return alert_shares(np.zeros(len(tested), dtype=bool), tested.rule_alerts, tested.rules)


def _milliseconds(*moments: object) -> list[int]:
    return [int(np.datetime64(str(moment), "ms").astype(np.int64)) for moment in moments]
