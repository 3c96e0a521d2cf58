"""What a simulation may be told."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fraud_producer.simulator.places import COUNTRIES

MOST_CUSTOMERS = 1_000_000
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class FraudMix(BaseModel):
    """How fraud divides into scenarios, by transactions; only the proportions count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card_testing: float = Field(
        default=0.18, ge=0, description="Bursts of small amounts at online merchants."
    )
    stolen_card: float = Field(default=0.20, ge=0, description="Sudden large spending, often far away.")
    account_takeover: float = Field(
        default=0.22, ge=0, description="New device and address, odd hours, transfers."
    )
    compromised_merchant: float = Field(
        default=0.20, ge=0, description="Many customers of one merchant are hit."
    )
    impossible_travel: float = Field(
        default=0.12, ge=0, description="A cloned card used far from the customer."
    )
    collusion_ring: float = Field(default=0.08, ge=0, description="Merchants and customers who cycle money.")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if sum(self.model_dump().values()) <= 0:
            raise ValueError("at least one scenario needs a share above 0")
        return self


class SimulatorSettings(BaseModel):
    """Settings of a simulated world; the same settings and start give the same stream, byte for byte.

    Raises:
        pydantic.ValidationError: a value is out of its range, or a country is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(
        default=1, ge=0, description="Another seed is another world: other people, shops and ids."
    )
    customers: int = Field(default=2_000, ge=10, le=MOST_CUSTOMERS, description="Customers at any one time.")
    merchants: int = Field(
        default=1_500, ge=200, le=1_000_000, description="Shops, online shops and cash machines."
    )
    transactions_per_day: float = Field(
        default=2.5, gt=0, le=50, description="Mean transactions of a customer a day; people differ widely."
    )
    countries: tuple[str, ...] = Field(
        default=tuple(COUNTRIES), min_length=1, description="Where customers live, ISO 3166-1 alpha-2."
    )
    turnover: Share = Field(
        default=0.001, description="Share of customers a day who leave, each for a new one."
    )
    fraud_share: float = Field(default=0.003, ge=0.0, le=0.2, description="Share of fraudulent transactions.")
    fraud_mix: FraudMix = Field(default=FraudMix(), description="Shares of the scenarios in fraud.")
    quiet_share: Share = Field(
        default=0.18, description="Share of fraud incidents that are small, local and much like the customer."
    )
    unreported_share: Share = Field(default=0.1, description="Share of frauds that never get a label.")
    reviewed_share: Share = Field(
        default=0.005, description="Share of legitimate transactions that somebody looks at and labels."
    )
    wrong_label_share: float = Field(
        default=0.01,
        ge=0.0,
        le=0.2,
        description="Share of labels that call a legitimate transaction a fraud.",
    )
    fast_label_share: float = Field(
        default=0.2,
        ge=0.0,
        le=0.5,
        description="Share of frauds that the customer reports within hours; the rest are chargebacks.",
    )
    label_delay: timedelta = Field(
        default=timedelta(days=7),
        ge=timedelta(minutes=1),
        le=timedelta(days=30),
        description="Mean time from a fraud to its label; chargebacks are possible for 120 days.",
    )

    @model_validator(mode="after")
    def _known_countries(self) -> Self:
        unknown = [code for code in self.countries if code not in COUNTRIES]
        if unknown:
            raise ValueError(f"unknown countries {', '.join(unknown)}; known are {', '.join(COUNTRIES)}")
        if len(set(self.countries)) < len(self.countries):
            raise ValueError("a country is named twice")
        return self
