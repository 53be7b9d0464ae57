"""JupyterLab as a service: one person's, who knows the key in its address, and who reads the warehouse as its reader.

A notebook runs whatever stands in its cells, so its process gets the reader's address and no other secret. It runs as
the account that started it, and may read what that account may.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from medallion.private_files import make_private
from medallion.settings import PROJECT_ROOT
from stack.services.ports import HOST
from stack.services.processes import Service

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.home import Home

NAME = "notebook"
ENVIRONMENT = "notebooks"
FOLDER = PROJECT_ROOT / "notebooks"
SERVING = FOLDER / "serving"  # what runs in the environment of the notebooks
# What Jupyter and its kernels inherit: none of the platform's secrets, no owner's login.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PGSSLROOTCERT",
    "PGSSLMODE",
    "PGSSLCERT",
    "PGSSLKEY",
)
_CELL = "\n# %%"  # a file with cells is a notebook, another one a module that notebooks import
_FIRST_START_SECONDS = 120  # Python compiles what it imports


def notebook_files(folder: Path = FOLDER) -> dict[str, Path]:
    """The notebooks of a folder by their names, in order."""
    files = sorted(folder.glob("*.py"))
    return {file.stem: file for file in files if _CELL in file.read_text(encoding="utf-8")}


def notebook_environment(home: Home, reader_url: str) -> dict[str, str]:
    """What a process that runs notebooks is given. What Jupyter keeps is below RETAIL_HOME."""
    state = home.path / "jupyter"
    make_private(state)
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
    }
    return inherited | {
        **{variable: str(state / name) for variable, name in folders.items()},
        "JUPYTER_PREFER_ENV_PATH": "1",  # its own kernel, not one of that name elsewhere
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONUNBUFFERED": "1",
        "READER_DATABASE_URL": reader_url,
        "TZ": "UTC",
    }


def notebook_service(home: Home, programs: Path, port: int, reader_url: str) -> Service:
    """The service that is JupyterLab on `port`, from the environment of `programs`."""
    environment = notebook_environment(home, reader_url) | {
        "JUPYTER_TOKEN": _key(home),
        "RETAIL_NOTEBOOK_FOLDER": str(FOLDER),
        "RETAIL_NOTEBOOK_PORT": str(port),
    }
    command = (str(programs / "python"), "-m", "jupyterlab", "--config", str(SERVING / "jupyter_config.py"))
    ready = f"http://{HOST}:{port}/api/status?token={_key(home)}"
    return Service(NAME, command, environment, ready_url=ready, ready_seconds=_FIRST_START_SECONDS)


def notebook_address(home: Home, port: int, name: str = "") -> str:
    """The address for the browser of the one user. Its key opens JupyterLab, so it is a secret."""
    path = f"lab/tree/{name}.py" if name else "lab"
    return f"http://{HOST}:{port}/{path}?token={_key(home)}"


def pages_folder(home: Home) -> Path:
    """Where pages of notebooks are written."""
    folder = home.path / "notebooks"
    make_private(folder)
    return folder


def _key(home: Home) -> str:
    return home.secret("notebook_key")
