"""Names of the FraudModel in Kubernetes."""

GROUP = "fraudstream.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "FraudModel"
PLURAL = "fraudmodels"
SHORT = "fm"
CATEGORY = "fraudstream"

MODEL_LABEL = f"{GROUP}/fraudmodel-uid"
"""On Jobs: the uid of the FraudModel that they work for."""
RUN_LABEL = f"{GROUP}/run-id"
"""On Jobs and their pods: the run."""
