"""Who may read the clock: the edges named here. Everything else is passed a timestamp, so no date can change it.

What waits or measures uses `time.monotonic`, which anybody may ask. In the warehouse `clock_timestamp()` decides.
"""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from tests.product_files import PRODUCT, product_files

ROOT = Path(__file__).parents[2]
CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "asctime", "strftime"},
}
# Each file that asks a real clock, and what for. A decision that hangs on the answer is a function that is handed it.
EDGES = {
    "airflow/plugins/retail_callbacks.py": "Airflow calls the callbacks: they hand the moment on",
    "backend/data.py": "the clock of the source, unless SOURCE_NOW fixes it",
    "benchmarks/dashboards.py": "reads the last days, as a browser would",
    "benchmarks/orchestration.py": "starts runs at real hours of a real scheduler",
    "benchmarks/report.py": "dates a measurement",
    "ingestion/backfill.py": "names Bronze folders by the day of the pull",
    "ingestion/api/client.py": "Retry-After may be a date",
    "quality/repair.py": "names a Bronze folder by the day of the repair",
    "medallion/process/step.py": "names a run that was started by hand",
    "stack/cli/anomalies.py": "the days of which a person asks for anomalies",
    "stack/cli/logs.py": "how old a log is, for a person",
    "stack/commands/checks.py": "chooses the dates that the tests are shifted to",
    "stack/services/airflow/metadata.py": "how long a task has been running, for a person",
    "stack/services/processes.py": "makes a mark that no other process has",
    "stack/commands/retry.py": "names a Bronze folder by the day of the retry",
    "stack/commands/run.py": "names a run of Airflow by the moment of its start",
    "stack/services/source_api.py": "where the history of a new data set begins",
    "portal/app.py": "dates the pages that a reader asks for",
    "stack/commands/report.py": "dates the page",
    "stack/cli/operate.py": "dates a backup and the report after a step by hand, and the last complete day",
    "stack/cli/app.py": "the moment at which a person asks for the status",
    "stack/commands/up.py": "signs of life since a start",
    "stack/services/warehouse.py": "says when it looked at the incidents",
    "tests/faults/world.py": "names a Bronze folder as the process under test does",
    "tests/integration/test_embedded_postgres.py": "compares the server's clock with the tests' own",
    "tests/retail_cli.py": "begins the history of a data set two months before the platform runs",
    "tests/integration/test_source_certificate.py": "makes a certificate that is valid now",
}
# Tests may name moments that were over when they were written, or that nobody will live to see. One between is first
# in the future and then in the past, and a test of it changes its meaning in between, unless it hands a clock over too.
OVER, FAR = date(2026, 11, 24), date(2099, 1, 1)
DATE = re.compile(r"\b(20\d\d)(?:-|, )(\d\d?)(?:-|, )(\d\d?)(?!\d)")
WITH_A_CLOCK = {
    "tests/integration/test_clock_jumps.py": "runs of an Airflow that jumped back: only their order counts",
    "tests/unit/stack/test_shifted_dates.py": "the clock that is handed over",
    "tests/unit/stack/test_source.py": "the clock that is handed over",
}
# Moments in SQL that depend on the time zone of a session, or stand still in a transaction and so lie about its end.
DATE_OF_SESSION = re.compile(
    r"\b(current_date|current_time|localtime|localtimestamp|current_timestamp)\b", re.IGNORECASE
)
WITHOUT_ZONE = re.compile(r"_at\s*\)?::\s*date\b", re.IGNORECASE)


def python_files() -> list[Path]:
    return product_files(*PRODUCT, "tests")


def asked_clocks(source: str) -> set[str]:
    """The real clocks that a source file reads, under whatever name it has imported them."""
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("datetime", "time"):
            for alias in node.names:
                names[alias.asname or alias.name] = alias.name if node.module == "datetime" else f"time.{alias.name}"
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name: alias.name for alias in node.names if alias.name == "time"}
            names |= {alias.asname or alias.name: "" for alias in node.names if alias.name == "datetime"}
    return {found for node in ast.walk(tree) if (found := _asked(node, names))}


def _asked(node: ast.AST, names: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name) and names.get(node.id, "").startswith("time."):
        attribute = names[node.id].removeprefix("time.")
        return names[node.id] if attribute in CLOCKS["time"] else None
    if not isinstance(node, ast.Attribute):
        return None
    owner = node.value
    if isinstance(owner, ast.Name) and owner.id in names:
        kind = names[owner.id]
    elif isinstance(owner, ast.Attribute) and isinstance(owner.value, ast.Name) and names.get(owner.value.id) == "":
        kind = owner.attr
    else:
        return None
    return f"{kind}.{node.attr}" if node.attr in CLOCKS.get(kind, ()) else None


def test_only_the_edges_ask_a_real_clock() -> None:
    wrong = {
        f"{file.relative_to(ROOT)} asks {', '.join(sorted(clocks))}: hand it the moment, or name it as an edge"
        for file in python_files()
        if (clocks := asked_clocks(file.read_text(encoding="utf-8"))) and str(file.relative_to(ROOT)) not in EDGES
    }
    assert wrong == set()


def test_every_edge_still_asks() -> None:
    """A reason for a module that no longer exists would hide the next one of that name."""
    idle = {name for name in EDGES if not asked_clocks((ROOT / name).read_text(encoding="utf-8"))}
    assert idle == set()


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as moment\nmoment.utcnow()",
        "import datetime\ndatetime.datetime.now()",
        "import datetime as dt\ndt.date.today()",
        "from datetime import date\ndefault = date.today",
        "import time\ntime.time()",
        "from time import time_ns as unique\nunique()",
        "import time as t\nt.localtime()",
    ],
)
def test_a_clock_is_found_under_any_name(source: str) -> None:
    assert asked_clocks(source)


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.monotonic(), time.perf_counter(), time.sleep(1)",
        "from datetime import datetime, timezone\ndatetime(2026, 11, 6), datetime.fromtimestamp(0, timezone.utc)",
        "def f(self):\n    return self.now()",
        "from time import monotonic\nmonotonic()",
    ],
)
def test_what_asks_no_date_is_left_alone(source: str) -> None:
    assert not asked_clocks(source)


def test_no_statement_takes_its_date_from_the_time_zone_of_a_session() -> None:
    dbt = [f"dbt/{one}" for one in ("models", "macros", "tests")]
    folders = ("sql", "gold", "loaders", "medallion", "quality", "stack", *dbt)
    files = [file for folder in folders for file in sorted((ROOT / folder).rglob("*.sql"))]
    assert files, "this test would check nothing"
    wrong = {
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in files
        for pattern in (DATE_OF_SESSION, WITHOUT_ZONE)
        if (found := pattern.search(re.sub(r"--.*", "", file.read_text(encoding="utf-8"))))
    }
    assert wrong == set()


def dates_ahead(text: str) -> set[str]:
    found = set()
    for numbers in DATE.findall(text):
        with suppress(ValueError):  # a day that no calendar has
            day = date(*map(int, numbers))
            found |= {day.isoformat()} if OVER <= day < FAR else set()
    return found


def test_no_test_names_a_moment_that_comes_to_pass() -> None:
    files = [file for file in (ROOT / "tests").rglob("*") if file.suffix in (".py", ".jsonl", ".json")]
    assert files, "this test would check nothing"
    ahead = {str(file.relative_to(ROOT)): dates_ahead(file.read_text(encoding="utf-8")) for file in files}
    mine = str(Path(__file__).relative_to(ROOT))
    wrong = {name: dates for name, dates in ahead.items() if dates and name not in WITH_A_CLOCK and name != mine}
    assert wrong == {}
    assert [name for name in WITH_A_CLOCK if not ahead[name]] == []


@pytest.mark.parametrize("text", ['"2027-01-01T00:00:00Z"', "datetime(2028, 2, 29)", "2026-11-24", "path/2098-12-31/1"])
def test_a_moment_that_comes_to_pass_is_found(text: str) -> None:
    assert dates_ahead(text)


@pytest.mark.parametrize(
    "text", ["2026-11-23", "2027-02-30", "datetime(2026, 11, 6, 12)", "2099-01-01", "20270101", "9999-12-31"]
)
def test_a_moment_that_is_over_or_far_is_left_alone(text: str) -> None:
    assert not dates_ahead(text)
