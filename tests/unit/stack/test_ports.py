"""A port the user named does not give way; a default does, to the next free number, until it is free again."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import get_args

import pytest

from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT
from stack.host.home import Home
from stack.host.settings import PortName, StackSettings
from stack.services import ports
from stack.services.ports import HOST, choose_port, is_free, next_port, remembered_port
from stack.services.warehouse import choose_airflow_port
from tests.ports import free_port


@pytest.fixture(autouse=True)
def no_claims() -> Iterator[None]:
    """Claims of a test end with it, as those of a command end with its process."""
    yield
    for claim in ports._claims.values():
        claim.close()
    ports._claims.clear()


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])  # noqa: S104 - a server on all addresses takes ours as well
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port that another program listens on."""
    with socket.create_server((request.param, 0)) as server:
        yield int(server.getsockname()[1])


def by_default(port: int) -> StackSettings:
    """Settings whose default is `port`: nobody asked for it."""
    return StackSettings.model_construct(_fields_set=set(), api_port=port)


def test_a_port_that_was_asked_for_and_is_taken_is_a_configuration_error(home: Home, taken: int) -> None:
    with pytest.raises(ConfigurationError, match=f"API_PORT={taken} is taken") as refused:
        choose_port(home, StackSettings(api_port=taken), "api_port")
    assert "API_PORT" in refused.value.remedy
    assert remembered_port(home, "api_port") is None


def test_a_port_that_was_asked_for_wins_over_the_remembered_one(home: Home) -> None:
    home.remember("ports", {"api_port": free_port()})
    wanted = free_port()
    assert choose_port(home, StackSettings(api_port=wanted), "api_port") == wanted
    assert remembered_port(home, "api_port") == wanted


def test_a_default_that_is_free_is_used(home: Home) -> None:
    wanted = free_port()
    assert choose_port(home, by_default(wanted), "api_port") == wanted


def test_a_default_that_is_taken_gives_way_to_the_next_free_number(home: Home) -> None:
    first = three_in_a_row()
    with socket.create_server((HOST, first)), socket.create_server((HOST, first + 1)):
        assert choose_port(home, by_default(first), "api_port") == first + 2
    assert remembered_port(home, "api_port") == first + 2


def test_a_server_on_all_addresses_takes_a_default_as_well(home: Home, taken: int) -> None:
    assert choose_port(home, by_default(taken), "api_port") > taken


def test_the_next_number_is_no_other_services_by_default_or_by_memory(home: Home) -> None:
    first = three_in_a_row()
    home.remember("ports", {"docs_port": first + 2})
    settings = StackSettings.model_construct(_fields_set=set(), api_port=first, airflow_port=first + 1)
    with socket.create_server((HOST, first)):
        assert choose_port(home, settings, "api_port") > first + 2


def test_a_default_that_the_user_gave_to_another_service_is_left_to_it(home: Home) -> None:
    wanted = three_in_a_row()
    settings = StackSettings.model_construct(_fields_set={"docs_port"}, api_port=wanted, docs_port=wanted)
    assert choose_port(home, settings, "api_port") == wanted + 1
    assert choose_port(home, settings, "docs_port") == wanted


def test_a_default_that_is_free_again_is_used_again_whatever_is_remembered(home: Home) -> None:
    default = free_port()
    home.remember("ports", {"api_port": free_port(), "docs_port": default})
    assert choose_port(home, by_default(default), "api_port") == default
    assert home.recall("ports") == {"api_port": default, "docs_port": default}


def test_the_highest_number_gives_way_too(home: Home) -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # another program has it: as good
            stack.enter_context(socket.create_server((HOST, 65535)))
        chosen = choose_port(home, by_default(65535), "api_port")
    assert 0 < chosen < 65535
    assert is_free(chosen)


# ---------------------------------------------------------------- until the service listens


def test_a_port_that_another_platform_has_just_chosen_is_left_to_it(home: Home, tmp_path: Path) -> None:
    first = three_in_a_row()
    with another_process(CHOOSES, str(tmp_path / "other"), str(first)) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == f"{first}\n"
        assert is_free(first)
        assert choose_port(home, by_default(first), "api_port") == first + 1
        assert next_port(home, by_default(first), "api_port") == first + 1
        other.kill()
        other.wait()
    assert choose_port(home, by_default(first), "api_port") == first


def test_a_platform_that_chooses_again_before_its_service_listens_gets_the_same_port(home: Home) -> None:
    default = free_port()
    assert [choose_port(home, by_default(default), "api_port") for _ in range(2)] == [default] * 2


def test_the_question_which_port_would_be_used_claims_none(home: Home) -> None:
    default = free_port()
    assert next_port(home, by_default(default), "api_port") == default
    assert ports._claims == {}


def test_a_web_ui_that_another_command_starts_keeps_the_port_chosen_for_it(home: Home) -> None:
    settings = StackSettings.model_construct(_fields_set=set(), airflow_port=free_port())
    home.remember("ports", {"airflow_port": 4711})
    with another_process(HOLDS_UP, str(home.path)) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert choose_airflow_port(home, settings) == 4711
        other.kill()
        other.wait()
    assert choose_airflow_port(home, settings) == 4711  # no command that serves it
    with home.try_locked("up"):
        assert choose_airflow_port(home, settings) == settings.airflow_port
    assert remembered_port(home, "airflow_port") == settings.airflow_port


CHOOSES = """
home = Home(Path(sys.argv[1])).prepare()
settings = StackSettings.model_construct(_fields_set=set(), api_port=int(sys.argv[2]))
print(choose_port(home, settings, "api_port"), flush=True)
sys.stdin.read()
"""
HOLDS_UP = """
with Home(Path(sys.argv[1])).try_locked("up"):
    print("held", flush=True)
    sys.stdin.read()
"""
IMPORTS = """
import sys
from pathlib import Path
from typing import get_args
from stack.host.home import Home
from stack.host.settings import PortName, StackSettings
from stack.services.ports import choose_port
"""


def another_process(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", IMPORTS + program, *arguments],
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def three_in_a_row() -> int:
    """The first of three ports on which no program listens."""
    return next(port for port in iter(free_port, None) if all(is_free(port + more) for more in range(3)))


def test_a_port_that_only_lingers_after_a_connection_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # who closes first keeps the port in TIME_WAIT
            client.recv(1)
    assert is_free(port)


def test_the_documentation_names_the_number_that_replaces_a_taken_default() -> None:
    default = {name: StackSettings.model_fields[name].default for name in get_args(PortName)}
    free = next(port for port in count(default["airflow_port"]) if port not in default.values())
    page = (PROJECT_ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert f"{default['airflow_port']} gives way to {free}" in " ".join(page.split())
