"""Draw what an hour costs behind more and more history: `draw_curve.py FIGURES.json PICTURE.svg`, with matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

LAYERS = {
    "Bronze": ("bronze_customers", "bronze_products", "bronze_stores", "bronze_sales"),
    "Silver": (
        "silver_customers",
        "silver_products",
        "silver_stores",
        "silver_sales_customer",
        "silver_sales_product",
    ),
    "Gold: core": ("dbt_deps", "dbt_run_core"),
    "Gold: mart": ("dbt_run_mart",),
    "tests, totals, report": ("dbt_test", "reconcile", "report", "sales_report"),
}
COLOURS = ("#b87333", "#9aa3ad", "#d4a017", "#8a6d3b", "#5b8a72")


def main() -> None:
    """Stacked bars of an hour's layers, one bar a history."""
    figures = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["figures"]
    mpl.rcParams["svg.hashsalt"] = "retail"  # the same figures give the same file
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    names = [f"{one['history']:,}\n{one['ratio']:.2f} times" for one in figures]
    below = [0.0] * len(figures)
    for (layer, steps), colour in zip(LAYERS.items(), COLOURS, strict=True):
        # Figures that were kept before a step existed are without it.
        seconds = [sum(one["steps"].get(step, 0.0) for step in steps) for one in figures]
        axes.bar(names, seconds, bottom=below, label=layer, color=colour, width=0.55)
        below = [done + more for done, more in zip(below, seconds, strict=True)]
    for at, total in enumerate(below):
        axes.annotate(f"{figures[at]['hour']:.2f} s", (at, total), ha="center", va="bottom")
    axes.axhline(1.2 * below[0], color="#555555", linewidth=0.8, linestyle="--")
    axes.annotate(
        "1.2 times the shortest", (0.5, 1.2 * below[0]), ha="center", va="bottom", fontsize=8, color="#555555"
    )
    axes.set_title("An hour of 10,000 sales, by the sales of history before it")
    axes.set_ylabel("seconds")
    axes.set_ylim(0, 1.45 * max(below))
    axes.legend(loc="upper center", ncols=3, frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(sys.argv[2], metadata={"Date": None})


if __name__ == "__main__":
    main()
