"""Write the files that are generated from the declarations: `python -m medallion.entities`."""

from __future__ import annotations

from pathlib import Path

from medallion.entities.generated import FILES

for path, content in FILES.items():
    (Path(__file__).parents[2] / path).write_text(content(), encoding="utf-8")
