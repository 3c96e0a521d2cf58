"""`kubectl get fm` in every state, and what `describe` shows, as golden files.

`FRAUD_TESTS_GOLDEN=write pytest tests/unit/operator/planning/test_printed.py` writes them anew.
"""

import os
from pathlib import Path

from tests.support.printed import described, table
from tests.support.states import models, promoted, rolled_back

GOLDEN = Path(__file__).parents[1] / "golden"


def _is_golden(name: str, text: str) -> bool:
    file = GOLDEN / name
    if os.environ.get("FRAUD_TESTS_GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8") == text


def test_get_shows_what_is_going_on_in_every_state() -> None:
    assert _is_golden("get.txt", table(models()))


def test_describe_shows_a_promotion() -> None:
    assert _is_golden("promoted.yaml", described(promoted().model))


def test_describe_shows_a_rollback_with_its_figures() -> None:
    assert _is_golden("rolled-back.yaml", described(rolled_back().model))
