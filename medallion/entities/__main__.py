"""Write the files that are generated from the declarations: `python -m medallion.entities`."""

from __future__ import annotations

from pathlib import Path

from medallion.entities.generated import FILES, RELEASES

_ROOT = Path(__file__).parents[2]
for path, content in (RELEASES | FILES).items():
    file = _ROOT / path
    if path in RELEASES and file.exists():
        continue
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content(), encoding="utf-8")
