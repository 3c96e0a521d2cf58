"""One tree for every error that the project raises on purpose.

::

    FraudstreamError
    ├── ConfigError              a setting, flag or file says something that cannot be done
    │   └── RuleError            a rule file is wrong; names the line
    ├── InputError               a user's data file cannot be read or mapped
    │   ├── WindowNotRetainedError   the topics no longer hold the training window
    │   └── NotEnoughSamplesError    there are fewer transactions than a model may be trained on
    ├── SchemaError              a schema is missing, unknown or incompatible
    ├── UnavailableError         a broker, registry or store cannot be reached; trying again may help
    │   ├── NameInUseError       another process has this worker's name, and is alive
    │   └── UnfinishedError      it answers, and there is more to ask than one call may take the time for
    ├── DeliveryError            records were not delivered, after all retries
    ├── TaskFailedError          a record was at fault and errors.tolerance is none, or retries ran out
    ├── StateError               a state can't be restored as asked for, and state.on_mismatch is fail
    ├── FencedError              another process took this one's transactional id over; this one must stop
    ├── BundleError              a model bundle is refused: digest, versions, features or content
    │   └── RulesDifferError         it reads rules that are others here, or not here
    ├── StackError               the embedded broker or registry did not start
    ├── DemoError                a part of the demo ended, or its counts do not add up
    └── ChaosError               a disturbed pipeline did not decide as an undisturbed one

A message says what happened, where, and what to do. `main()` of each command prints it without a trace
and exits with `exit_code`.
"""


class FraudstreamError(Exception):
    """Base of all; `exit_code` is the exit status of a command that ends with it."""

    exit_code = 1


class ConfigError(FraudstreamError):
    """A setting, flag or file says something that cannot be done."""

    exit_code = 2


class RuleError(ConfigError):
    """A rule file is wrong; the message names the file and the line."""


class InputError(FraudstreamError):
    """A user's data file cannot be read or mapped."""

    exit_code = 2


class WindowNotRetainedError(InputError):
    """The topics no longer hold the decisions of the whole training window."""


class NotEnoughSamplesError(InputError):
    """The training window has fewer transactions than a model may be trained on."""


class SchemaError(FraudstreamError):
    """A schema is missing, unknown or incompatible."""


class UnavailableError(FraudstreamError):
    """A broker, registry or store cannot be reached; trying again may help."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: a supervisor may start it again


class NameInUseError(UnavailableError):
    """Another process has this worker's name, and is alive: this one must not start."""

    exit_code = 3


class UnfinishedError(UnavailableError):
    """What is asked answers, but there is more to ask than one call may take the time for: go on soon."""


class DeliveryError(FraudstreamError):
    """Records were not delivered, after all retries."""


class TaskFailedError(FraudstreamError):
    """A record was at fault and `errors.tolerance` is `none`, or `errors.retry.timeout` is over."""


class StateError(FraudstreamError):
    """A partition's state can't be restored from its snapshots, and `state.on_mismatch` is `fail`."""


class FencedError(FraudstreamError):
    """Another process took this one's transactional id over; this one must stop."""

    exit_code = 3


class BundleError(FraudstreamError):
    """A model bundle is refused: its digest, versions, features or content are not what was promised."""


class RulesDifferError(BundleError):
    """A model bundle reads rules that are others here than in training, or not here."""


class StackError(FraudstreamError):
    """The embedded broker or registry did not start."""


class DemoError(FraudstreamError):
    """A part of the demo ended by itself, or what it produced and what it decided do not add up."""


class ChaosError(FraudstreamError):
    """A pipeline under faults did not decide every record once, or not as an undisturbed one does."""
