"""What a decision says of why the model alerts: for its alerts alone, the same in any batching."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from confluent_kafka import Message

from fraud_core.avro import Encoder
from fraud_core.avro.types import arrow_type
from fraud_core.features import State
from fraud_core.models import LoadedModel
from fraud_core.models.loading import load
from fraud_core.rollouts import BundleRef, Mode, Rollout
from fraud_core.rules import load_rules
from fraud_detector.deciding import ML_REASON, Decider
from fraud_detector.reading import Read
from fraud_detector.records import group
from fraud_detector.serving import Models
from fraud_detector.settings import ExplanationSettings
from tests.support.bundles import small_bundle

Floats = np.ndarray[Any, np.dtype[np.float64]]
COUNT = 400


def model(threshold: float = 0.9) -> LoadedModel:
    loaded = load(small_bundle())
    return replace(loaded, manifest=loaded.manifest.model_copy(update={"threshold": threshold}))


def rows(first: int, end: int) -> list[dict[str, Any]]:
    return [
        {
            "transaction_id": f"t{number}",
            "user": f"u{number % 7}",
            "amount": 20.0 if number % 40 else 900.0 + number,
            "timestamp": 600_000 * number,
            "merchant": "XYZ_Merchant" if number % 90 == 1 else None,
        }
        for number in range(first, end)
    ]


def decided(decider: Decider, size: int = COUNT) -> pl.DataFrame:
    """All transactions in batches of this size, as consumers get them."""
    states, parts = {0: State()}, []
    for first in range(0, COUNT, size):
        some = rows(first, min(first + size, COUNT))
        batch = pa.RecordBatch.from_pylist(some, schema=arrow_type("Transaction"))
        records = group(Message(topic="", partition=0, offset=first + place) for place in range(len(some)))
        found = decider.decide(Read(records, batch, ()), states)
        assert len(Encoder("Decision", 1).values(found.batch, np.ones(len(some), np.int64))) == len(some)
        parts.append(pl.DataFrame(found.batch))
    return pl.concat(parts).drop("decided_at")


def made(loaded: LoadedModel | None, factors: int = 5) -> Decider:
    return Decider(load_rules(None), loaded, "pipe", explanation=ExplanationSettings(factors=factors))


def test_each_alert_of_the_model_names_what_moved_its_score_most_first() -> None:
    found = decided(made(model()))
    of_model = found["reason"].list.contains(ML_REASON)
    factors = found.filter(of_model)["top_factors"].to_list()

    assert factors
    assert all(1 <= len(some) <= 5 for some in factors)
    assert {one["feature"] for some in factors for one in some} <= set(small_bundle().manifest.features)
    for some in factors:
        sizes = [abs(one["contribution"]) for one in some]
        assert sizes == sorted(sizes, reverse=True)


def test_value_and_typical_value_are_those_of_the_transaction_and_of_its_user() -> None:
    found = decided(made(model())).filter(pl.col("amount") > 900).tail(1)
    [factors] = found["top_factors"].to_list()
    [features] = found["features"].to_list()
    [amount] = [one for one in factors if one["feature"] == "amount"]

    assert amount["value"] == features["amount"]
    assert amount["typical"] == features["amount"] / features["amount_to_mean_30d"]
    assert amount["contribution"] > 0


def test_an_alert_by_a_rule_alone_and_what_is_no_alert_have_none() -> None:
    found = decided(made(model())).filter(~pl.col("reason").list.contains(ML_REASON))

    assert found["fraudulent"].any()
    assert not found["fraudulent"].all()
    assert found["top_factors"].list.len().sum() == 0
    assert found.filter("fraudulent")["rules"].list.len().min() == 1


@pytest.mark.parametrize("size", [1, 7, 150])
def test_batches_change_no_bit(size: int) -> None:
    assert decided(made(model()), size).equals(decided(made(model())))


def test_in_a_canary_the_version_that_decided_is_explained() -> None:
    champion, old = model(), small_bundle().manifest.model_copy(update={"reference": None, "threshold": 0.9})
    challenger = replace(champion, manifest=old, sha256="c" * 64)
    decider = made(champion)
    ref = BundleRef("challenger", "kafka://models", challenger.sha256)
    rollout = Rollout("pipe", 1, challenger=ref, mode=Mode.CANARY, canary_weight=50)
    decider.serving.apply(Models(rollout, champion, challenger))
    alone, found = decided(made(champion)), decided(decider)
    by_challenger = found["features"].is_not_null() & (found["threshold"] == 0.9)

    alerts = found["reason"].list.contains(ML_REASON) & by_challenger
    told = found.filter(alerts)["top_factors"].list.len() > 0
    assert told.any()
    assert not told.all()
    same = found.filter(alerts).filter(told)["transaction_id"]
    kept = pl.col("transaction_id").is_in(same.implode())
    assert found.filter(kept)["top_factors"].equals(alone.filter(kept)["top_factors"])


@pytest.mark.parametrize(
    "decider",
    [
        made(model(), factors=0),
        made(None),
        made(replace(model(), manifest=model().manifest.model_copy(update={"reference": None}))),
    ],
    ids=["switched off", "rules alone", "an older bundle"],
)
def test_without_them_nothing_else_changes(decider: Decider) -> None:
    found = decided(decider)

    assert found["top_factors"].list.len().sum() == 0
    assert found["fraudulent"].any()


def test_a_model_that_fails_on_made_up_rows_decides_as_ever() -> None:
    whole = model()

    def delicate(values: Floats) -> Floats:
        if values.shape[1] != COUNT:  # what is asked beside the batch
            raise RuntimeError("no such tree")
        return np.asarray(values[0])

    knots = (np.array([0.0, 2_000.0]), np.array([1e-9, 1 - 1e-9]))
    manifest = whole.manifest.model_copy(update={"threshold": 0.4})
    found = decided(made(LoadedModel(manifest, whole.sha256, delicate, knots)))

    assert found["reason"].list.contains(ML_REASON).sum() == 10
    assert found["top_factors"].list.len().sum() == 0


def test_as_many_are_named_as_are_wanted() -> None:
    found = decided(made(model(), factors=1))

    assert found["top_factors"].list.len().max() == 1
