"""JupyterLab's configuration: read by JupyterLab alone, in its own environment, by `--config`.

One person works here, who knows the key. The key is in the environment (JUPYTER_TOKEN, which Jupyter reads), as are the
folders in which Jupyter keeps things, so that nothing of it lands among the notebooks or in the person's home.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
STATE = Path(os.environ["JUPYTER_CONFIG_DIR"]).parent
PORT = int(os.environ["RETAIL_NOTEBOOK_PORT"])

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821 - Jupyter puts it there

# For this machine alone, under two names only: a page could reach it under a name of its own otherwise.
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = PORT
c.ServerApp.port_retries = 0
c.ServerApp.allow_remote_access = False
c.ServerApp.local_hostnames = ["localhost"]
c.ServerApp.allow_root = True  # the platform may run as root; who has the key is that person
c.ServerApp.open_browser = False
c.ServerApp.quit_button = False  # Ctrl-C and ./retail down end it
c.ServerApp.terminals_enabled = False
c.ServerApp.jpserver_extensions = {"jupyter_server_terminals": False, "jupyter_lsp": False}
c.PasswordIdentityProvider.allow_password_change = False

# Notebooks are text: no outputs are stored, and copies of a file before its last save lie elsewhere.
c.ServerApp.root_dir = os.environ["RETAIL_NOTEBOOK_FOLDER"]
c.ServerApp.contents_manager_class = "jupytext.TextFileContentsManager"
c.FileCheckpoints.checkpoint_dir = str(STATE / "checkpoints")
c.FileContentsManager.delete_to_trash = False

# Nothing is asked of the network: no news, no newer version, no list of extensions.
c.LabApp.app_settings_dir = str(HERE / "jupyterlab")
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
c.LabApp.workspaces_dir = str(STATE / "workspaces")
c.LabApp.user_settings_dir = str(STATE / "settings")
