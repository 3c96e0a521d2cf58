"""Settings as Kafka Connect shows a configuration: flat, dotted, all text, secrets masked."""

from typing import Any

from pydantic_settings import BaseSettings

MASK = "[hidden]"


def flat(settings: BaseSettings) -> dict[str, str]:
    """Every setting that has a value, by its dotted name, as in `errors.tolerance`."""
    return dict(_leaves("", settings.model_dump(mode="json")))


def _leaves(path: str, node: Any) -> list[tuple[str, str]]:  # noqa: ANN401 - JSON
    if isinstance(node, dict):
        return [
            leaf for name, part in node.items() for leaf in _leaves(f"{path}.{name}" if path else name, part)
        ]
    if node is None:
        return []
    secret = any(word in path for word in ("password", "secret"))
    text = str(node).lower() if isinstance(node, bool) else str(node)
    return [(path, MASK if secret else text)]
