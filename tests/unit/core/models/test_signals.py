"""A model that reads rules is told exactly of those, or refused."""

import re
from dataclasses import replace

import numpy as np
import pytest

from fraud_core.errors import BundleError
from fraud_core.models import Bundle
from fraud_core.models.loading import load
from fraud_core.models.manifest import parse_manifest
from fraud_core.models.reference import bins, reference
from fraud_core.signals import Signal
from tests.support.bundles import feature_values, small_bundle
from tests.support.signalling import ODD, RISKY, signal_bundle, signalled

OTHER = Signal("other", "c" * 12)


def test_the_manifest_names_its_rules_with_their_digests() -> None:
    manifest = signal_bundle().manifest

    assert manifest.features[-2:] == ("rule:odd", "rule:risky")
    assert manifest.signals == {"odd": ODD.digest, "risky": RISKY.digest}
    assert parse_manifest(manifest.to_bytes(), "it") == manifest


def test_a_bundle_without_rules_has_the_bytes_that_it_always_had() -> None:
    assert b"signals" not in small_bundle().manifest.to_bytes()


@pytest.mark.parametrize("signals", [{}, {"odd": "b"}, {"odd": "b", "risky": "a", "late": "c"}])
def test_a_manifest_that_leaves_open_what_a_rule_said_is_refused(signals: dict[str, str]) -> None:
    content = signal_bundle().manifest.model_copy(update={"signals": signals}).to_bytes()

    with pytest.raises(BundleError, match="signals must have the digest of each rule that features name"):
        parse_manifest(content, "it")


@pytest.mark.parametrize("here", [(ODD, RISKY), (RISKY, ODD), (OTHER, RISKY, OTHER, ODD)])
def test_rules_are_read_by_name_wherever_the_rule_file_has_them(here: tuple[Signal, ...]) -> None:
    rows, trained = signalled(), load(signal_bundle(), signals=(ODD, RISKY))
    column = dict(zip(rows.signals, rows.values[-2:], strict=True))
    noise = np.full(len(rows), 0.5)
    values = np.concatenate([rows.features, [column.get(signal, noise) for signal in here]])

    model = load(signal_bundle(), signals=here)

    np.testing.assert_array_equal(model.score(values), trained.score(rows.values))
    assert model.score(values)[column[RISKY] == 1].min() > model.score(values)[column[RISKY] == 0].max()


@pytest.mark.parametrize(
    ("here", "message"),
    [
        ((), "reads whether the rule odd fired, and there is no such rule with action `signal` here"),
        ((ODD,), "reads whether the rule risky fired, and there is no such rule"),
        ((ODD, replace(RISKY, digest="d" * 12)), f"its digest is {'d' * 12}, and was {'a' * 12} in training"),
    ],
    ids=["no rules", "one missing", "another expression"],
)
def test_a_bundle_whose_rules_are_not_those_here_is_refused_with_the_reason(
    here: tuple[Signal, ...], message: str
) -> None:
    with pytest.raises(BundleError, match=re.escape(message)):
        load(signal_bundle(), "kafka://models/x", here)


def test_it_is_refused_before_anything_is_unpickled() -> None:
    foreign = Bundle(signal_bundle().manifest, b"no pickle")

    with pytest.raises(BundleError, match="no such rule"):
        load(foreign)


def test_a_model_without_rules_runs_beside_any() -> None:
    alone, beside = load(small_bundle()), load(small_bundle(), signals=(ODD, RISKY))
    features = feature_values(300, seed=4)
    with_signals = np.concatenate([features, np.ones((2, 300))])

    np.testing.assert_array_equal(alone.score(features), beside.score(with_signals))
    assert not beside.reads_signals
    theirs, ours = beside.explain(with_signals), alone.explain(features)
    assert theirs is not None
    assert ours is not None
    np.testing.assert_array_equal(theirs.contributions, ours.contributions)


def test_a_rule_that_fired_is_explained_as_any_feature() -> None:
    rows, model = signalled(), load(signal_bundle(), signals=(ODD, RISKY))
    fired = rows.values[:, rows.values[-1] == 1]

    found = model.explain(fired)

    assert found is not None
    place = model.manifest.features.index("rule:risky")
    assert set(found.typical[place]) == {0.0}
    assert (np.abs(found.contributions).argmax(axis=0) == place).mean() > 0.9


def test_what_is_met_of_a_rule_is_counted_beside_what_was_usual() -> None:
    rows, model = signalled(), load(signal_bundle(), signals=(ODD, RISKY))
    usual, counting = model.manifest.reference, model.bins
    assert usual is not None
    assert counting is not None

    counted = dict(zip(counting.names, counting.told(counting.count(rows.values)), strict=True))

    fired = int(rows.values[-1].sum())
    assert counted["rule:risky"] == (len(rows) - fired, fired, 0)
    assert len(usual.features["rule:risky"].counts) == 2


@pytest.mark.parametrize(
    ("values", "counts", "typical"),
    [
        ([0.0, 0.0, 0.0, 1.0], (6, 4), 0.0),
        ([0.0, 1.0, 1.0, 1.0], (1, 9), 1.0),
        ([0.0, 0.0, 0.0, 0.0], (10, 0), 0.0),
        ([np.nan, np.nan, 0.0, 1.0], (3, 4), 1.0),
    ],
    ids=["seldom", "mostly", "never", "for a while"],
)
def test_usual_of_a_rule_is_how_often_it_fired_since_there_was_the_rule(
    values: list[float], counts: tuple[int, int], typical: float
) -> None:
    matrix, weights = np.array([values]), np.array([1.0, 2.0, 3.0, 4.0])

    usual = reference(matrix, ["rule:odd"], np.zeros(4), weights).features["rule:odd"]

    assert (usual.counts, usual.unknown, usual.typical) == (counts, 0, typical)
    assert bins({"rule:odd": usual}, ["rule:odd"]).count(np.array([[0.0, 1.0, 1.0]])).tolist() == [[1, 2, 0]]
