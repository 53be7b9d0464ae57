"""What dbt has of every figure, from its definition: macros with its SQL, and its description for the models' columns.

`python -m gold.figures` writes both. dbt could read the definitions from its own manifest while it compiles a model,
but not while it compiles a unit test of one, and sqlfluff never (docs/decisions/0029-one-definition-per-figure.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.metrics import Measure, Metric, formula, measures, metrics
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

_GENERATED = "Generated from dbt/models/metrics.yml: python -m gold.figures."
_MACROS_HEAD = f"{{#- The SQL of the figures. {_GENERATED} -#}}\n"
_DESCRIPTIONS_HEAD = f"<!-- What the columns of figures hold. {_GENERATED} -->\n"
_AGGREGATES = {"count_distinct": "count(distinct {})", "count": "count({})", "sum": "coalesce(sum({}), 0)"}
_TYPES = {"money": "numeric(38, 2)", "count": "bigint"}
_RATIO_TYPES = {"money": "numeric(38, 2)", "ratio": "numeric(38, 6)", "share": "numeric(38, 6)"}


def macros() -> str:
    """The text of dbt/macros/figures.sql."""
    of_lines = [one for one in measures().values() if one.model == "sales_item"]
    in_every_mart = " ".join(one.name for one in of_lines if one.is_in_every_mart)
    ratios = {one.name: _rounded(one) for one in _ratios()}
    parts = (
        ("Measures that every mart holds, in the order of their columns.", "figure_names()", in_every_mart),
        (
            "A measure over the lines of one key of a mart's grain.",
            "figure(name)",
            _chosen({one.name: _aggregate(one) for one in of_lines}),
        ),
        (
            "The type of a measure's column.",
            "figure_type(name)",
            _chosen({one.name: _TYPES[one.unit] for one in of_lines}),
        ),
        ("A ratio of columns that are named like measures.", "metric(name)", _chosen(ratios)),
    )
    return _MACROS_HEAD + "".join(_macro(*part) for part in parts)


def descriptions() -> str:
    """The text of dbt/models/gold/figures.md: a description for each column of a measure or a ratio."""
    described: list[Measure | Metric] = [*measures().values(), *_ratios()]
    blocks = (f"\n{{% docs {one.name} %}}\n{one.description}\n{{% enddocs %}}\n" for one in described)
    return _DESCRIPTIONS_HEAD + "".join(blocks)


def _ratios() -> list[Metric]:
    """The ratios that follow from measures alone: no metric that they are made of has a condition."""
    found = metrics()
    return [
        one
        for one in found.values()
        if one.type == "ratio" and not any(found[part].filter for part in (one.numerator, one.denominator))
    ]


def _macro(what: str, signature: str, text: str) -> str:
    return f"\n{{#- {what} -#}}\n{{% macro {signature} -%}}\n{text}\n{{%- endmacro %}}\n"


def _chosen(texts: Mapping[str, str]) -> str:
    """The text of the macro's `name`; a name that is not there is an error."""
    listed = "".join(f'    "{name}": "{text}",\n' for name, text in texts.items())
    return f"{{{{ {{\n{listed}}}[name] }}}}"


def _aggregate(measure: Measure) -> str:
    text = _AGGREGATES[measure.aggregation].format(measure.expression)
    return f"{text}::{_TYPES[measure.unit]}" if measure.aggregation == "sum" else text


def _rounded(metric: Metric) -> str:
    return f"({formula(metric.name)})::{_RATIO_TYPES[metric.unit]}"


FILES = {"dbt/macros/figures.sql": macros, "dbt/models/gold/figures.md": descriptions}

if __name__ == "__main__":
    for path, content in FILES.items():
        (PROJECT_ROOT / path).write_text(content(), encoding="utf-8")
