"""`python -m benchmarks`: what `./retail bench` runs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.comparison import compare
from benchmarks.engines import ENGINES, USUAL
from benchmarks.report import as_data, as_text
from medallion.errors import RetailError
from medallion.settings import PROJECT_ROOT
from stack.host.console import Talk, print_data
from stack.host.home import Home
from stack.host.interrupts import Interrupted, interruptible

if TYPE_CHECKING:
    from benchmarks.comparison import Measured


def main() -> int:
    """Measure, print and write; returns the exit code."""
    given, talk = _arguments(), Talk()
    home = Path(os.environ.get("RETAIL_HOME") or PROJECT_ROOT / "data").expanduser().resolve()
    try:
        with interruptible():
            measured = _measure(home / "bench", given, talk)
    except RetailError as error:
        talk.error(error.message, str(error.__cause__ or ""), error.remedy)
        return error.exit_code
    except Interrupted as stop:
        talk.say(f"stopped by {stop}: nothing was kept")
        return stop.exit_code
    data, text = json.dumps(as_data(measured), indent=2), as_text(measured)
    file = (given.output or home / "bench") / f"{measured.totals.sales}-sales.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(data + "\n", encoding="utf-8")
    file.with_suffix(".txt").write_text(text, encoding="utf-8")
    print_data(data if given.json else text.rstrip("\n"))
    talk.say(f"written to {file} and {file.with_suffix('.txt').name}")
    return 0


def _measure(folder: Path, given: argparse.Namespace, talk: Talk) -> Measured:
    engines = [engine() for engine in ENGINES if engine.name in (given.engine or USUAL)]
    with Home(folder / "platform").prepare().try_locked("bench") as mine:
        if not mine:
            raise RetailError("another ./retail bench is under way", remedy="wait for it to end: two at once would lie")
        return compare(folder, engines, sales=given.sales, rounds=given.rounds, talk=talk)


def _arguments() -> argparse.Namespace:
    names = [engine.name for engine in ENGINES]
    parser = argparse.ArgumentParser(prog="./retail bench", description="Ours, its peers and its limits side by side.")
    parser.add_argument("--sales", type=int, default=100_000, help="how many the source holds")
    parser.add_argument("--rounds", type=int, default=3, help="how often each engine runs, in turn")
    parser.add_argument("--engine", action="append", choices=names, help="only this one; may be given several times")
    parser.add_argument("--json", action="store_true", help="print the result to stdout as JSON")
    parser.add_argument("--output", type=Path, help="folder of the results; default: RETAIL_HOME/bench")
    given = parser.parse_args()
    if given.sales < 1 or given.rounds < 1:
        parser.error("--sales and --rounds begin at 1")
    return given


if __name__ == "__main__":
    sys.exit(main())
