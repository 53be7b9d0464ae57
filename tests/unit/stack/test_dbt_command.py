"""`./retail dbt`: what it refuses before it starts anything."""

from __future__ import annotations

import pytest
import typer

from stack.cli.app import app


@pytest.mark.parametrize("option", [["--target", "warehouse"], ["--target=warehouse"], ["-t", "warehouse"]])
def test_a_target_behind_the_command_is_refused_instead_of_building_in_dev(option: list[str]) -> None:
    with pytest.raises(typer.BadParameter, match="put --target first"):
        app(["dbt", "build", *option], standalone_mode=False)


def test_no_command_is_refused() -> None:
    with pytest.raises(typer.BadParameter, match="name a command of dbt"):
        app(["dbt"], standalone_mode=False)
