"""The cells of a file are the truth of its day, written as the department writes; its bytes never vary."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from backend.workbooks import history
from backend.workbooks.fault_kinds import DOMAINS
from backend.workbooks.files import Report, reports
from backend.workbooks.layouts import LAYOUTS, cell
from backend.workbooks.settings import WorkbookSettings
from backend.workbooks.truth import rows
from medallion.settings import PROJECT_ROOT
from tests.workbook_cells import body, calamine_rows, headers, openpyxl_rows

START = date(2026, 1, 5)
DAY = date(2026, 1, 10)
SETTINGS = WorkbookSettings(seed=7, members=2_000, start=START)
HEADERS = {
    "top_up": ["N° recharge", "N° carte", "Canal", "Date et heure", "Montant", "Devise", "Niveau"],
    "pre_deduction": ["Date", "Channel", "Transactions", "Gross amount (EUR)"],
    "post_deduction": ["Datum", "Kanal", "Erstattungen", "Gebühren", "Rückbuchungen", "Netto"],
    "op_stats": ["Day", "Member", "Tier", "Visits", "Purchases", "Spent"],
}


def report(domain: str, day: date = DAY) -> Report:
    (found,) = reports(SETTINGS, [day], [domain])
    return found


def german(value: Any) -> Any:
    """A German text as the value it stands for."""
    if isinstance(value, str) and value[:1].isdigit():
        if value.count(".") == 2 and "," not in value:
            return datetime.strptime(value, "%d.%m.%Y").date()  # noqa: DTZ007 - a day has no zone
        return Decimal(value.replace(".", "").replace(",", "."))
    return value


def as_read(domain: str, value: Any) -> Any:
    """A cell as a value of the truth."""
    if domain == "post_deduction":
        return german(value)
    if isinstance(value, datetime) and domain != "top_up":
        return value.date()
    return Decimal(str(value)).quantize(Decimal("0.01")) if isinstance(value, (int, float)) else value


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_cells_are_the_truth(domain: str) -> None:
    found = report(domain)
    truth = [list(row.values()) for row in rows(SETTINGS, domain, DAY)]
    assert headers(found) == HEADERS[domain]
    assert [[as_read(domain, value) for value in row] for row in body(found)] == truth
    assert len(truth) > 3


@pytest.mark.parametrize("domain", DOMAINS)
def test_two_readers_find_the_same_cells(domain: str) -> None:
    found = report(domain).content
    by_openpyxl = [[_plain(value) for value in row] for row in openpyxl_rows(found)]
    assert by_openpyxl == [[_plain(value) for value in row] for row in calamine_rows(found)]


def _plain(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return "" if value is None else value


def test_leading_zeros_are_kept_as_text() -> None:
    for number, member in [row[:2] for row in body(report("top_up"))]:
        assert isinstance(number, str)
        assert number.startswith(f"{member}-")
        assert member.startswith("000")
        assert len(member) == 7
    assert all(row[1].startswith("000") for row in body(report("op_stats")))


def test_moments_and_days_are_date_cells() -> None:
    assert all(isinstance(row[3], datetime) for row in calamine_rows(report("top_up").content)[1:])
    assert {row[0] for row in calamine_rows(report("op_stats").content)[1:]} == {DAY}


def test_the_spend_report_has_a_title_and_a_total() -> None:
    found = calamine_rows(report("pre_deduction").content)
    assert found[:2] == [["Stored value spent, before deductions", "", "", ""], [""] * 4]
    gross = sum(Decimal(str(row[3])) for row in found[3:-1])
    assert found[-1] == ["Total", "", "", float(gross)]


def test_the_net_report_is_text_with_decimal_commas() -> None:
    found = calamine_rows(report("post_deduction").content)
    assert all(isinstance(value, str) for row in found for value in row)
    assert found[1][0] == "10.01.2026"
    assert any("." in row[5] and row[5][-3] == "," for row in found[1:])  # 1.234,50
    sums = [sum(german(row[place]) for row in found[1:-1]) for place in range(2, 6)]
    assert found[-1][:2] == ["Summe", ""]
    assert [german(value) for value in found[-1][2:]] == sums


@pytest.mark.parametrize(
    ("amount", "text"), [("1234.50", "1.234,50"), ("0.00", "0,00"), ("-7.10", "-7,10"), ("1000000", "1.000.000,00")]
)
def test_an_amount_in_german(amount: str, text: str) -> None:
    assert cell(LAYOUTS["post_deduction"], Decimal(amount)) == text


def test_each_day_has_a_file_of_each_domain() -> None:
    days = [START + timedelta(days=number) for number in range(3)]
    names = [f"{domain}_{day}.xlsx" for day in days for domain in DOMAINS]
    assert [one.name for one in reports(SETTINGS, days)] == names
    assert all(one.exists_from == one.day for one in reports(SETTINGS, days))


def test_no_clock_is_in_the_bytes() -> None:
    """Neither zip entries nor properties say when the file was made: its day's evening is in their place."""
    for domain in DOMAINS:
        with zipfile.ZipFile(BytesIO(report(domain).content)) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            core = archive.read("docProps/core.xml").decode()
        assert re.findall(r"\d{4}-\d\d-\d\dT[^<]*", core) == ["2026-01-10T22:30:00Z"] * 2


def digest(domain: str) -> str:
    return hashlib.sha256(report(domain).content).hexdigest()


def test_the_same_input_gives_the_same_bytes() -> None:
    first = [digest(domain) for domain in DOMAINS]
    history._history.cache_clear()
    assert [digest(domain) for domain in DOMAINS] == first
    assert len(set(first)) == len(DOMAINS)


def test_another_process_in_another_zone_gives_the_same_bytes() -> None:
    code = (
        "import sys, hashlib; from datetime import date; from backend.workbooks.files import reports;"
        "from backend.workbooks.settings import WorkbookSettings as S;"
        "[print(hashlib.sha256(r.content).hexdigest()) for r in"
        " reports(S(seed=7, members=2_000, start=date(2026, 1, 5)), [date(2026, 1, 10)])]"
    )
    changed = {**os.environ, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env=changed, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [digest(domain) for domain in DOMAINS]
