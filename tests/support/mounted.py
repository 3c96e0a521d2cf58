"""What a container of the chart sees: its variables, and its volume laid out as the kubelet does it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.chart import Manifest

MOUNT = "/etc/fraudstream"
HELD = "what a secret holds"
"""What every key of every secret holds."""


def environment(container: Manifest, files: Path) -> dict[str, str]:
    """Its variables for our settings, with `files` in the volume's place and pod-0 for the pod's name."""
    found = {variable["name"]: _value(variable).replace(MOUNT, str(files)) for variable in container["env"]}
    pod = found.pop("POD_NAME", "")
    return {name: value.replace("$(POD_NAME)", pod) for name, value in found.items()}


def lay_out(pod: Manifest, documents: Sequence[Manifest], directory: Path) -> None:
    """Write the projected volume: names are links through `..data` to a directory with the time in its name.

    Raises:
        KeyError: a ConfigMap, or a key of one, is not among `documents`.
    """
    made = directory / "..2026_01_02_03_04_05.0123456789"
    made.mkdir(parents=True)
    (directory / "..data").symlink_to(made.name)
    for path, content in _projected(pod, documents).items():
        file = made / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    for entry in made.iterdir():
        (directory / entry.name).symlink_to(Path("..data") / entry.name)
    _lay_out_beside(pod, documents, directory)


def _lay_out_beside(pod: Manifest, documents: Sequence[Manifest], directory: Path) -> None:
    """Write the chart's ConfigMaps that are mounted beside that volume, each named after its own."""
    maps = {one["metadata"]["name"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    for volume in pod.get("volumes", ()):
        for key, content in maps.get(volume.get("configMap", {}).get("name"), {}).items():
            beside = directory.with_name(f"{directory.name}-{volume['name']}")
            beside.mkdir(exist_ok=True)
            (beside / key).write_text(content, encoding="utf-8")


def _projected(pod: Manifest, documents: Sequence[Manifest]) -> dict[str, str]:
    maps = {one["metadata"]["name"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    content: dict[str, str] = {}
    for volume in pod.get("volumes", ()):
        for source in volume.get("projected", {}).get("sources", ()):
            content |= _of_source(source, maps)
    return content


def _of_source(source: Manifest, maps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    if "secret" in source:
        return {item["path"]: HELD for item in source["secret"]["items"]}
    data = maps[source["configMap"]["name"]]
    return {item["path"]: data[item["key"]] for item in source["configMap"]["items"]}


def _value(variable: Manifest) -> str:
    if "value" in variable:
        return str(variable["value"])
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}
    return "pod-0"
