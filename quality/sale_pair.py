"""A sale at the source and in Silver, and the records that each side lacks."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from medallion.state.accepted_differences import Difference, Figures
from medallion.state.reconciliation import NOTHING, SilverSale, Totals
from quality.checksum import total_of

if TYPE_CHECKING:
    from quality.sales_listing import Record, SourceSale


class SalePair:
    """A sale on both sides, either of which may lack it."""

    def __init__(self, there: SourceSale | None, here: SilverSale | None) -> None:
        self._there, self._here = there, here
        left = Counter(here.lines if here else ())
        self.unmatched_lines: list[Record] = []
        for line in there.lines if there else ():
            if line.checksum is not None and left[line.checksum] > 0:
                left[line.checksum] -= 1
            else:
                self.unmatched_lines.append(line)
        self._has_other_lines = any(left.values())
        self.is_header_missing = there is not None and (here is None or here.header is None)

    @property
    def is_all_missing(self) -> bool:
        """Whether Silver has nothing of it."""
        return self._here is None

    @property
    def surplus(self) -> Totals:
        """The source's totals less Silver's."""
        there, here = self._there, self._here
        source = Totals(1, len(there.lines), there.net_amount, 0) if there else NOTHING
        silver = Totals(int(here.header is not None), len(here.lines), here.net_amount, 0) if here else NOTHING
        return source - silver

    def unmatched(self) -> list[Record]:
        """Records of the source that Silver lacks."""
        header = [self._there.header] if self._there and self.is_header_missing else []
        return header + self.unmatched_lines

    def kinds(self, aside: set[bytes]) -> list[str]:
        """The kinds of difference not explained by quarantine: fields of `quality.sales_differences.SalesFound`."""
        there, here = self._there, self._here
        if there is None:
            return ["unknown"]
        if self.is_header_missing and there.header.raw not in aside:
            return ["missing"]
        lost = any(line.raw not in aside for line in self.unmatched_lines)
        of_lines = ["lines"] if lost or self._has_other_lines else []
        is_other = here is not None and here.header is not None and here.header != there.header.checksum
        return of_lines + (["headers"] if is_other else [])

    def difference(self, sale_id: int) -> Difference:
        """The figures of both sides."""
        source = self._there.figures if self._there else None
        return Difference("sales", sale_id, source, _figures(self._here) if self._here else None)


def _figures(sale: SilverSale) -> Figures:
    header = [] if sale.header is None else [sale.header]
    return Figures(total_of([*header, *sale.lines]), len(sale.lines), sale.net_amount)
