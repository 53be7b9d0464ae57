"""Declared dashboards: what cannot be meant is refused with its place, and every file has the one form."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dashboards.declared import FOLDER, Dashboard, read_dashboard, read_dashboards, read_datasets
from dashboards.written import text_of
from medallion.errors import DashboardInvalid
from tests.dashboard_files import CHART, NUMBER, dashboard_of, folder_of

GOOD = {"title": "Test", "question": "What?", "roles": ["viewer"], "rows": [{"height": 40, "charts": [CHART]}]}


def problems(place: Path, content: object) -> list[str]:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    with pytest.raises(DashboardInvalid) as refused:
        read_dashboards(folder_of(place, test=text))
    assert refused.value.exit_code == 3
    assert "test.yaml" in refused.value.message
    return refused.value.problems


def of_chart(**changes: object) -> dict[str, object]:
    return GOOD | {"rows": [{"height": 40, "charts": [{**CHART, **changes}]}]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("rows: [", "expected the node content"),
        ("- a list", "isn't a mapping"),
        ("\x00", "special characters"),
        (GOOD | {"titel": "Test"}, "titel: Extra inputs"),
        (GOOD | {"title": ""}, "title: String should have at least 1"),
        (GOOD | {"slug": "mine"}, "slug"),
        (GOOD | {"roles": []}, "roles"),
        (GOOD | {"rows": []}, "rows"),
        (GOOD | {"period": {"default": "last fortnight"}}, "'last fortnight' isn't a period"),
        (of_chart(kind="pie"), "rows.1.charts.1 (stores): Input tag 'pie'"),
        (of_chart(width=13), "rows.1.charts.1 (stores).width: Input should be less than or equal to 12"),
        (of_chart(figure="net; drop"), "rows.1.charts.1 (stores).figure"),
        (of_chart(colour="red"), "rows.1.charts.1 (stores).colour: Extra inputs"),
        (
            GOOD | {"rows": [{"height": 40, "charts": [NUMBER | {"compare": "1 month ago"}]}]},
            "String should match pattern",
        ),
        (of_chart(where=["sold_date between"]), "isn't a condition"),
        (of_chart(ignores=["Store"]), "there is no such filter"),
        (GOOD | {"rows": [{"height": 40, "charts": [CHART, CHART]}]}, "two charts have the name stores"),
        (
            GOOD
            | {"rows": [{"height": 40, "charts": [{**CHART, "width": 12}, {**CHART, "name": "other", "width": 2}]}]},
            "row 1 is 14 columns wide",
        ),
        (
            GOOD | {"filters": [{"name": "Currency", "dataset": "d", "column": "currency", "single": True}]},
            "a filter of a single value needs a default",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, content: object, words: str) -> None:
    found = problems(tmp_path, content)
    assert words in " ".join(found)


def test_all_that_is_wrong_in_a_file_is_named_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, of_chart(width=99, figure="X", titel=1))) == 3


def test_a_folder_without_dashboards_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DashboardInvalid, match="holds no"):
        read_dashboards(folder_of(tmp_path))


def test_a_data_set_that_cannot_be_meant_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "datasets.yaml").write_text("dashboard_sales: {metrix: [net_revenue]}", encoding="utf-8")
    with pytest.raises(DashboardInvalid, match="dashboard_sales: metrix: Extra inputs"):
        read_datasets(tmp_path)


@pytest.mark.parametrize("dashboard", read_dashboards(), ids=lambda one: one.slug)
def test_every_file_has_the_form_in_which_a_change_is_written(dashboard: Dashboard) -> None:
    """Else bringing back a change from the browser would change lines that nobody has touched."""
    file = FOLDER / "dashboards" / f"{dashboard.slug}.yaml"
    assert file.read_text(encoding="utf-8") == text_of(dashboard)


def test_what_is_written_reads_as_the_same_dashboard(tmp_path: Path) -> None:
    first = dashboard_of(
        {**CHART, "where": ["channel = web"], "note": "one: two # three"},
        period={"name": "When", "default": "last 3 weeks and today"},
    )
    file = tmp_path / "test.yaml"
    file.write_text(text_of(first), encoding="utf-8")
    assert read_dashboard(file) == first


def test_the_newest_sale_is_not_the_business_date_of_a_nightly_table() -> None:
    """`dashboard_freshness` has both. A night ends at midnight, whether anything is sold or not."""
    charts = [chart for one in read_dashboards() for chart in one.charts if "latest_data_until" in chart.figures]
    assert [one.where for one in charts] == [("table_name = mart_sales_by_hour",)] * 3
