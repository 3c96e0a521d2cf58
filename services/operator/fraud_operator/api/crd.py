"""The CustomResourceDefinition. `python -m fraud_operator.api.crd` prints it, for the chart's crds/."""

import sys
from typing import Any

import yaml

from fraud_operator.api.schema import structural
from fraud_operator.api.spec import FraudModelSpec
from fraud_operator.api.status import FraudModelStatus
from fraud_operator.names import CATEGORY, GROUP, KIND, PLURAL, SHORT, VERSION

Document = dict[str, Any]
HEADER = "# Made by `python -m fraud_operator.api.crd`, from the models that the operator itself reads.\n"
COLUMNS = (
    ("Ready", '.status.conditions[?(@.type=="Ready")].status', "Whether all partitions run the rollout."),
    ("Stable", ".status.stableVersion", "The version that decides."),
    ("Candidate", ".status.candidateVersion", "The version that is tried."),
    ("Weight", ".status.canaryWeight", "Percentage of the users that the candidate decides for."),
    ("Message", '.status.conditions[?(@.type=="Progressing")].message', "What is going on."),
    ("Age", ".metadata.creationTimestamp", "Since when it is there."),
)
TYPES = {"Weight": "integer", "Age": "date"}


def crd() -> Document:
    """The definition as Kubernetes takes it."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": [SHORT],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {
                            "name": name,
                            "type": TYPES.get(name, "string"),
                            "description": text,
                            "jsonPath": path,
                        }
                        for name, path, text in COLUMNS
                    ],
                    "schema": {"openAPIV3Schema": schema()},
                }
            ],
        },
    }


def schema() -> Document:
    """The schema of a FraudModel; apiVersion, kind and metadata are the server's own."""
    spec = structural(FraudModelSpec, "What is wanted.")
    return {
        "type": "object",
        "description": "A model of one pipeline: how it is trained, judged and rolled out.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "fraudstream.dev/v1alpha1."},
            "kind": {"type": "string", "description": "FraudModel."},
            "metadata": {"type": "object"},  # the server allows no more
            "spec": spec,
            "status": structural(FraudModelStatus, "What is. Written by the operator alone."),
        },
    }


def text() -> str:
    """The file's content."""
    return HEADER + yaml.dump(crd(), Dumper=_Plain, sort_keys=False, width=10_000, allow_unicode=True)


class _Plain(yaml.SafeDumper):
    """Without anchors: equal parts are written out, as people read them."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401 - yaml's own signature
        """Never any."""
        del data
        return True


if __name__ == "__main__":
    sys.stdout.write(text())
