"""Which faults the workbooks have on demand, and how often: the value of `--faults`."""

from __future__ import annotations

from backend.switches import parse_counts

DOMAINS = ("top_up", "pre_deduction", "post_deduction", "op_stats")
WITH_TOTAL = ("pre_deduction", "post_deduction")
MOST = 8  # files of a kind in four weeks
# Each fault and the domains whose files may have it. `total_wrong` fits the fewest files, so it chooses first.
FAULTS: dict[str, tuple[str, ...]] = {
    "total_wrong": WITH_TOTAL,
    "bad_cell": DOMAINS,
    "resend": DOMAINS,
    "late_file": DOMAINS,
    "missing_file": DOMAINS,
    "renamed_header": DOMAINS,
    "header_lower": DOMAINS,
    "extra_column": DOMAINS,
    "duplicate_row": DOMAINS,
    "half_copied": DOMAINS,
}


def parse_faults(text: str) -> dict[str, int]:
    """How many files of four weeks have each fault named in `text`: names with commas between, each `name:count`.

    Without a count it is one. Raises ValueError, naming the word that is wrong and what would be right.
    """
    return parse_counts(text, FAULTS, "a fault of workbooks", MOST)
