from pathlib import Path

import pytest

from fraud_core.errors import RuleError
from fraud_core.rules import load_rules

GOOD = """\
- name: big
  expression: amount > 10
  reason: Big
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(RuleError) as caught:
        load_rules(written(tmp_path, text))
    return str(caught.value)


def rule(expression: str = "amount > 1", reason: str = "Big", more: str = "") -> str:
    return f"# a comment\n- name: mine\n  expression: {expression}\n  reason: {reason}\n{more}"


def test_the_default_is_the_tutorials_three_in_order_and_all_alert() -> None:
    rules = load_rules().rules

    assert [rule.name for rule in rules] == ["high_amount", "location_change", "flagged_merchant"]
    assert {rule.action for rule in rules} == {"alert"}
    assert [rule.reason for rule in rules] == [
        "High amount",
        "Location change from {previous_location} to {location}",
        "Merchant {merchant} flagged",
    ]


def test_an_empty_list_is_a_rule_file_without_rules(tmp_path: Path) -> None:
    assert load_rules(written(tmp_path, "[]\n")).rules == ()


def test_the_version_ignores_comments_and_layout(tmp_path: Path) -> None:
    plain = load_rules(written(tmp_path, GOOD)).version

    assert (
        load_rules(written(tmp_path, "# why\n\n" + GOOD.replace("  reason", "\n  reason"))).version == plain
    )


@pytest.mark.parametrize(
    ("old", "new"), [("big", "huge"), ("10", "11"), ("Big", "Large"), ("Big\n", "Big\n  action: signal\n")]
)
def test_the_version_follows_what_the_rules_say(tmp_path: Path, old: str, new: str) -> None:
    plain = load_rules(written(tmp_path, GOOD)).version

    assert load_rules(written(tmp_path, GOOD.replace(old, new))).version != plain


SIGNAL = GOOD + "  action: signal\n- {name: small, expression: amount < 1, reason: Small}\n"


def test_signals_are_the_rules_with_that_action(tmp_path: Path) -> None:
    [signal] = load_rules(written(tmp_path, SIGNAL)).signals

    assert signal.rule == "big"
    assert load_rules().signals == ()


@pytest.mark.parametrize("same", ["amount   >  10", '"amount" > 10', "amount>10"])
def test_a_signal_is_the_same_however_its_expression_is_laid_out(tmp_path: Path, same: str) -> None:
    plain = load_rules(written(tmp_path, SIGNAL)).signals

    renamed = SIGNAL.replace("amount > 10", f"'{same}'").replace("Big", "Large")
    assert load_rules(written(tmp_path, renamed)).signals == plain


@pytest.mark.parametrize(
    ("one", "other"),
    [("amount > 10", "amount > 11"), ("merchant = 'a b'", "merchant = 'a  b'"), ("night = 1", "hour = 1")],
)
def test_a_signal_is_another_where_its_expression_says_something_else(
    tmp_path: Path, one: str, other: str
) -> None:
    digests = [
        load_rules(written(tmp_path, SIGNAL.replace("amount > 10", said))).signals[0].digest
        for said in (one, other)
    ]

    assert digests[0] != digests[1]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"absent\.yaml, line 1: the rule file can't be read: No such file"):
        load_rules(tmp_path / "absent.yaml")


def test_a_folder_is_no_rule_file(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="can't be read: Is a directory"):
        load_rules(tmp_path)


def test_bytes_that_are_no_text_are_told_so(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(RuleError, match="it is not UTF-8 text"):
        load_rules(path)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("- name: [\n", 2, "this is no YAML"),
        ("- name: a\n\tb: c\n", 2, "this is no YAML"),
        ("a: \x07\n", 1, "this is no YAML"),
        ("", 1, "a rule file is a list of rules"),
        ("rules: 5\n", 1, "a rule file is a list of rules"),
        (GOOD + "- just text\n", 4, "this is no rule"),
        (GOOD + GOOD, 4, "in rule `big`: the name is taken by the rule in line 1"),
        ("- name: x\n  reason: y\n", 1, "in rule `x`: expression missing"),
        ("- {}\n", 1, "name and expression and reason missing"),
        (rule(more="  expresion: a\n"), 5, "there is no key `expresion`. Did you mean `expression`?"),
        (rule(more="  severity: high\n"), 5, "A rule has name, expression, reason, action."),
        (rule(more="  reason: again\n"), 5, "`reason` is given twice"),
        (rule(more="  action: block\n"), 5, "the action is alert or signal, not `block`"),
        (rule(reason="[a]"), 4, "`reason` must be a text"),
        (rule(reason="''"), 4, "`reason` must be a text and must not be empty"),
        (rule("amout > 1"), 3, "in rule `mine`: there is no column `amout`. Did you mean `amount`?"),
        (rule("qqqq > 1"), 3, "there is no column `qqqq`. Columns: transaction_id, user, amount"),
        (rule(reason="To {locaton}"), 4, "there is no column `locaton`. Did you mean `location`?"),
        (rule(reason="To {location.__class__}"), 4, "there is no column `location.__class__`"),
        (rule(reason="'{amount:.2f}'"), 4, "only {column} is allowed"),
        (rule(reason="'a { b'"), 4, "can't be read"),
        (GOOD.replace("big", "model"), 1, "`model` can't be a name"),
        (GOOD.replace("big", "a b"), 1, "`a b` can't be a name"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    told = refusal(tmp_path, text)

    assert told.startswith(f"{tmp_path / 'rules.yaml'}, line {line}")
    assert message in told


def test_an_expression_may_go_over_several_lines(tmp_path: Path) -> None:
    text = GOOD.replace("amount > 10", "|\n    amount > 10\n    AND location = 'US'")

    assert load_rules(written(tmp_path, text)).rules[0].expression == "amount > 10\nAND location = 'US'"
