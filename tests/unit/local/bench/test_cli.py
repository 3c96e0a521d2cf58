import pytest

from fraud_core.errors import ConfigError
from fraud_local.bench.cli import throughput_command


def test_what_a_path_needs_and_is_not_there_is_told_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(ConfigError, match=r"no uv on the PATH.*--without quix"):
        throughput_command()
