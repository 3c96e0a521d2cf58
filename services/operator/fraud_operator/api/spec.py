"""`FraudModel.spec`: what a person wants. Every description is what `kubectl explain` shows."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from fraud_operator.api.base import Duration, Part, Quantity, Share, Version, duration


def _flat(value: object) -> object:
    if isinstance(value, list | dict):
        text = "a hyperparameter is a number, a text, true, false or null, no list and no object"
        raise ValueError(text)  # noqa: TRY004 - the one that pydantic takes for a fault of the value
    return value


Scalar = Annotated[int | float | str | bool | None, BeforeValidator(_flat)]
SCALAR = {"x-kubernetes-preserve-unknown-fields": True, "maxProperties": 0, "maxItems": 0}
"""A schema may name no choice of types: what has neither elements nor fields."""
Hyperparameters = Annotated[
    Mapping[str, Scalar], WithJsonSchema({"type": "object", "additionalProperties": SCALAR})
]
MOST_STEPS = 20


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """CEL rules and what they say when they are broken, for a schema."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


class Resources(Part):
    """What the pod of a training Job asks for."""

    requests: Mapping[str, Quantity] = Field(
        default={}, description="What the pod is promised: cpu, memory, ephemeral-storage.", max_length=10
    )
    limits: Mapping[str, Quantity] = Field(
        default={}, description="What the pod may use at most.", max_length=10
    )


class Training(Part):
    """How a version is trained, and when."""

    window: Duration = Field(
        default=duration("30d"),
        description="Event time that is learned from. It ends one labelDelay before the newest decision. The "
        "topics of decisions must keep as much: else Trained is False with WindowNotRetained.",
    )
    label_delay: Duration = Field(
        default=duration("7d"), description="How long labels take to come, as chargebacks and reviews do."
    )
    label_maturity: Duration = Field(
        default=duration("30d"),
        description="Age from which a transaction without a label counts as legitimate.",
    )
    alert_budget: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.005, description="Share of the traffic that may be alerts, those of the rules included."
    )
    schedule: str | None = Field(
        default=None,
        max_length=100,
        description="Cron expression in UTC, as `0 3 * * 1`: trains again then, or once the candidate that "
        "is being rolled out is through. Without one, only changes, labels and retrainNonce train.",
    )
    min_samples: Annotated[int, Field(ge=100)] = Field(
        default=1_000, description="Fewest transactions in the window; with fewer the training fails."
    )
    retrain_after_labels: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Trains again after so many new records on the labels' topic, once the candidate that is "
        "being rolled out is through; 0 never does.",
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=2, description="How often the Job tries again after a failure that may pass."
    )
    deadline: Duration = Field(
        default=duration("6h"), description="How long the Job may take, retries included."
    )
    resources: Resources = Field(
        default=Resources(),
        description="What the pod asks for, and that of a Job that measures precision. Image, environment "
        "and volumes are the release's and cannot be set here.",
    )


class Gate(Part):
    """A metric that a candidate must reach before anything is rolled out."""

    metric: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=60)] = Field(
        description="Name in the bundle's metrics, as average_precision, recall, precision or alert_rate."
    )
    min: float | None = Field(default=None, description="The least that is enough.")
    max: float | None = Field(default=None, description="The most that is allowed.")
    min_of_champion: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="The least, as a share of what the champion reaches on the same transactions: 0.95 lets "
        "the candidate be 5 % worse. Passes where there is no champion.",
    )


class Pause(Part):
    """How long a step lasts at least."""

    duration: Duration | None = Field(default=None, description="So long, as 30m or 1d.")
    manual: bool = Field(
        default=False, description="Until spec.approvedVersion names the candidate's version."
    )


class Step(Part):
    """A share of the users that the candidate decides for."""

    weight: Annotated[int, Field(ge=1, le=100)] = Field(description="Percentage of the users.")
    pause: Pause = Field(
        default=Pause(),
        description="How long this step lasts at least; it also lasts until there is the least evidence.",
        json_schema_extra=rules(
            ("!(has(self.duration) && self.manual)", "a pause is either manual or of a duration, not both")
        ),
    )


class Canary(Part):
    """The steps in which the candidate decides for a share of the users."""

    steps: Annotated[tuple[Step, ...], Field(max_length=MOST_STEPS)] = Field(
        default=(
            Step(weight=5, pause=Pause(duration=duration("1h"))),
            Step(weight=25, pause=Pause(duration=duration("1h"))),
            Step(weight=50, pause=Pause(duration=duration("1h"))),
        ),
        description="Gone through in order; a user once in the canary stays in. After the last step the "
        "candidate is promoted. An empty list promotes after the shadow.",
        json_schema_extra=rules(
            (
                "self.map(s, s.weight).isSorted() && self.all(s, self.exists_one(t, t.weight == s.weight))",
                "weights must ascend from step to step",
            )
        ),
    )


class Inconclusive(StrEnum):
    """What too few labels do."""

    WAIT = "Wait"
    CONTINUE = "Continue"


class Analysis(Part):
    """What must hold while a candidate is tried. A limit that is credibly broken rolls back at once."""

    min_decisions: Annotated[int, Field(ge=0)] = Field(
        default=1_000,
        description="Fewest transactions in each step that the candidate has scored, in the shadow, or "
        "decided, in the canary. Limits count from so many scored on, shares from five transactions on that "
        "speak against the candidate, and times from a hundred scored.",
    )
    max_alert_rate: Share | None = Field(
        default=0.25,
        description="Greatest share of transactions on which the candidate alerts. Broken where the lower "
        "end of its interval of three standard errors is above it, as with every share and the PSI.",
    )
    max_alert_rate_ratio: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Greatest alert rate as a multiple of the champion's, as 2. Broken where the lower end "
        "of the candidate's interval is above so many times the upper end of the champion's, which may have "
        "no alert at all. Without a champion it does not apply.",
    )
    max_scoring_microseconds: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Greatest mean time to score one transaction."
    )
    max_scoring_ratio: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Greatest mean time to score, as a multiple of the champion's."
    )
    max_disagreement: Share | None = Field(
        default=None, description="Greatest share of transactions on which only one of the two alerts."
    )
    max_score_psi: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Greatest population stability index of the candidate's scores against the champion's; "
        "above 0.25 counts as different.",
    )
    window: Duration = Field(
        default=duration("1h"),
        description="Limits are held against the whole step, and against the last so long of it by itself: a "
        "candidate that turns bad late is rolled back, too. Where fewer than minDecisions were scored in it, "
        "the last part that has as many. 0s leaves it out.",
    )
    min_labels: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Fewest labelled alerts of the candidate, and of the champion, that a step of the canary "
        "needs; 0 leaves precision out. Jobs count those that were decided since all detectors ran the step "
        "and are older than training.labelMaturity, so a step that waits lasts as long. The shadow does not "
        "wait for them, as few look at what only the candidate alerts on; with as many, a worse precision "
        "rolls back there, too.",
    )
    min_precision_ratio: Annotated[float, Field(ge=0)] = Field(
        default=0.9,
        description="Least precision as a share of the champion's, both of what was decided in this step; "
        "counts from minLabels on. Broken where the upper end of the candidate's interval of 95 % is below "
        "that share of the lower end of the champion's: more labels tell smaller differences.",
    )
    inconclusive: Inconclusive = Field(
        default=Inconclusive.WAIT,
        description="What a step of the canary does with too few labels: Wait, or Continue.",
    )
    interval: Duration = Field(
        default=duration("1h"),
        description="Time between two Jobs that measure precision, and before the first of a step. Less than "
        "1m is taken for 1m.",
    )
    deadline: Duration = Field(
        default=duration("1h"),
        description="How long a Job that measures precision may take, retries included.",
    )


class Rollout(Part):
    """How a verified candidate becomes the version that decides."""

    shadow: Duration = Field(
        default=duration("1h"),
        description="How long the candidate scores everything and decides nothing; 0s leaves it out.",
    )
    canary: Canary = Field(
        default=Canary(), description="Steps in which the candidate decides for a share of the users."
    )
    analysis: Analysis = Field(
        default=Analysis(),
        description="What must hold meanwhile. A broken limit, or an error of the candidate, rolls back at "
        "once; too little evidence and silent workers only hold the rollout.",
    )
    progress_deadline: Duration = Field(
        default=duration("1d"),
        description="So long after a step's pause without progress, Progressing is False with "
        "ProgressDeadlineExceeded; nothing is rolled back for that.",
    )


class FraudModelSpec(Part):
    """What is wanted."""

    pipeline: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$", max_length=100)] = Field(
        default="fraud-detector",
        description="The detectors' consumer group, as the release's value `pipeline` says. Cannot change.",
        json_schema_extra=rules(("self == oldSelf", "pipeline cannot change; make another FraudModel")),
    )
    algorithm: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=60)] = Field(
        default="ensemble",
        description="isolation_forest, random_forest, extra_trees, hist_gradient_boosting, "
        "logistic_regression, ensemble, or one that a package in the trainer's image brings.",
    )
    hyperparameters: Hyperparameters = Field(
        default={}, description="Those of the algorithm that shall not be the default, by name."
    )
    features: Annotated[tuple[str, ...], Field(max_length=200)] = Field(
        default=(),
        description="Names of the features to read, rule:NAME for a rule with action signal; empty leaves it "
        "to the algorithm.",
    )
    training: Training = Field(
        default=Training(), description="How a version is trained, and when it is trained again."
    )
    gates: Annotated[tuple[Gate, ...], Field(max_length=30)] = Field(
        default=(),
        description="Metrics that a candidate must reach before anything is rolled out. One that fails keeps "
        "Verified at False, and takes effect again when it is changed.",
        json_schema_extra=rules(
            (
                "self.all(g, has(g.min) || has(g.max) || has(g.minOfChampion))",
                "a gate needs min, max or minOfChampion",
            )
        ),
    )
    rollout: Rollout = Field(
        default=Rollout(), description="The steps from a verified candidate to the version that decides."
    )
    pinned_version: Version | None = Field(
        default=None,
        description="This version decides as long as it stands here; candidates are trained and not rolled "
        "out. To roll back, pin status.previousVersion.",
    )
    approved_version: Version | None = Field(
        default=None, description="Ends the manual pauses of the candidate with this version."
    )
    paused: bool = Field(
        default=False,
        description="Trains nothing and takes no step; a candidate that breaks a limit is rolled back even "
        "so.",
    )
    revision_history_limit: Annotated[int, Field(ge=0, le=50)] = Field(
        default=5, description="Versions that are kept beside those in use; older ones' bundles are deleted."
    )
    retrain_nonce: Annotated[str, Field(max_length=100)] = Field(
        default="", description="Any other text trains again, as the time of day."
    )
