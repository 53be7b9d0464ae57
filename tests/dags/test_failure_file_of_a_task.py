"""The file of a task's failure: each try begins without the words of the one before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg2.extensions import connection

from medallion.process.failure_file import read_failure, task_file
from medallion.process.steps import INGESTION, Step
from medallion.settings import Settings

RUN, TASK = "run 1", "bronze_sales"


def fail_unless_explained(conn: connection, settings: Settings, *, run_id: str) -> str:
    """The work of a try: the first leaves its words, the second says whether it finds them."""
    file = settings.retail_home / "tries"
    if not file.exists():
        file.touch()
        raise ZeroDivisionError("of try 1")
    return "the words of try 1" if _left(settings.retail_home / "airflow") else "nothing"


def _left(home: Path) -> bool:
    return read_failure(task_file(home, "dag", TASK), RUN) is not None


def test_a_try_that_is_killed_is_not_explained_by_the_one_before(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import retail_steps

    home = tmp_path / "airflow"
    monkeypatch.setenv("AIRFLOW_CONN_RETAIL", database_url)
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path))
    monkeypatch.setattr(retail_steps, "airflow_home", lambda: home)
    context = {"run_id": RUN, "task": SimpleNamespace(task_id=TASK), "dag": SimpleNamespace(dag_id="dag")}
    monkeypatch.setattr(retail_steps, "get_current_context", lambda: context)
    step = Step(id=TASK, work=(f"{__name__}:fail_unless_explained",), layer="bronze", login=INGESTION)
    with pytest.raises(ZeroDivisionError):
        retail_steps._carry_out(step, "retail")
    assert _left(home)
    assert retail_steps._carry_out(step, "retail") == ["nothing"]
    assert not _left(home)
