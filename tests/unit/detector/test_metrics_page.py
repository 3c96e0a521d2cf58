"""The page of metrics names each that there is, and no other."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from fraud_core.connect.records import Serving
from fraud_detector.metrics import Metrics
from fraud_detector.model_metrics import ModelMetrics

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(fraud_\w+)` \| (\w+) \| [^|]*\| (.+) \|$", re.MULTILINE)


def test_each_metric_is_told_with_its_type_and_its_own_words() -> None:
    of_models = CollectorRegistry()
    of_models.register(ModelMetrics(Serving))
    there = {
        (family.name + ("_total" if family.type == "counter" else ""), family.type, family.documentation)
        for registry in (Metrics().registry, of_models)
        for family in registry.collect()
    }

    assert set(ROW.findall(PAGE)) == there
