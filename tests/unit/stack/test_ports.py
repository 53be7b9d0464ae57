"""A port the user named does not give way; a default does, and the choice is kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from medallion.errors import ConfigurationError
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.ports import choose_port, is_free, remembered_port
from tests.ports import free_port


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


def test_a_default_that_is_taken_gives_way(home: Home, taken: int) -> None:
    chosen = choose_port(home, by_default(taken), "api_port")
    assert chosen != taken
    assert is_free(chosen)
    assert remembered_port(home, "api_port") == chosen


def test_the_choice_is_the_same_at_the_next_start_even_when_the_default_is_free_again(home: Home) -> None:
    home.remember("ports", {"api_port": (settled := free_port())})
    assert choose_port(home, by_default(free_port()), "api_port") == settled


def test_a_remembered_port_that_is_taken_gives_way_to_the_default(home: Home, taken: int) -> None:
    home.remember("ports", {"api_port": taken, "docs_port": 4711})
    default = free_port()
    assert choose_port(home, by_default(default), "api_port") == default
    assert remembered_port(home, "docs_port") == 4711


def test_a_port_that_only_lingers_after_a_connection_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # who closes first keeps the port in TIME_WAIT
            client.recv(1)
    assert is_free(port)
