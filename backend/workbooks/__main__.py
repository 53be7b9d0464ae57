"""`python -m backend.workbooks FOLDER --from DAY --to DAY`: what the departments put into a folder on these days."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from backend.workbooks.fault_kinds import DOMAINS, FAULTS
from backend.workbooks.files import arrivals, days_between, ledger
from backend.workbooks.folder import write_reports
from backend.workbooks.settings import WorkbookSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

_OF_FAULTS = "comma-separated, each with an optional `:count` of files in four weeks"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the files. Ends the process with one line where a value is wrong or a file is there already."""
    asked = _parser().parse_args(arguments)
    try:
        settings = WorkbookSettings(asked.seed, asked.members, asked.start, asked.faults)
        days, domains = days_between(asked.first, asked.last), asked.domain or DOMAINS
        found = arrivals(settings, asked.first, asked.last, domains)
        count = write_reports(asked.folder, found, replace=asked.replace)
    except ValueError as error:
        raise SystemExit(f"workbooks: {error}") from error
    except FileExistsError as error:
        raise SystemExit(f"workbooks: {error} (--replace overwrites)") from error
    sys.stdout.write(f"{count} files written to {asked.folder}\n")
    for planted in ledger(settings, days, domains):
        sys.stdout.write(json.dumps(dataclasses.asdict(planted), default=str, ensure_ascii=False) + "\n")


def _parser() -> argparse.ArgumentParser:
    known = WorkbookSettings()
    parser = argparse.ArgumentParser(
        prog="python -m backend.workbooks",
        description="Write the sample's spreadsheets to FOLDER/<domain>/, and to the screen what is wrong with "
        "those about these days, as lines of JSON.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True, metavar="DAY")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True, metavar="DAY")
    parser.add_argument("--domain", action="append", choices=DOMAINS, help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=known.seed, help="chooses the data (%(default)s)")
    parser.add_argument("--members", type=int, default=known.members, help="that there will ever be (%(default)s)")
    parser.add_argument(
        "--start", type=date.fromisoformat, default=known.start, help="first business date (%(default)s)"
    )
    parser.add_argument("--faults", default="", help=f"{_OF_FAULTS}: {', '.join(FAULTS)}")
    parser.add_argument("--replace", action="store_true", help="overwrite files that are there")
    return parser


if __name__ == "__main__":
    main()
