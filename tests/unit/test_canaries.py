"""The canaries themselves: a test that looks for secrets and cannot find one would be green for ever."""

from __future__ import annotations

import base64
import subprocess
import sys
from urllib.parse import quote

import pytest

from tests.canaries import seen_in, watching
from tests.process_table import eventually

SECRET = "p@ss/w:rd %é#1"
SAID = {
    "plain": SECRET.encode(),
    "in an address": f"postgresql://u:{quote(SECRET, safe='')}@h/d".encode(),
    "in JSON": b'{"password": "p@ss/w:rd %\\u00e9#1"}',
    **{
        f"in base64 after {before} characters": base64.b64encode(b"x" * before + SECRET.encode() + b"y" * after)
        for before, after in ((0, 0), (1, 0), (2, 1), (3, 2), (5, 1))
    },
}


@pytest.mark.parametrize("how", SAID)
def test_a_secret_is_found_in_every_form(how: str) -> None:
    assert seen_in(b"... " + SAID[how] + b" ...", {"it": SECRET, "another": "not-there-at-all"}) == ["it"]


def test_a_process_is_seen_with_what_it_shows() -> None:
    word, argument, variable = "word-of-the-test", "canary-of-an-argument", "canary-of-a-variable"
    with watching(word, {"argument": argument, "variable": variable}) as watched:
        process = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(30)", argument], env={"HERE": f"{word} {variable}"}
        )
        seen = watched.samples
        assert eventually(lambda: watched.samples > seen + 5)
        process.kill()
        process.wait()
    assert {name for name, _ in watched.in_command_lines} == {"argument"}
    assert watched.environments_of("time.sleep(30)") == {"variable"}
    assert watched.samples > 5
