import pytest

from fraud_core.errors import ConfigError
from fraud_local.bench import cli


def test_what_a_path_needs_and_is_not_there_is_told_before_a_broker_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(cli, "on_a_broker", lambda *_: pytest.fail("a broker is started"))

    with pytest.raises(ConfigError, match=r"no uv on the PATH.*--without quix"):
        cli.throughput_command()
