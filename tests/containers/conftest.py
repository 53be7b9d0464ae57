"""docker-compose.yml as podman-compose reads it: parsed, merged, and filled in from a complete `.env`.

No engine is needed for that. podman-compose asks for the version of podman before it does anything, so it is given
a program that answers that one question.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from medallion.settings import PROJECT_ROOT

EXAMPLE = PROJECT_ROOT / ".env.example"
Compose = dict[str, Any]
Read = Callable[..., subprocess.CompletedProcess[str]]
SUPERSET_IMAGE = PROJECT_ROOT / "docker" / "superset.Dockerfile"


def required_settings() -> list[str]:
    """Names that `.env.example` leaves empty: the secrets."""
    return re.findall(r"^([A-Z_]+)=$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="session")
def filled_in() -> dict[str, str]:
    """`.env` as a person would fill it in."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {name: secrets.token_hex(32) for name in required_settings()} | {"AIRFLOW_FERNET_KEY": key}


@pytest.fixture(scope="session")
def read_compose(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """`podman-compose config` with the given `.env` and profiles, and nothing else in the environment."""
    pytest.importorskip("podman_compose")
    folder = tmp_path_factory.mktemp("compose")
    podman = folder / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.0.0\n")
    podman.chmod(0o755)

    def read(settings: dict[str, str], *profiles: str) -> subprocess.CompletedProcess[str]:
        env_file = folder / "env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        chosen = [word for profile in profiles for word in ("--profile", profile)]
        files = [*chosen, "--env-file", str(env_file), "-f", str(PROJECT_ROOT / "docker-compose.yml")]
        return subprocess.run(
            [sys.executable, "-m", "podman_compose", "--podman-path", str(podman), *files, "config"],
            env={name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ},
            cwd=folder,
            text=True,
            capture_output=True,
            check=False,
        )

    return read


@pytest.fixture(scope="session")
def compose(read_compose: Read, filled_in: dict[str, str]) -> Compose:
    """The file, filled in, with the services of every profile."""
    return parsed(read_compose(filled_in, "bi"))


@pytest.fixture(scope="session")
def without_profile(read_compose: Read, filled_in: dict[str, str]) -> Compose:
    """The file, filled in, with what runs when no profile is named."""
    return parsed(read_compose(filled_in))


def parsed(done: subprocess.CompletedProcess[str]) -> Compose:
    """What podman-compose has read."""
    assert done.returncode == 0, done.stderr
    found: Compose = yaml.safe_load(done.stdout)
    return found


def dockerfile_steps(file: Path = PROJECT_ROOT / "Dockerfile") -> list[tuple[str, str]]:
    """Instructions of the Dockerfile with their arguments, continued lines joined, comments left out."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest) for word, _, rest in (line.strip().partition(" ") for line in joined.splitlines() if line)]


def image_environment(file: Path = PROJECT_ROOT / "Dockerfile") -> dict[str, str]:
    """What the Dockerfile's ENV instructions set."""
    pairs = (pair.partition("=") for word, rest in dockerfile_steps(file) if word == "ENV" for pair in rest.split())
    return {name: value for name, _, value in pairs}
