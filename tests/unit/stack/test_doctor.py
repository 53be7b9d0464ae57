"""`./retail doctor`: the checks that need nothing running."""

from __future__ import annotations

import os
import socket
from importlib.metadata import version
from pathlib import Path

import psutil
import pytest

from stack.commands.doctor import check_inbox, check_lock, check_port
from stack.commands.finding import Finding
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.ports import choose_port
from tests.ports import free_port


def lock(folder: Path, *lines: str) -> Finding:
    file = folder / "requirements.txt"
    file.write_text("".join(f"{line} \\\n    --hash=sha256:00\n    # via something==1\n" for line in lines))
    return check_lock(file)


def test_installed_as_locked_is_ok(tmp_path: Path) -> None:
    found = lock(tmp_path, f"typer=={version('typer')}", f"psycopg2-binary=={version('psycopg2-binary')}")
    assert (found.state, found.remedy) == ("ok", "")


def test_a_locked_extra_does_not_hide_its_package(tmp_path: Path) -> None:
    assert lock(tmp_path, f"sqlalchemy[asyncio]=={version('sqlalchemy')}").state == "ok"
    assert lock(tmp_path, "sqlalchemy[asyncio]==0.1").state == "warn"


def test_another_version_and_a_missing_package_are_named_with_the_remedy(tmp_path: Path) -> None:
    found = lock(tmp_path, "typer==0.0.1", "no-such-package==1.0")
    assert found.state == "warn"
    assert f"typer {version('typer')}, locked 0.0.1" in found.found
    assert "no-such-package missing, locked 1.0" in found.found
    assert "./retail" in found.remedy


def test_what_is_locked_for_other_machines_only_is_not_asked_for(tmp_path: Path) -> None:
    assert lock(tmp_path, "no-such-package==1.0 ; sys_platform == 'win32'").state == "ok"


@pytest.mark.parametrize("explicit", [True, False])
def test_a_taken_port_is_a_failure_if_it_was_asked_for_and_else_a_warning(home: Home, *, explicit: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        chosen = {"docs_port"} if explicit else set()
        settings = StackSettings.model_construct(_fields_set=chosen, docs_port=port)
        found = check_port(home, settings, "docs_port", "docs")
        started = None if explicit else choose_port(home, settings, "docs_port")
    assert found.state == ("fail" if explicit else "warn")
    assert f"{port} is taken by {psutil.Process().name()} (process {os.getpid()})" in found.found
    assert "DOCS_PORT" in found.remedy
    assert explicit or found.found.endswith(f": {started} would be used")


def test_a_default_that_was_given_to_another_service_is_a_warning(home: Home) -> None:
    port = free_port()
    settings = StackSettings.model_construct(_fields_set={"api_port"}, docs_port=port, api_port=port)
    found = check_port(home, settings, "docs_port", "docs")
    assert (found.state, "set for another service" in found.found) == ("warn", True)


def test_a_port_that_was_dodged_once_is_forgotten_when_the_default_is_free(home: Home) -> None:
    home.remember("ports", {"docs_port": free_port()})
    settings = StackSettings.model_construct(_fields_set=set(), docs_port=(port := free_port()))
    assert check_port(home, settings, "docs_port", "docs").found == f"{port} free"


def test_a_free_port_is_ok(home: Home) -> None:
    assert check_port(home, StackSettings(docs_port=free_port()), "docs_port", "docs").state == "ok"


def test_an_inbox_is_read_and_counted_and_one_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    settings = StackSettings(retail_home=tmp_path)
    empty = check_inbox(settings)
    assert (empty.state, empty.found) == ("ok", f"{tmp_path}/inbox has no folder of an entity: no file has come yet")
    (tmp_path / "inbox" / "top_up").mkdir(parents=True)
    (tmp_path / "inbox" / "top_up" / "top_up_2026-11-01.xlsx").write_bytes(b"PK")
    (tmp_path / "inbox" / "top_up" / "~$top_up_2026-11-01.xlsx").write_bytes(b"x")
    assert check_inbox(settings).found == f"{tmp_path}/inbox: 1 file in 1 folder"


def test_an_inbox_that_no_driver_opens_is_a_failure_with_the_remedy(tmp_path: Path) -> None:
    found = check_inbox(StackSettings(retail_home=tmp_path, inbox_url="gdrive://reports"))
    assert found.state == "fail"
    assert "INBOX_URL 'gdrive://reports'" in found.found
    assert found.remedy == "set it to a folder or to a URL that fsspec can open"
