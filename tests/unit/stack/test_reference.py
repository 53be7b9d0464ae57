"""docs/commands.md is what the commands say of themselves."""

from __future__ import annotations

import re

from medallion.settings import PROJECT_ROOT
from medallion.version import VERSION
from stack.cli.group import first_sentence
from stack.cli.reference import PAGE, help_texts, page


def test_the_page_of_commands_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: .venv/bin/python -m stack.cli.reference"


def test_the_summaries_are_whole_sentences() -> None:
    text = dict(help_texts())["./retail"].split("Commands:\n")[1]
    assert "..." not in text
    summaries = re.sub(r"\n {5,}", " ", text).splitlines()
    assert len(summaries) > 15
    assert [line for line in summaries if not line.endswith(".")] == []


def test_a_sentence_ends_at_a_stop_and_not_at_a_dot_in_a_name() -> None:
    assert first_sentence("Read docs/commands.md as\n  a page. Then write.") == "Read docs/commands.md as a page."
    assert first_sentence("No stop") == "No stop."


def test_the_version_is_said_in_one_place_and_repeated_in_none_wrongly() -> None:
    compose = (PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"image: retail-medallion-platform:(\S+)", compose)) == {VERSION}
    changes = (PROJECT_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changes, re.MULTILINE)[0] in ("Unreleased", VERSION)
    project = (PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in project
    assert 'version = { attr = "medallion.version.VERSION" }' in project
