"""Settings of the operator."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from fraud_core.settings import CoreSettings, PipelineName, ReadableFile, Section

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class ReconcileSettings(Section):
    """How often it looks."""

    interval_s: float = Field(5.0, ge=0.1, description="Time between two looks at everything.")
    slow_s: float = Field(
        60.0,
        ge=0.1,
        description="Time between two looks at what changes rarely: partitions, labels, bundles.",
    )


class OperatorSettings(CoreSettings):
    """All settings of `fraudstream operator`."""

    namespace: str | None = Field(
        None,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Whose FraudModels are served; by default the pod's own.",
    )
    pipeline: PipelineName = "fraud-detector"
    job_template: ReadableFile = Field(
        Path("/etc/fraudstream-job/job.yaml"),
        validate_default=False,
        description="Job that trains, as the chart renders it.",
    )
    reconcile: ReconcileSettings = ReconcileSettings()

    @property
    def interval(self) -> timedelta:
        """Time between two looks at everything."""
        return timedelta(seconds=self.reconcile.interval_s)
