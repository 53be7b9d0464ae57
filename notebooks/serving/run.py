"""Runs notebooks without a browser and writes each as a page of its own: what is in it needs no other file.

This program runs in the environment of the notebooks, so it imports nothing of ours. It prints a JSON object in a line
per notebook: its name, the seconds, and the page, or the cell that failed.
"""

from __future__ import annotations

import html
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import jupytext
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

CELL_SECONDS = 180
STYLE = Path(__file__).with_name("page.css")
WITHOUT_CODE = "without-code"  # a tag of the first cell: the page is for people who do not read SQL
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def main(folder: Path, *files: Path) -> int:
    """Run each notebook. Returns how many failed."""
    failed = 0
    for file in files:
        began = time.monotonic()
        said = run(file, folder / f"{file.stem}.html")
        failed += "error" in said
        seconds = round(time.monotonic() - began, 1)
        sys.stdout.write(json.dumps({"name": file.stem, "seconds": seconds} | said) + "\n")
        sys.stdout.flush()
    return failed


def run(file: Path, page: Path) -> dict[str, Any]:
    """Run a notebook and write its page; returns the page, or the number and the section of the cell that failed."""
    notebook = jupytext.read(file, fmt="py:percent")
    place = {"metadata": {"path": str(file.parent)}}
    client = NotebookClient(notebook, kernel_name="python3", timeout=CELL_SECONDS, resources=place)
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return failure(notebook, error)
    draft = page.with_suffix(".new")
    draft.write_text(page_of(notebook), encoding="utf-8")
    draft.replace(page)
    return {"page": str(page)}


def failure(notebook: Any, error: Exception) -> dict[str, Any]:
    """The cell that failed: the first code cell that has not ended, or has an error among its outputs."""
    section = number = 0
    words = ""
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "markdown":
            titles = [line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")]
            words = titles[-1] if titles else words
        elif is_failed(cell):
            section = number
            break
    if isinstance(error, CellExecutionError):
        why = f"{error.ename}: {error.evalue}"
    else:
        why = str(error).strip() or type(error).__name__
    return {"error": why, "cell": section or number, "section": words}


def is_failed(cell: Any) -> bool:
    """Whether a code cell has an error, or has begun and not ended."""
    if cell.cell_type != "code":
        return False
    times = cell.metadata.get("execution", {})
    has_error = any(one.output_type == "error" for one in cell.outputs)
    return has_error or ("iopub.execute_input" in times and "shell.execute_reply" not in times)


def page_of(notebook: Any) -> str:
    """The page of a notebook that was run."""
    first = notebook.cells[0]
    is_without_code = WITHOUT_CODE in first.metadata.get("tags", [])
    exporter = HTMLExporter(
        template_name="basic",
        exclude_input=is_without_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    body, _ = exporter.from_notebook_node(notebook)
    title = first.source.splitlines()[0].lstrip("# ")
    return PAGE.format(title=html.escape(title), style=STYLE.read_text(encoding="utf-8"), body=body)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(1 if main(*map(Path, sys.argv[1:])) else 0)
