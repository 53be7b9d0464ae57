"""The source refuses to start on settings that cannot be meant, in one line that names the variable and no secret."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from backend.settings import DEVELOPMENT_KEY, SHORTEST_KEY, SourceSettings
from medallion.settings import PROJECT_ROOT

GOOD_KEY = "k" * SHORTEST_KEY


def started(**variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"]} | {f"SOURCE_{name.upper()}": value for name, value in variables.items()}
    command = [sys.executable, "-c", "import backend.main"]
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "needs a key of its own: set SOURCE_API_KEY"),
        (DEVELOPMENT_KEY, "needs a key of its own"),
        (f"{GOOD_KEY},{DEVELOPMENT_KEY}", "needs a key of its own"),
        ("k" * (SHORTEST_KEY - 1), "needs keys of at least 32 bytes"),
        (f"{GOOD_KEY},short", "needs keys of at least 32 bytes"),
        ("tiny", "needs keys of at least 32 bytes"),
    ],
)
def test_production_refuses_a_default_or_short_key(key: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=f"SOURCE_ENVIRONMENT=production {said}") as refused:
        SourceSettings(environment="production", api_key=key)
    assert key is None or key not in str(refused.value)


def test_production_refuses_to_misbehave() -> None:
    with pytest.raises(ValueError, match="does not go with SOURCE_CHAOS"):
        SourceSettings(environment="production", api_key=GOOD_KEY, chaos="slow")


def test_production_with_a_key_of_its_own_and_development_without_are_fine() -> None:
    assert SourceSettings(environment="production", api_key=GOOD_KEY).accepted_keys() == (GOOD_KEY.encode(),)
    assert SourceSettings().accepted_keys() == (DEVELOPMENT_KEY.encode(),)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="rate_limit"):
        SourceSettings(rate_limit=rate)


def test_a_wrong_setting_ends_the_start_with_one_line_that_names_it_and_no_secret() -> None:
    secret = "a-secret-too-short"
    for variables, said in (
        ({"environment": "production"}, "source API: SOURCE_ENVIRONMENT=production needs a key of its own"),
        ({"environment": "production", "api_key": secret}, "source API: SOURCE_ENVIRONMENT=production needs keys of"),
        ({"environment": "staging"}, "source API: SOURCE_ENVIRONMENT: Input should be 'development' or 'production'"),
        ({"chaos": "gremlins"}, "source API: SOURCE_CHAOS: 'gremlins' is not a fault; there are late-commits,"),
    ):
        done = started(**variables)
        assert done.returncode == 1
        assert done.stderr.startswith(said), done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert secret not in done.stderr
