"""A nemesis: hour after hour a seeded mix of faults strikes real steps, and the source goes on selling.

Each hour the source commits new sales, leaves out some ids and commits some that it left out before. Then one fault of
a class strikes, and the hour goes on without it, or does not. The seed decides everything, so that a failure can be run
again. A fault counts only where it took effect.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

from fastapi import Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from medallion.database import connect
from medallion.errors import RetailError
from medallion.process.fail_points import POINTS, VARIABLE
from tests.faults.oracle import check_at_once
from tests.faults.phases import is_caught
from tests.faults.world import COLLECT, LOAD, HoldingSource, World, ended_at_last, ending
from tests.ledger_source import sale

LANDING = [point for point in POINTS if point.startswith(("bronze.", "part."))]
LOADING = [point for point in POINTS if point.startswith("silver.")]
HIGHEST = 30  # ids an hour: some are left out
_JUMP = """
    update meta.load set started_at = started_at + %(hours)s * interval '1 hour',
    ended_at = ended_at + %(hours)s * interval '1 hour';
    update meta.bronze_file set landed_at = landed_at + %(hours)s * interval '1 hour';
    update meta.sales_gap set first_seen_at = first_seen_at + %(hours)s * interval '1 hour',
    last_checked_at = last_checked_at + %(hours)s * interval '1 hour' where status = 'OPEN'
"""


class SpoiltSource(HoldingSource):
    """A source that spoils answers while it is told to. `struck` counts the answers that it has spoilt."""

    def __init__(self) -> None:
        super().__init__()
        self.spoils: Callable[[Request], Response | None] = lambda _request: None
        self.hidden: set[int] = set()  # committed, and not shown by the listing or the totals
        self.struck = 0
        self.app.middleware("http")(self._spoil)

    def _between(self, after: int, up_to: int | None) -> list[dict[str, object]]:
        found = super()._between(after, up_to)
        shown = [one for one in found if one["sale_id"] not in self.hidden]
        self.struck += len(found) - len(shown)
        return shown

    async def _spoil(self, request: Request, answer: RequestResponseEndpoint) -> Response:
        spoilt = self.spoils(request)
        if spoilt is None:
            return await answer(request)
        self.struck += 1
        return spoilt


class Nemesis:
    """Strikes a world for some hours. `took_effect` counts faults by class."""

    def __init__(self, world: World, seed: int) -> None:
        assert isinstance(world.ledger, SpoiltSource)
        self.took_effect: Counter[str] = Counter()
        self._world, self._source, self._seed = world, world.ledger, seed
        self._draw = random.Random(seed)  # noqa: S311 - a failure must be run again
        self._left_out = [7, 8, 23, 60]
        self._next = 76
        self._order: list[str] = []
        self._strikes: dict[str, Callable[[], bool]] = {
            "source answers badly": self._bad_answers,
            "source hides sales": self._hidden_sales,
            "source without right totals": self._wrong_totals,
            "process killed": self._kill,
            "connection ended": self._end_connection,
            "disk refuses": self._full_disk,
            "clock jumps": self._clock_jump,
            "two at once": self._two_at_once,
        }
        self.classes = tuple(self._strikes)

    def run(self, hours: int) -> None:
        """Strike each hour; every class comes again before any comes a third time."""
        for hour in range(hours):
            self._sell()
            if not self._order:
                self._order = self._draw.sample(self.classes, len(self.classes))
            name = self._order.pop()
            self.took_effect[name] += self._strikes[name]()
            self._world.wait_until(self._world.is_alone)
            if self._draw.random() < 0.7:  # else the next hour meets what this one left
                self._go_on()
            check_at_once(self._world)
            assert self.took_effect.total() <= hour + 1

    def _sell(self) -> None:
        """New sales with holes among them, and some that commit late."""
        ids = [
            one for one in range(self._next, self._next + self._draw.randint(5, HIGHEST)) if self._draw.random() < 0.8
        ]
        late = [one for one in self._left_out if self._draw.random() < 0.3]
        self._left_out = [one for one in self._left_out if one not in late]
        self._left_out += [one for one in range(self._next, max(ids, default=self._next)) if one not in ids]
        self._next = max([self._next, *ids]) + 1
        self._source.sales |= {one: sale(one, lines=1 + one % 3) for one in (*ids, *late)}

    def _go_on(self) -> None:
        with suppress(RetailError):
            self._world.collect_in_peace()
        with suppress(RetailError):
            self._world.load_in_peace()

    def _bad_answers(self) -> bool:
        """Errors, pages of HTML, cut bodies, and nothing at all."""
        answers = [
            lambda: Response(status_code=503),
            lambda: Response(status_code=429, headers={"retry-after": "0"}),
            lambda: Response("<html>", media_type="text/html"),
            lambda: Response(b'{"items":[', media_type="application/json"),
            lambda: Response(b"", media_type="application/json"),
            lambda: Response(
                b'{"items":[],"count":7,"has_more":true,"next_cursor":null}', media_type="application/json"
            ),
        ]
        spoilt, share = self._draw.choice(answers), self._draw.choice([0.3, 1.0])
        return self._struck_by(lambda _request: spoilt() if self._draw.random() < share else None)

    def _hidden_sales(self) -> bool:
        """A replica that is behind: some sales are not shown this hour."""
        shown = sorted(self._source.sales)[-HIGHEST:]
        self._source.hidden = set(self._draw.sample(shown, 4))
        self._source.struck = 0
        self._go_on()
        self._source.hidden = set()
        return self._source.struck > 0

    def _wrong_totals(self) -> bool:
        """No totals, or absurd ones."""
        wrong = self._draw.choice([
            Response(status_code=404),
            Response(b'{"sales":999999,"lines":1,"net_amount":"NaN"}', media_type="application/json"),
            Response(b'{"sales":-1,"lines":0,"net_amount":"0.00"}', media_type="application/json"),
        ])  # fmt: skip
        return self._struck_by(lambda request: wrong if request.url.path.endswith("/totals") else None)

    def _struck_by(self, spoils: Callable[[Request], Response | None]) -> bool:
        self._source.struck, self._source.spoils = 0, spoils
        self._go_on()
        self._source.spoils = lambda _request: None
        return self._source.struck > 0

    def _kill(self) -> bool:
        """SIGKILL at one of the named points."""
        module, points = self._draw.choice([(COLLECT, LANDING), (LOAD, LOADING)])
        if module == LOAD:
            self._world.collect_in_peace()
        point = f"{self._draw.choice(points)}:{self._draw.randint(1, 2)}"
        return self._world.run(module, **{VARIABLE: point}).code == -signal.SIGKILL

    def _end_connection(self) -> bool:
        """The warehouse drops the session in the middle of a pull."""
        self._source.hold(after=self._draw.randint(1, 3))
        with ended_at_last(self._world.start(COLLECT)) as process:
            self._world.wait_until(lambda: is_caught(self._world) or process.poll() is not None)
            ended = self._world.end_other_connections("application_name = 'retail'")
            self._source.release()
            self._source.holds = False
            code = ending(process).code
        return ended > 0 and code != 0

    def _full_disk(self) -> bool:
        """No file may grow."""
        ended = self._world.run(COLLECT, "sh", "-c", 'ulimit -f 0; exec "$@"', "limited")
        return "File too large" in ended.said

    def _clock_jump(self) -> bool:
        """The warehouse's clock jumps by hours: every moment it has written is that much further away, or ahead."""
        hours = self._draw.choice([-5, -2, 2, 5])
        with connect(self._world.settings.require_database_url()) as conn, conn, conn.cursor() as cursor:
            cursor.execute(_JUMP, {"hours": hours})
            moved = cursor.rowcount
        self._go_on()
        return moved > 0

    def _two_at_once(self) -> bool:
        """A second run next to one at work."""
        self._source.hold(after=1)
        with ended_at_last(self._world.start(COLLECT)) as first:
            self._world.wait_until(lambda: self._source.holds or first.poll() is not None)
            second = self._world.run(COLLECT)
            self._source.release()
            self._source.holds = False
            ending(first)
        return "another run" in second.said
