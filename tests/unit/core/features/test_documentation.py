"""docs/features.md defines every feature, and no other."""

import re
from pathlib import Path

from fraud_core.features import FEATURES
from fraud_core.features.layout import CATEGORIES, DEVICES, LIMITS, LOCATIONS, MERCHANTS
from fraud_core.schemas import feature_names

TEXT = (Path(__file__).parents[4] / "docs" / "features.md").read_text(encoding="utf-8")


def test_the_table_has_each_feature_of_the_schema_in_its_order_and_no_other() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == feature_names() == FEATURES


def test_the_bounds_of_the_sets_are_those_of_the_code() -> None:
    devices, countries, merchants, categories = (
        int(LIMITS[which]) for which in (DEVICES, LOCATIONS, MERCHANTS, CATEGORIES)
    )

    bounds = f"{devices} devices, {countries} countries, {merchants} merchants and {categories} categories"
    assert bounds in " ".join(TEXT.split())
