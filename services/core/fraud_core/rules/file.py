"""Reads rule files. Every fault is told with its line, before anything is decided."""

import hashlib
import json
import re
from difflib import get_close_matches
from pathlib import Path

import yaml

from fraud_core.rules.expression import compile_expression, plain_sql
from fraud_core.rules.rule import ACTIONS, Place, Rule, RuleSet
from fraud_core.rules.template import parse_reason

DEFAULT_RULES = Path(__file__).with_name("tutorial.yaml")
DIGEST_LENGTH = 12
_KEYS = ("name", "expression", "reason", "action")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_RESERVED = frozenset({"model"})
_EXAMPLE = "a list of rules, each with name, expression and reason ([] for none)"


def load_rules(path: Path | None = None) -> RuleSet:
    """The rules of a YAML file; the tutorial's three without one.

    Raises:
        RuleError: the file can't be read, or says something that a rule can't; names the line.
    """
    file = path or DEFAULT_RULES
    rules: list[Rule] = []
    for node in _entries(file):
        rules.append(_rule(file, node, {rule.name: rule.line for rule in rules}))
    return RuleSet(tuple(rules), _version(rules), str(file))


def _entries(file: Path) -> list[yaml.Node]:
    """The nodes of the list; they know their lines, which plain values would not."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Place(file, 1).error(f"the rule file can't be read: {reason}.") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Place(file, mark.line + 1 if mark else 1).error(f"this is no YAML: {error.problem}.") from None
    except yaml.YAMLError as error:
        raise Place(file, 1).error(f"this is no YAML: {str(error).splitlines()[0]}.") from None
    if not isinstance(root, yaml.SequenceNode):
        raise Place(file, _line(root) if root else 1).error(f"a rule file is {_EXAMPLE}.")
    entries: list[yaml.Node] = root.value
    return entries


def _rule(file: Path, node: yaml.Node, earlier: dict[str, int]) -> Rule:
    texts = _texts(file, node)
    line = _line(node)
    name, _ = texts.get("name", (None, line))
    place = Place(file, line, name)
    if missing := [key for key in _KEYS[:3] if key not in texts]:
        raise place.error(f"{' and '.join(missing)} missing; a rule has {', '.join(_KEYS)}.")
    named, expressed, reasoned = (texts[key] for key in _KEYS[:3])
    action, action_line = texts.get("action", ("alert", line))
    _check_name(named[0], Place(file, named[1], name), earlier)
    if action not in ACTIONS:
        raise Place(file, action_line, name).error(f"the action is {' or '.join(ACTIONS)}, not `{action}`.")
    expression_place = Place(file, expressed[1], name)
    condition = compile_expression(expressed[0], expression_place)
    return Rule(
        name=named[0],
        expression=expressed[0],
        reason=reasoned[0],
        action="alert" if action == "alert" else "signal",
        digest=_digest(plain_sql(expressed[0], expression_place)),
        line=line,
        pieces=parse_reason(reasoned[0], Place(file, reasoned[1], name)),
        condition=condition.fill_null(value=False),
    )


def _check_name(name: str, place: Place, earlier: dict[str, int]) -> None:
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise place.error(
            f"`{name}` can't be a name: letters, digits, `_`, `.` and `-`, 64 at most, and not `model`."
        )
    if name in earlier:
        raise place.error(f"the name is taken by the rule in line {earlier[name]}; give one of them another.")


def _texts(file: Path, node: yaml.Node) -> dict[str, tuple[str, int]]:
    """Key -> (text, line) of one rule."""
    if not isinstance(node, yaml.MappingNode):
        raise Place(file, _line(node)).error(f"this is no rule; a rule file is {_EXAMPLE}.")
    name = next((value.value for key, value in node.value if key.value == "name"), None)
    found: dict[str, tuple[str, int]] = {}
    for key, value in node.value:
        place = Place(file, _line(key), name if isinstance(name, str) else None)
        _check_key(str(key.value), place, found)
        if not isinstance(value, yaml.ScalarNode) or not value.value.strip():
            raise place.error(f"`{key.value}` must be a text and must not be empty.")
        found[key.value] = (value.value.strip(), _line(value))
    return found


def _check_key(key: str, place: Place, found: dict[str, tuple[str, int]]) -> None:
    if key not in _KEYS:
        close = get_close_matches(key, _KEYS, n=1)
        hint = f"Did you mean `{close[0]}`?" if close else f"A rule has {', '.join(_KEYS)}."
        raise place.error(f"there is no key `{key}`. {hint}")
    if key in found:
        raise place.error(f"`{key}` is given twice.")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _version(rules: list[Rule]) -> str:
    said = [[rule.name, rule.expression, rule.reason, rule.action] for rule in rules]
    return _digest(json.dumps(said))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
