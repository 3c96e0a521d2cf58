"""Rules that models read: what decisions log of them, and what models are told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from confluent_kafka import Message

from fraud_core.avro import Decoder, Encoder
from fraud_core.avro.types import arrow_type
from fraud_core.errors import BundleError
from fraud_core.features import State
from fraud_core.models import Bundle, LoadedModel, publish_bundle
from fraud_core.models.loading import load
from fraud_core.registry import Registry
from fraud_core.rollouts import BundleRef, Mode, Rollout
from fraud_core.rules import RuleSet, load_rules
from fraud_core.schemas import schema_text
from fraud_core.settings import KafkaSettings
from fraud_core.signals import Signal
from fraud_detector.deciding import ML_REASON, Decider
from fraud_detector.reading import Read
from fraud_detector.records import group
from fraud_detector.rollouts import Rollouts
from fraud_detector.serving import Models
from tests.support.bundles import small_bundle
from tests.support.signalling import ODD, RISKY, shop_rules, signal_bundle

COUNT = 300
RULES = """\
- {name: odd, expression: merchant LIKE 'odd%', reason: Odd, action: signal}
- {name: large, expression: amount > 900, reason: Large}
- {name: risky, expression: merchant LIKE '%risky', reason: Risky, action: signal}
"""
SCHEMA_ID = 1


class Schemas(Registry):
    """A registry that knows our own writer."""

    def __init__(self) -> None:
        pass

    def schema_by_id(self, schema_id: int) -> str:
        assert schema_id == SCHEMA_ID
        return schema_text("Decision")


@pytest.fixture
def rules(tmp_path: Path) -> RuleSet:
    return shop_rules(tmp_path, RULES)


def bundle(rules: RuleSet) -> Bundle:
    """That of the tests, as if it had been trained on these rules."""
    trained = signal_bundle()
    digests = {signal.rule: signal.digest for signal in rules.signals}
    return Bundle(trained.manifest.model_copy(update={"signals": digests}).identified(), trained.model)


def model(rules: RuleSet) -> LoadedModel:
    return load(bundle(rules), signals=rules.signals)


def transactions() -> list[dict[str, Any]]:
    shops = ["plain", "odd", "oddly risky", None, "risky"]
    return [
        {
            "transaction_id": f"t{number}",
            "user": f"u{number % 7}",
            "amount": 950.0 if number % 50 == 9 else 20.0 + number % 13,
            "timestamp": 600_000 * number,
            "merchant": shops[number % len(shops)],
        }
        for number in range(COUNT)
    ]


SHOPS = pl.Series([row["merchant"] for row in transactions()], dtype=pl.String)


def decided(decider: Decider, size: int = COUNT) -> pl.DataFrame:
    """All transactions in batches of this size, as they come back from a topic."""
    states, parts = {0: State()}, []
    for first in range(0, COUNT, size):
        some = transactions()[first : first + size]
        batch = pa.RecordBatch.from_pylist(some, schema=arrow_type("Transaction"))
        records = group(Message(topic="", partition=0, offset=first + place) for place in range(len(some)))
        encoder = Encoder("Decision", SCHEMA_ID)
        values = encoder.values(
            decider.decide(Read(records, batch, ()), states).batch, np.full(len(some), SCHEMA_ID)
        )
        parts.append(Decoder("Decision", Schemas()).decode(values).batch)
    return pl.concat([pl.DataFrame(part) for part in parts]).drop("decided_at")


def logged(found: pl.DataFrame) -> list[dict[str, bool]]:
    return [{Signal.of(key).rule: fired for key, fired in row.items()} for row in found["signals"]]


def fired(name: str) -> list[bool]:
    test = SHOPS.str.starts_with("odd") if name == "odd" else SHOPS.str.ends_with("risky")
    return test.fill_null(value=False).to_list()


def test_each_decision_says_of_each_signal_whether_it_fired(rules: RuleSet) -> None:
    found = decided(Decider(rules, None, "pipe"))

    assert [row["odd"] for row in logged(found)] == fired("odd")
    assert [row["risky"] for row in logged(found)] == fired("risky")
    assert set(found["signals"][0]) == {signal.key for signal in rules.signals}


def test_without_such_rules_decisions_say_nothing_of_them() -> None:
    found = decided(Decider(load_rules(), None, "pipe"))

    assert found["signals"].to_list() == [{}] * COUNT


def test_a_model_is_told_which_rules_fired(rules: RuleSet) -> None:
    found = decided(Decider(rules, model(rules), "pipe"))

    by_model = found["reason"].list.contains(ML_REASON).to_list()
    assert by_model == fired("risky")
    assert found["rules"].list.contains("large").sum() == COUNT // 50


@pytest.mark.parametrize("size", [1, 7, 150])
def test_batches_change_no_bit(rules: RuleSet, size: int) -> None:
    whole = decided(Decider(rules, model(rules), "pipe"))

    assert decided(Decider(rules, model(rules), "pipe"), size).equals(whole)


def test_an_alert_names_the_rule_that_moved_its_score(rules: RuleSet) -> None:
    found = decided(Decider(rules, model(rules), "pipe"))

    told = found.filter(pl.Series(fired("risky")))["top_factors"].to_list()
    factors = [{one["feature"]: one for one in row} for row in told]
    assert {row["rule:risky"]["value"] for row in factors} == {1.0}
    assert {row["rule:risky"]["typical"] for row in factors} == {0.0}
    assert sum(next(iter(row)) == "rule:risky" for row in factors) > 0.9 * len(factors)


@pytest.mark.parametrize("weight", [0.0, 100.0])
def test_a_challenger_is_told_too_beside_a_champion_that_does_not_ask(rules: RuleSet, weight: float) -> None:
    champion, challenger = load(small_bundle()), model(rules)
    mode = Mode.CANARY if weight else Mode.SHADOW
    ref = BundleRef(challenger.version, "kafka://models", challenger.sha256)
    rollout = Rollout("pipe", 1, challenger=ref, mode=mode, canary_weight=weight)
    decider = Decider(rules, champion, "pipe")
    decider.serving.apply(Models(rollout, champion, challenger))

    found = decided(decider)

    said = found["score"].to_list(), [next(iter(row.values())) for row in found["challenger_scores"]]
    by_champion, by_challenger = reversed(said) if weight else said
    assert by_champion == decided(Decider(rules, champion, "pipe"))["score"].to_list()
    assert by_challenger == decided(Decider(rules, challenger, "pipe"))["score"].to_list()


def test_what_was_met_of_rules_is_told_with_the_features(rules: RuleSet) -> None:
    decider = Decider(rules, model(rules), "pipe")
    decided(decider)
    decider.serving.committed()

    [status] = decider.serving.status().models

    [met] = [one for one in status.distributions if one.name == "rule:risky"]
    assert met.found == (fired("risky").count(False), fired("risky").count(True), 0)


def published(rules: RuleSet, folder: Path) -> BundleRef:
    made = publish_bundle(folder, bundle(rules))
    return BundleRef(made.version, made.url, made.sha256)


def rolled_out(rules: RuleSet, *rollouts: Rollout) -> tuple[Models | None, str | None]:
    """What a worker with these rules runs after rollouts, and what its problem is."""
    running, problems = Rollouts(KafkaSettings(), signals=rules.signals), list[str | None]()
    running.on_change = lambda: problems.append(running.problem)
    running.start()
    try:
        ready = None
        for rollout in rollouts:
            running.told(rollout)
            seen = len(problems)
            while (came := running.await_ready(0.1)) is None and len(problems) == seen:
                pass
            ready = came or ready
    finally:
        running.close()
    return ready, running.problem


def test_a_worker_runs_what_reads_its_own_rules(rules: RuleSet, tmp_path: Path) -> None:
    models, problem = rolled_out(rules, Rollout("pipe", 1, champion=published(rules, tmp_path)))

    assert problem is None
    assert models is not None
    assert models.champion is not None
    assert models.champion.reads_signals


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "reads whether the rule odd fired, and there is no such rule with action `signal` here"),
        (RULES.replace("odd%", "even%"), "reads whether the rule odd fired, and its expression is another"),
        (RULES.replace(", action: signal", ""), "there is no such rule with action `signal`"),
    ],
    ids=["no rules", "another expression", "another action"],
)
def test_after_another_rule_file_a_champion_that_reads_the_old_one_is_refused_and_what_runs_goes_on(
    rules: RuleSet, tmp_path: Path, text: str, why: str
) -> None:
    ref = published(rules, tmp_path)
    small = publish_bundle(tmp_path, small_bundle())
    running = BundleRef(small.version, small.url, small.sha256)
    others = shop_rules(tmp_path, text)

    models, problem = rolled_out(
        others, Rollout("pipe", 1, champion=running), Rollout("pipe", 2, champion=ref)
    )

    assert models is not None
    assert models.generation == 1
    assert problem is not None
    assert problem.startswith("Rollout 2 is not applied: ")
    assert why in problem


def test_a_challenger_that_reads_other_rules_is_refused_alone(rules: RuleSet, tmp_path: Path) -> None:
    small = publish_bundle(tmp_path, small_bundle())
    running = BundleRef(small.version, small.url, small.sha256)
    rollout = Rollout("pipe", 1, running, published(rules, tmp_path), mode=Mode.SHADOW)

    models, problem = rolled_out(load_rules(), rollout)

    assert problem is None
    assert models is not None
    assert models.challenger is None
    assert "there is no such rule with action `signal` here" in models.refused


def test_the_same_name_and_digest_are_needed(rules: RuleSet) -> None:
    with pytest.raises(BundleError, match="its expression is another one here"):
        load(bundle(rules), signals=(ODD, RISKY))
    assert np.isin(rules.signals[0].digest, [ODD.digest, RISKY.digest]).sum() == 0
    with pytest.raises(BundleError, match="no such rule"):
        load(bundle(rules), signals=(replace(rules.signals[0], rule="odder"), rules.signals[1]))
