"""The rules of RFM as SQL: every combination of scores has its segment, and scores follow their values."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

from jinja2 import Environment
from psycopg2.extensions import connection

from medallion.settings import PROJECT_ROOT
from tests.customer_figures import score
from tests.queries import rows

# What decision 0030 says, by recency and by the mean of frequency and monetary, rounded up.
SEGMENTS = {
    5: "promising promising loyal champions champions",
    4: "promising promising loyal champions champions",
    3: "needs_attention needs_attention loyal loyal loyal",
    2: "hibernating hibernating at_risk at_risk at_risk",
    1: "lost lost at_risk at_risk at_risk",
}


def macros() -> Any:
    text = (PROJECT_ROOT / "dbt" / "macros" / "rfm.sql").read_text(encoding="utf-8")
    return Environment(extensions=["jinja2.ext.do"]).from_string(text).module  # noqa: S701 - SQL, no HTML


def test_every_combination_of_scores_has_the_segment_of_the_decision(conn: connection) -> None:
    combinations = list(product(range(1, 6), repeat=3))
    values = ", ".join(str(one) for one in combinations)
    found = rows(
        conn, f"select r, f, m, {macros().rfm_segment('r', 'f', 'm')} from (values {values}) as score (r, f, m)"
    )
    assert len(found) == 125
    assert {(r, f, m): segment for r, f, m, segment in found} == {
        (r, f, m): SEGMENTS[r].split()[(f + m + 1) // 2 - 1] for r, f, m in combinations
    }


def test_a_score_is_between_1_and_5_and_never_falls_as_the_value_grows(conn: connection) -> None:
    """For any cut points, also equal ones, and for values at and between them."""
    draw = random.Random(8)  # noqa: S311 - the same cut points each time
    cuts = [sorted(draw.choices(range(draw.choice([1, 2, 6])), k=4)) for _ in range(200)]
    cases = [(number, value, *of) for number, of in enumerate(cuts) for value in range(-1, 7)]
    expression = macros().rfm_score("value", ["a", "b", "c", "d"])
    values = ", ".join(str(one) for one in cases)
    found = rows(
        conn, f"select n, value, {expression} from (values {values}) as one (n, value, a, b, c, d) order by n, value"
    )
    assert [(n, value, score(value, cuts[n])) for n, value, *_ in sorted(cases)] == found
    for number in range(len(cuts)):
        scores = [one for n, _, one in found if n == number]
        assert scores == sorted(scores)
    assert {one for *_, one in found} == {1, 2, 3, 4, 5}


def test_without_cut_points_every_score_is_1(conn: connection) -> None:
    expression = macros().rfm_score("5", ["a", "b", "c", "d"])
    nothing = ", ".join(["null::integer"] * 4)
    assert rows(conn, f"select {expression} from (values ({nothing})) as cut (a, b, c, d)") == [(1,)]
