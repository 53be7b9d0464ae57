"""Roles: a dashboard names those that see it, and a user has one of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dashboards.declared import FOLDER, read_dashboards
from dashboards.roles import read_roles
from medallion.errors import DashboardInvalid


def test_every_dashboard_names_roles_that_there_are() -> None:
    known = read_roles().roles
    assert {role for one in read_dashboards() for role in one.roles} == {*known}


def test_a_role_that_must_not_see_customers_does_not() -> None:
    seen = {one.slug for one in read_dashboards() if "sales" in one.roles}
    assert seen == {"sales-overview", "products-and-stores", "forecast", "anomalies"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"users": {"admin": "Admin", "anna": "boss"}}, "anna: boss is neither a role"),
        ({"users": {"viewer": "viewer"}}, "admin has to be Admin"),
        ({"rolls": {}}, "rolls"),
    ],
)
def test_roles_that_do_not_fit_are_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    content = yaml.safe_load((FOLDER / "roles.yaml").read_text(encoding="utf-8")) | change
    (tmp_path / "roles.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(DashboardInvalid, match=words):
        read_roles(tmp_path)
