"""Settings of the producer; the flags of `fraudstream producer` say what to produce, these say how."""

import socket
from typing import Annotated, Literal

from pydantic import Field

from fraud_core.settings import CoreSettings, Section


class PublisherSettings(Section):
    """How records are handed to the brokers."""

    delivery_timeout_s: Annotated[float, Field(gt=0, le=86_400)] = Field(
        120.0, description="A record that the brokers have not taken by then counts as not delivered."
    )
    flush_timeout_s: Annotated[float, Field(ge=0, le=3_600)] = Field(
        30.0, description="How long a stop by Ctrl-C or SIGTERM waits for what is still on its way."
    )
    linger_ms: Annotated[float, Field(ge=0, le=10_000)] = Field(
        5.0, description="How long a record may wait for company; more gives larger batches."
    )
    compression: Literal["none", "gzip", "snappy", "lz4", "zstd"] = "lz4"
    max_queued: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        100_000, description="Records that may wait for the brokers; beyond that the source waits."
    )


class ProducerSettings(CoreSettings):
    """All settings of `fraudstream producer`."""

    pipeline: str = Field(
        "fraud-producer", pattern=r"^[A-Za-z0-9._-]{1,100}$", description="Name of the connector in REST."
    )
    worker: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Name of this process among the producers of its pipeline.",
    )
    producer: PublisherSettings = PublisherSettings()
