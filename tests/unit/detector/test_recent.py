"""What a version has met: the last week of event time, counted once committed, kept while it runs."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from confluent_kafka import Message
from prometheus_client import CollectorRegistry

from fraud_core.avro.types import arrow_type
from fraud_core.connect.records import SCORE, Distribution
from fraud_core.features import State
from fraud_core.models import LoadedModel
from fraud_core.models.loading import load
from fraud_core.rollouts import BundleRef, Mode, Rollout
from fraud_core.rules import load_rules
from fraud_detector.deciding import Decider
from fraud_detector.model_metrics import ModelMetrics
from fraud_detector.reading import Read
from fraud_detector.recent import DAYS, Recent
from fraud_detector.records import group
from fraud_detector.serving import Models, Serving
from tests.support.bundles import FEATURES, feature_values, small_bundle
from tests.support.pipeline import START, transactions

Floats = np.ndarray[Any, np.dtype[np.float64]]
TODAY = 20_000


def model() -> LoadedModel:
    return load(small_bundle())


def met(*days: int, rows: int = 100, commit: bool = True) -> Recent:
    recent = Recent(model())
    for number, day in enumerate(days):
        values = feature_values(rows, seed=number)
        recent.add(day, values, model().score(values))
    if commit:
        recent.commit()
    return recent


def counted(recent: Recent) -> list[int]:
    return [sum(one.found) for one in recent.told()]


def test_the_score_and_each_feature_are_counted_beside_the_training_window() -> None:
    told = met(TODAY).told()

    assert [one.name for one in told] == [SCORE, *FEATURES]
    assert [sum(one.usual) for one in told] == [1_000] * 3
    assert [sum(one.found) for one in told] == [100] * 3
    assert all(len(one.usual) == len(one.found) for one in told)


def test_the_window_itself_is_no_drift() -> None:
    recent, values = Recent(model()), feature_values(1_000, seed=1)
    recent.add(TODAY, values, model().score(values))
    recent.commit()

    assert all(one.usual == one.found for one in recent.told()[1:])


def test_only_a_week_of_event_time_counts() -> None:
    assert counted(met(TODAY - DAYS + 1, TODAY)) == [200] * 3
    assert counted(met(TODAY - DAYS, TODAY)) == [100] * 3
    assert counted(met(TODAY, TODAY - DAYS)) == [100] * 3


def test_a_time_that_lies_far_ahead_leaves_the_last_days_what_they_are() -> None:
    assert counted(met(*[TODAY] * 20, 47_482)) == [2_000] * 3
    assert counted(met(*[TODAY] * 20, 47_482, TODAY, TODAY + 1)) == [2_200] * 3
    assert counted(met(47_482, *[TODAY] * 20)) == [2_000] * 3


def test_time_that_moves_on_by_weeks_is_followed_once_batches_agree() -> None:
    recent = met(*[TODAY] * 20)
    for _ in range(20):
        recent.add(TODAY + 30, feature_values(100, seed=1), np.zeros(100))
        recent.commit()

    assert counted(recent) == [500] * 3


def test_the_day_of_a_batch_is_that_of_most_of_its_transactions() -> None:
    decider, states = Decider(load_rules(None), model(), "pipe"), {0: State()}
    for last in (datetime(2100, 1, 1), START):
        frame = transactions(0, 9).vstack(transactions(9, 10).with_columns(at(last)))
        decider.decide(read_from(frame), states)
        decider.serving.committed()

    assert sum(distributions(decider.serving)[0][0].found) == 20


def at(time: datetime) -> pl.Expr:
    return pl.lit(time).cast(pl.Datetime("ms")).alias("timestamp")


def read_from(frame: pl.DataFrame) -> Read:
    batch = pa.RecordBatch.from_pylist(frame.to_dicts(), schema=arrow_type("Transaction"))
    return Read(group([Message(topic="", partition=0, offset=row) for row in range(len(frame))]), batch, ())


def test_what_was_aborted_was_never_met() -> None:
    recent = met(TODAY, commit=False)
    open_ones = counted(recent)
    recent.abort()
    recent.commit()

    assert open_ones == counted(recent) == []


def test_a_score_that_is_no_number_is_not_counted() -> None:
    recent = Recent(model())
    recent.add(TODAY, feature_values(3, seed=1), np.array([0.5, np.nan, 0.95]))
    recent.commit()

    assert counted(recent)[0] == 2


def test_an_older_bundle_says_nothing_of_drift() -> None:
    loaded = model()
    old = Recent(replace(loaded, manifest=loaded.manifest.model_copy(update={"reference": None})))
    old.add(TODAY, feature_values(3, seed=1), np.zeros(3))
    old.commit()

    assert old.told() == ()


def scored(serving: Serving, rows: int, *, commit: bool = True) -> None:
    serving.score(feature_values(rows, seed=3), pl.Series([f"u{row}" for row in range(rows)]), TODAY)
    (serving.committed if commit else serving.aborted)()


def distributions(serving: Serving) -> list[tuple[Distribution, ...]]:
    return [status.distributions for status in serving.status().models]


def test_a_version_keeps_what_it_met_when_it_becomes_champion() -> None:
    first = model()
    second = replace(first, sha256="b" * 64)
    ref = BundleRef(second.version, "kafka://models", second.sha256)
    serving = Serving(Models(Rollout("pipe", 1, challenger=ref, mode=Mode.SHADOW), first, second))
    scored(serving, 300)
    shadow = distributions(serving)

    serving.apply(Models(Rollout("pipe", 2, champion=ref), second))
    [promoted] = distributions(serving)
    serving.apply(Models(Rollout("pipe", 3, champion=ref), first))
    [back] = distributions(serving)

    assert sum(promoted[0].found) == 300
    assert shadow == [promoted, promoted]
    assert back == ()


def test_the_metric_is_the_index_once_there_is_enough_to_tell() -> None:
    serving, registry = Serving(Models(champion=model())), CollectorRegistry()
    registry.register(ModelMetrics(serving.status))

    def psi(feature: str) -> float | None:
        labels = {"version": model().version, "role": "champion", "feature": feature}
        return registry.get_sample_value("fraud_model_drift_psi", labels)

    scored(serving, 999)
    few = psi("amount")
    scored(serving, 5_000, commit=False)
    aborted = psi("amount")
    scored(serving, 1)

    assert few is None
    assert aborted is None
    assert 0 <= (psi("amount") or -1) < 0.1
    assert psi(SCORE) is not None
