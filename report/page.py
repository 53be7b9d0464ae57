"""The page: figures in, HTML out. One block for each question a retailer asks, with the answer in a sentence."""

from __future__ import annotations

from datetime import timezone
from decimal import Decimal
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from medallion.metrics import metrics
from medallion.wording import age_of, counted
from report import trust, words
from report.charts import Bar, bar_of, columns_chart, days_chart, heat_map
from report.details import show_details
from report.sales import PERIOD, WEEK, YEAR, RankedSales, Sales, Sold

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from report.details import Details
    from report.pipeline import Pipeline, Run

_HERE = Path(__file__).parent
CSS = _HERE / "page.css"
_WIDE, _NARROW = 1040, 342
_NARROW_DAYS = 14
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def render_page(
    sales: Sales | None, details: Details | None, pipeline: Pipeline, now: datetime, why_none: str = ""
) -> str:
    """The report as HTML that needs no other file. Without `sales`, `why_none` says why there are none to show."""
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            css=Markup(CSS.read_text(encoding="utf-8")),  # noqa: S704 - our own file
            now=now,
            age=partial(age_of, now=now),
            sales=sales,
            why_none=why_none,
            business=_business(sales, now) if sales else None,
            **(show_details(details, sales, now) if sales and details else {}),
            pipeline=pipeline,
            trust=trust.judge(pipeline, now, has_figures=sales is not None),
            checks=trust.rows_of_checks(pipeline),
            durations=_durations(pipeline),
        )
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """The templates, compiled once: that takes longer than any query of the page."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "at": words.at,
        "counted": counted,
        "duration": words.duration,
        "number": words.number,
    }
    return environment


def _business(sales: Sales, now: datetime) -> dict[str, Any]:
    """What the blocks about sales show."""
    return {
        "last_day": words.full_day(sales.last_day),
        "figures": _figures(sales),
        "today": _today(sales, now),
        "days": _days(sales),
        "hours": _hours(sales),
        "period": _period(sales),
        "products": _ranking(sales.products, sales),
        "categories": _ranking(sales.categories, sales),
        "channels": _ranking(sales.channels, sales),
        "returns": _returns(sales),
        "other_currencies": [words.money(amount, name) for name, amount in sales.other_currencies.items()],
    }


def _figures(sales: Sales) -> list[dict[str, str]]:
    """The figures of the last full day, each with its change from the same weekday a week and a year before."""
    day = sales.last_day
    now, week, year = (sales.of_day(one) for one in (day, day - WEEK, day - YEAR))

    def figure(name: str, shown: Any, compare: Any = words.change) -> dict[str, str]:
        value, metric = now.figure(name), metrics()[name]
        return {
            "label": metric.label,
            "definition": metric.description,
            "value": "–" if value is None else shown(value),
            "week": compare(value, week.figure(name)),
            "year": compare(value, year.figure(name)),
        }

    return [
        figure("net_revenue", partial(words.money, currency=sales.currency)),
        figure("orders", words.number),
        figure("average_order_value", partial(words.exact_money, currency=sales.currency)),
        figure("return_rate", words.share, words.points),
    ]


def _today(sales: Sales, moment: datetime) -> str:
    """The last day so far, compared with a week before up to the same hour; empty on the first day."""
    if sales.today == sales.last_day:
        return ""
    until = sales.last_hour.time()  # the current hour is not over, so it is left out on both sides
    now, before = (sales.of_day(day, until) for day in (sales.today, sales.today - WEEK))
    if not until.hour:
        return ""
    name = "Today" if sales.today == moment.astimezone(timezone.utc).date() else words.day(sales.today)
    text = f"{name} until {until:%H:%M}: {words.money(now.net_amount, sales.currency)}"
    change = words.change(now.net_amount, before.net_amount)
    weekday = _WEEKDAY_NAMES[sales.today.weekday()]
    return f"{text}, {change} compared with the same hours last {weekday}." if change else f"{text}."


def _days(sales: Sales) -> dict[str, Any]:
    days = sales.days()
    if sales.today != sales.last_day:
        days = [*days, sales.today]
    bars = [_bar(sales, day) for day in days]
    axis = partial(words.axis_money, currency=sales.currency)
    return {
        "wide": days_chart(bars, _WIDE, 260, axis, label_every=7),
        "narrow": days_chart(bars[-_NARROW_DAYS:], _NARROW, 200, axis, label_every=7),
        "answer": _answer_of_day(sales),
        "has_year": any(bar.year_before is not None for bar in bars),
        "first_day": words.full_day(sales.first_hour.date()),
    }


def _bar(sales: Sales, day: date) -> Bar:
    sold = sales.of_day(day)
    week, year = (
        float(sales.of_day(day - span).net_amount) if sales.is_known(day - span) else None for span in (WEEK, YEAR)
    )
    is_partial = day == sales.today != sales.last_day
    title = f"{words.day(day)}{' so far' if is_partial else ''}: {words.money(sold.net_amount, sales.currency)}"
    return Bar(words.day(day), title, float(sold.net_amount), week, year, is_partial=is_partial)


def _answer_of_day(sales: Sales) -> str:
    """The last full day in a sentence."""
    day = sales.last_day
    week = sales.of_day(day - WEEK).net_amount if sales.is_known(day - WEEK) else None
    return words.day_in_words(day, sales.of_day(day).net_amount, week, sales.currency)


def _hours(sales: Sales) -> dict[str, Any]:
    """Average revenue of each hour of the week, over the full days of the period."""
    days = sales.days()
    sums = {(weekday, hour): Decimal(0) for weekday in range(7) for hour in range(24)}
    for day in days:
        for hour, sold in sales.hours_of(day):
            sums[day.weekday(), hour] += sold.net_amount
    counts = [sum(day.weekday() == weekday for day in days) or 1 for weekday in range(7)]
    means = {key: amount / counts[key[0]] for key, amount in sums.items()}
    short = partial(words.short_money, currency=sales.currency)
    rows = [
        (name, [float(means[n, h]) for h in range(24)], short(sum((means[n, h] for h in range(24)), Decimal(0))))
        for n, name in enumerate(_WEEKDAYS)
    ]

    def title(weekday: int, hour: int) -> str:
        return f"{_WEEKDAY_NAMES[weekday]} {hour:02d}:00–{hour + 1:02d}:00: {short(means[weekday, hour])} on average"

    weekday, hour = max(means, key=lambda key: means[key])
    best = f"{_WEEKDAY_NAMES[weekday]} from {hour:02d}:00 to {hour + 1:02d}:00"
    return {
        "wide": heat_map(rows, _WIDE, title),
        "narrow": heat_map(rows, _NARROW, title),
        "answer": f"{best} is the strongest hour, with {short(means[weekday, hour])} on average.",
    }


def _period(sales: Sales) -> str:
    days = sales.days()
    return f"{words.day(days[0])} to {words.day(days[-1])}" if len(days) > 1 else words.day(days[0])


def _ranking(ranked: Sequence[RankedSales], sales: Sales) -> list[dict[str, Any]]:
    """Rows of a table: name, bar, amount, share of all, change from the period before if the history covers that."""
    most = max((one.net_amount for one in ranked), default=Decimal(0))
    total = sum((one.net_amount for one in sales.channels), Decimal(0))
    is_comparable = sales.is_known(sales.days()[0] - PERIOD)
    return [
        {
            "name": one.name,
            "note": one.note,
            "bar": bar_of(one.net_amount, most),
            "amount": words.money(one.net_amount, sales.currency),
            "change": words.change(one.net_amount, one.net_before) if is_comparable else "",
            "share": words.share(one.net_amount / total) if total > 0 else "–",
        }
        for one in ranked
    ]


def _return_rate(one: RankedSales) -> Decimal | None:
    return Sold(net_amount=one.net_amount, returned_amount=one.returned_amount).figure("return_rate")


def _returns(sales: Sales) -> dict[str, Any]:
    """Which share of what was sold came back, in the period and by category."""
    period = sum((sales.of_day(day) for day in sales.days()), Sold())
    shares = sorted(((_return_rate(one) or Decimal(0), one) for one in sales.categories), key=lambda pair: -pair[0])
    most = shares[0][0] if shares else Decimal(0)
    return {
        "answer": (
            f"{words.share(period.figure('return_rate'))} of what was sold came back: "
            f"{words.money(period.returned_amount, sales.currency)} in {counted(period.return_count, 'return')}."
        ),
        "rows": [
            {
                "name": one.name,
                "bar": bar_of(part, most, "bar returned"),
                "share": words.share(part),
                "amount": words.money(one.returned_amount, sales.currency),
            }
            for part, one in shares
        ],
    }


def _durations(pipeline: Pipeline) -> dict[str, Any]:
    """How long the last runs took, oldest first, and each step of the last one."""
    runs = list(reversed(pipeline.runs))
    most = max((step.seconds for step in pipeline.steps), default=0.0)
    columns = [(_title_of_run(run), run.seconds, "failed" if run.has_failed else "bar") for run in runs]
    return {
        "wide": columns_chart(columns, _WIDE // 2 - 20, 120, words.duration),
        "narrow": columns_chart(columns, _NARROW, 120, words.duration),
        "steps": [
            {
                "name": f"{step.layer} {step.dataset}",
                "bar": bar_of(step.seconds, most, "failed" if step.status == "FAILED" else "bar"),
                "seconds": words.duration(step.seconds),
                "rows": words.number(step.rows),
            }
            for step in pipeline.steps
        ],
    }


def _title_of_run(run: Run) -> str:
    state = "failed after" if run.has_failed else "took"
    return f"{words.at(run.started_at)}: {state} {words.duration(run.seconds)}, {counted(run.records, 'record')}"
