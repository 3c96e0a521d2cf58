"""A page of Markdown for each topic, made of its schema, for Redpanda Console to show beside the records.

Console looks for `<topic>.md` in a Git repository: https://docs.redpanda.com/, "Topic Documentation".
"""

from typing import Any

from fraud_core.schemas import schema
from fraud_core.topics import Topic, Topics

HEAD = "| field | type | meaning |\n| --- | --- | --- |\n"
OF_BYTES = {
    "dead_letters": (
        "Transactions that could not be decided, as they were read, with Kafka Connect's headers "
        "`__connect.errors.…` that say why. `fraudstream dlq list` shows them, and `fraudstream dlq replay` "
        "decides them after a fix."
    ),
    "replays": "Which dead letters were replayed, and to which topic: each goes once.",
    "side_tables": (
        "What each partition of the input has counted by merchant, category and device, for every detector "
        "to read. Key: pipeline/partition/slot."
    ),
    "state": (
        "Snapshots of the features' windows, written in the transactions that commit decisions; a detector "
        "that starts reads them. Key: pipeline/partition/chunk/part."
    ),
    "models": "Bundles of models, in chunks, by digest. Key: sha256/manifest or sha256/chunk.",
}
"""Topics whose values have no schema, by their attribute of `Topics`."""


def pages(names: Topics) -> dict[str, str]:
    """Name of the file and text of the page of each topic."""
    found = {key: value for key, value in vars(names).items() if value is not None}
    return {f"{topic.name}.md": _page(key, topic) for key, topic in found.items()}


def _page(key: str, topic: Topic) -> str:
    if topic.schema is None:
        return f"# {topic.name}\n\n{OF_BYTES[key]}\n"
    record = schema(topic.schema)
    return f"# {topic.name}\n\n{record['doc']}\n\n{HEAD}" + "".join(map(_row, record["fields"]))


def _row(field: dict[str, Any]) -> str:
    meaning = field.get("doc", "").replace("|", "\\|").replace("\n", " ")
    return f"| `{field['name']}` | {_kind(field['type'])} | {meaning} |\n"


def _kind(avro: Any) -> str:  # noqa: ANN401 - JSON
    """A type in a few words."""
    if isinstance(avro, list):
        kinds = [_kind(one) for one in avro if one != "null"]
        return " or ".join(kinds) + (", or null" if "null" in avro else "")
    if isinstance(avro, str):
        return avro
    if avro["type"] in {"array", "map"}:
        return f"{avro['type']} of {_kind(avro.get('items') or avro['values'])}"
    if avro["type"] == "enum":
        return ", ".join(avro["symbols"])
    return str(avro.get("logicalType") or avro.get("name") or avro["type"])
