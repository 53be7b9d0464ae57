"""A source that misbehaves does so by the seed: the same one gives the same misfortune, and off is off."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from backend.chaos.dataset import LONGEST_SECONDS, ChaoticDataSet
from backend.chaos.records import KEYS, Spoiler
from backend.chaos.responses import IN_TRANSIT, Misbehaviour, strike
from backend.data import DataSet, Page, Totals
from backend.dataset.timeline import Timeline
from backend.faults import FAULTS, parse_faults
from backend.main import create_app
from backend.settings import SourceSettings

START = datetime(2026, 11, 2, tzinfo=timezone.utc)
NOON = START + timedelta(days=4, hours=12)
ALL = 10**9


def settings(chaos: str | None = None, *, now: datetime = NOON, **changes: Any) -> SourceSettings:
    values = {"seed": 7, "start": START, "sales_per_hour": 40, "customers": 300, "products": 80} | changes
    return SourceSettings(now=now, chaos=chaos, **values)


def chaotic(chaos: str, *, now: datetime = NOON, **changes: Any) -> ChaoticDataSet:
    return ChaoticDataSet(settings(chaos, now=now, **changes))


def ids(data: DataSet) -> list[int]:
    return [json.loads(item)["sale_id"] for item in data.sales_page(None, ALL, None).items]


def ledger(data: ChaoticDataSet, after: int = 0, up_to: int | None = None) -> Any:
    return data.ledger(after, up_to, Counter())


# ---- SOURCE_CHAOS


def test_a_fault_without_a_share_has_its_own() -> None:
    assert parse_faults("errors:0.1, slow") == {"errors": 0.1, "slow": FAULTS["slow"].share}
    assert parse_faults("") == parse_faults(" , ") == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("late-comits", r"'late-comits' is not a fault; there are late-commits, deletes, malformed"),
        ("errors:much", r"errors: the share 'much' is no number above 0 and up to 1"),
        ("errors:", r"errors: the share '' is no number"),
        ("errors:0", r"errors: the share '0' is no number"),
        ("errors:-0.1", r"errors: the share '-0.1' is no number"),
        ("errors:1.1", r"errors: the share '1.1' is no number"),
        ("errors:nan", r"errors: the share 'nan' is no number"),
        ("late-commits:0.6", r"late-commits: the share '0.6' is no number above 0 and up to 0.5"),
        ("errors,slow,errors:0.1", r"errors is named twice"),
    ],
)
def test_a_word_that_is_no_fault_or_no_share_is_named(monkeypatch: pytest.MonkeyPatch, text: str, said: str) -> None:
    monkeypatch.setenv("SOURCE_CHAOS", text)
    with pytest.raises(ValueError, match=said):
        SourceSettings()


def test_an_empty_variable_is_no_chaos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_CHAOS", "")
    assert SourceSettings().faults() == {}


def test_the_chaotic_data_set_without_a_fault_is_the_data_set_to_the_byte() -> None:
    plain, idle = DataSet(settings()), chaotic("")
    for cursor, limit, up_to in ((None, 10, None), ("5", 100, 20), ("100", ALL, None), (str(ALL), 5, None)):
        assert idle.sales_page(cursor, limit, up_to).body() == plain.sales_page(cursor, limit, up_to).body()
    assert idle.listing_page("customers", None, ALL).body() == plain.listing_page("customers", None, ALL).body()
    assert idle.listing_page("products", None, ALL).body() == plain.listing_page("products", None, ALL).body()
    assert idle.totals(3, 3000) == plain.totals(3, 3000)


def test_without_chaos_the_app_is_made_of_nothing_that_could_misbehave() -> None:
    def parts(chaos: str | None) -> tuple[type, bool, bool]:
        app = create_app(settings(chaos))
        between = Misbehaviour in [layer.cls for layer in app.user_middleware]
        return type(app.state.data), between, "/chaos/ledger" in app.openapi()["paths"]

    assert parts(None) == parts("") == (DataSet, False, False)
    assert parts("slow") == (ChaoticDataSet, True, True)


# ---- late commits and deletes


def test_late_sales_are_the_same_for_a_seed_and_others_for_another() -> None:
    found = ids(chaotic("late-commits:0.3"))
    assert found == ids(chaotic("late-commits:0.3"))
    assert found != ids(chaotic("late-commits:0.3", chaos_seed=2))


def test_a_smaller_id_appears_after_a_larger_one_and_within_the_longest_delay() -> None:
    data = chaotic("late-commits:0.3")
    before, newest = set(ids(data)), data.last_sale_id()
    missing = set(range(1, newest + 1)) - before
    assert missing
    assert min(missing) < max(before)
    data._fixed_now = NOON + timedelta(seconds=LONGEST_SECONDS)
    assert missing < set(ids(data))
    assert [one for one in ids(data) if one <= newest] == list(range(1, newest + 1))


def test_a_late_sale_is_late_by_a_minute_at_least_and_by_three_hours_at_most() -> None:
    data, late = chaotic("late-commits:0.3"), 0
    newest = data.last_sale_id()

    def there(sale_id: int, seconds: int) -> bool:
        data._fixed_now = sold_at + timedelta(seconds=seconds)
        return bool(data.sales_page(str(sale_id - 1), 1, sale_id).items)

    for item in DataSet(settings()).sales_page(str(newest - 40), 40, None).items:
        sale = json.loads(item)
        sold_at = datetime.fromisoformat(sale["sold_at"].replace("Z", "+00:00"))
        late += not there(sale["sale_id"], 0)
        assert there(sale["sale_id"], 0) == there(sale["sale_id"], 59)
        assert there(sale["sale_id"], LONGEST_SECONDS)
    assert 0 < late < 40


def test_a_sale_that_is_late_is_never_taken_back_by_a_later_clock() -> None:
    data, seen = chaotic("late-commits:0.3"), set[int]()
    for minutes in range(0, 240, 10):
        data._fixed_now = NOON + timedelta(minutes=minutes)
        now = set(ids(data))
        assert seen <= now
        seen = now


def test_a_deleted_sale_was_there_first_and_never_comes_back() -> None:
    data, there, gone = chaotic("deletes:0.3"), set[int](), set[int]()
    for minutes in range(0, 600, 30):
        data._fixed_now = NOON + timedelta(minutes=minutes)
        now = set(ids(data))
        assert not gone & now
        gone |= there - now
        there = now
    assert gone
    assert set(ledger(data).deleted) >= gone


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
def test_pages_follow_each_other_without_loss_however_many_sales_are_missing(limit: int) -> None:
    data = chaotic("late-commits:0.5,deletes:0.2")
    whole, first = ids(data), data.last_sale_id() - 200
    found, cursor = list[int](), str(first)
    while (page := data.sales_page(cursor, limit, None)).items:
        assert len(page.items) <= limit
        found += [json.loads(item)["sale_id"] for item in page.items]
        assert page.next_cursor == str(found[-1])
        cursor = page.next_cursor
        assert page.has_more == (found[-1] != whole[-1])
    assert found == [one for one in whole if one > first]


def test_has_more_counts_committed_sales_only_up_to_the_bound() -> None:
    data = chaotic("late-commits:0.5")
    newest = data.last_sale_id()
    there = ids(data)
    hole = next(one for one in range(newest, 0, -1) if one not in there)
    last = max(one for one in there if one < hole)
    page = data.sales_page(str(last - 1), 1, hole)
    assert (page.has_more, page.next_cursor) == (False, str(last))
    assert data.sales_page(str(last), 5, hole).items == []


def test_what_holds_no_committed_or_no_sound_sale_sums_up_to_nothing() -> None:
    data = chaotic("late-commits:0.5")
    hole = ledger(data).uncommitted[0]
    assert data.totals(hole - 1, hole) == Totals.none()
    told = ledger(chaotic("malformed:1"))
    assert (told.sales > 0, told.sound.sales, told.sound.lines) == (True, 0, 0)


def test_totals_and_ledger_are_those_of_the_pages() -> None:
    data = chaotic("late-commits:0.4,deletes:0.1")
    newest = data.last_sale_id()
    for after, up_to in ((0, None), (newest - 300, None), (100, newest - 5)):
        page = data.sales_page(str(after), ALL, up_to)
        sales = [json.loads(item) for item in page.items]
        lines = [line for sale in sales for line in sale["lines"]]
        net = sum(
            (line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"]) for line in lines), Decimal()
        )
        totals, told = data.totals(after, up_to), ledger(data, after, up_to)
        assert (totals.sales, totals.lines, totals.net_amount) == (len(sales), len(lines), net)
        assert (told.sales, told.lines, told.net_amount) == (len(sales), len(lines), str(net))
        shown = {sale["sale_id"] for sale in sales}
        assert set(told.uncommitted) | set(told.deleted) == set(range(after + 1, (up_to or newest) + 1)) - shown


def test_totals_that_were_kept_are_right_again_once_late_sales_have_come() -> None:
    data = chaotic("late-commits:0.5", sales_per_hour=40_000, start=NOON - timedelta(hours=4))
    before = data.totals(0, None)
    bound = data.last_sale_id()
    assert before.sales < bound
    data._fixed_now = NOON + timedelta(seconds=LONGEST_SECONDS)
    assert data.totals(0, bound).sales == bound


def test_a_page_looks_at_little_more_than_its_own_sales(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    honest = Timeline.seconds

    def counting(self: Timeline, sale_ids: Any) -> Any:
        asked.append(len(sale_ids))
        return honest(self, sale_ids)

    most = []
    for per_hour in (1_000, 100_000):
        data = chaotic("late-commits:0.5,deletes:0.5", sales_per_hour=per_hour)
        last = data.last_sale_id()
        monkeypatch.setattr(data, "last_sale_id", lambda newest=last: newest)
        monkeypatch.setattr(Timeline, "seconds", counting)
        for cursor in (0, last // 2, last - per_hour):
            asked.clear()
            data.sales_page(str(cursor), 100, None)
            most.append(sum(asked))
        monkeypatch.undo()
    assert max(most) < 100 * 40


# ---- malformed records and schema drift


def all_of(data: DataSet, resource: str) -> Page:
    return data.sales_page(None, ALL, None) if resource == "sales" else data.listing_page(resource, None, ALL)


@pytest.mark.parametrize("resource", sorted(KEYS))
@pytest.mark.parametrize("fault", ["malformed", "schema-drift"])
def test_a_share_of_the_records_is_spoilt_and_the_rest_is_untouched(resource: str, fault: str) -> None:
    spoilt = all_of(chaotic(f"{fault}:0.2"), resource)
    pairs = list(zip(all_of(DataSet(settings()), resource).items, spoilt.items, strict=True))
    changed = [after for before, after in pairs if before != after]
    assert 0.1 * len(pairs) < len(changed) < 0.3 * len(pairs)
    assert spoilt.items == [after for _, after in pairs]
    spoilt.body()  # has a UTF-8 form


def test_a_record_is_spoilt_alike_on_every_page_and_otherwise_under_another_seed() -> None:
    data = chaotic("malformed:0.2")
    whole = data.sales_page(None, ALL, None).items
    assert data.sales_page("10", 5, None).items == whole[10:15]
    assert chaotic("malformed:0.2", chaos_seed=9).sales_page(None, ALL, None).items != whole
    one, other = (chaotic("malformed:1", chaos_seed=seed).sales_page(None, 50, None).items for seed in (1, 9))
    assert one != other


def test_a_drift_that_only_adds_is_not_among_the_unfit() -> None:
    data = chaotic("schema-drift:0.5")
    items = data.sales_page(None, ALL, None).items
    added = {number for number, item in enumerate(items, 1) if "added_by_a_new_release" in item}
    assert added
    assert not added & set(ledger(data).malformed)


def test_the_ledger_tells_what_is_sound_apart() -> None:
    data = chaotic("malformed:0.1")
    told = ledger(data)
    assert told.malformed
    assert told.sound.sales == told.sales - len(told.malformed)
    assert told.sales == data.last_sale_id()
    assert told.malformed_customers
    assert told.malformed_products


def test_nothing_is_spoilt_without_being_asked() -> None:
    items = ['{"sale_id":1,"lines":[]}']
    assert Spoiler({}, 1).spoil("sales", items) is items
    assert Spoiler({"malformed": 1.0}, 1).unfit("sales", pl.Series([1, 2])).to_list() == [1, 2]


# ---- faults in transit


@pytest.mark.parametrize("fault", IN_TRANSIT)
def test_which_requests_are_struck_is_a_matter_of_seed_path_and_number(fault: str) -> None:
    def struck(seed: int, path: str) -> list[Any]:
        return [strike({fault: 0.2}, seed, path, number) for number in range(1, 501)]

    assert struck(1, "/sales") == struck(1, "/sales")
    assert struck(1, "/sales") != struck(2, "/sales")
    assert struck(1, "/sales") != struck(1, "/customers")
    assert 50 < sum(one is not None for one in struck(1, "/sales")) < 150


def test_a_fault_of_all_requests_strikes_all_and_none_strikes_none() -> None:
    assert all(strike({"slow": 1.0}, 1, "/sales", number) for number in range(1, 500))
    assert not any(strike({"malformed": 1.0}, 1, "/sales", number) for number in range(1, 500))


def test_every_fault_is_one_of_sales_records_or_transit() -> None:
    assert set(FAULTS) == {"late-commits", "deletes", "malformed", "schema-drift", *IN_TRANSIT}
