# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["without-code"]
# # Executive summary
#
# How did the last four complete weeks go, what moved them, and what comes next? Every figure is read from the
# warehouse while this page is made. Amounts are in the currency of the sale; currencies are never added up.

# %%
from datetime import timedelta

import pandas as pd
from figures import change, day, effect, in_words, label, listed, metric, minute, money, share, short_money
from plots import BLUE, LIGHT, ORANGE, by_currency, in_money, legend_below, over_time, room_for_labels
from warehouse import columns_of, is_there, read, say, show

DAYS = 28
NAMES = ("net_revenue", "orders", "average_order_value", "return_rate", "margin_rate")

# %% [markdown]
# ## How did we do?

# %%
PERIODS = """
    with last as (select max(sold_date) - 1 as day from gold.mart_daily_kpis),

    periods as (
        select 'now' as period, day - %(days)s + 1 as first_day, day as last_day from last
        union all
        select 'before', day - 2 * %(days)s + 1, day - %(days)s from last
        union all
        select 'a year before', day - 363 - %(days)s, day - 364 from last
    ),

    summed as (
        select period, first_day, last_day, currency, count(distinct sold_date) as day_count, {measures}
        from periods
        join gold.mart_daily_kpis on sold_date between first_day and last_day
        group by period, first_day, last_day, currency
    )

    select period, first_day, last_day, currency, day_count, {net_revenue}, {orders}, {average_order_value},
        {return_rate}, {margin_rate}
    from summed
"""
periods = read(PERIODS, days=DAYS)


def moved(name: str, now: object, before: object) -> str:
    """How a figure has changed: in percent, a share in percentage points."""
    if now is None or before is None or pd.isna(now) or pd.isna(before):
        return "–"
    if metric(name)["config"]["meta"]["unit"] == "share":
        return f"{float(now - before) * 100:+.1f} points".replace("-", "−")
    return change(now, before)


if is_there(periods):
    lines = []
    for currency, mine in periods.groupby("currency"):
        # A period that the history does not cover would be compared as a part with a whole.
        whole = mine[(mine["day_count"] == DAYS) | (mine["period"] == "now")].set_index("period")
        if "now" not in whole.index:
            continue
        now = whole.loc["now"]
        for name in NAMES:
            row = {
                "figure": label(name),
                "currency": currency,
                f"last {DAYS} days": in_words(name, now[name], currency),
            }
            for period in ("before", "a year before"):
                other = whole.loc[period][name] if period in whole.index else None
                row[f"change from {f'the {DAYS} days before' if period == 'before' else period}"] = moved(
                    name, now[name], other
                )
            lines.append(row)
    latest = periods[periods["period"] == "now"]
    if len(latest):
        first, last = latest["first_day"].iloc[0], latest["last_day"].iloc[0]
        say(f"**{day(first)}, to {day(last)}.** The year before is 52 weeks earlier, so that weekdays match.")
        for _, now in latest.iterrows():
            before = periods[(periods["period"] == "before") & (periods["currency"] == now["currency"])]
            before = before[before["day_count"] == DAYS]
            text = f"**{money(now['net_revenue'], now['currency'])}** net revenue from {now['orders']:,} orders"
            if len(before):
                text += f", {change(now['net_revenue'], before['net_revenue'].iloc[0])} on the {DAYS} days before"
            say(f"- {text}.")
    show(pd.DataFrame(lines))

# %% [markdown]
# ## Where is revenue heading?

# %%
weeks = read("""
    select date_trunc('week', sold_date)::date as week, currency, {measures}
    from gold.mart_daily_kpis
    where sold_date < (select date_trunc('week', max(sold_date)) from gold.mart_daily_kpis)
    group by 1, 2
    order by 1
""")
if is_there(weeks):
    with by_currency("Where is weekly net revenue heading?", weeks, height=3) as panels:
        for currency, mine, axes in panels:
            values = mine["net_amount"].astype(float)
            axes.plot(mine["week"], values, color=LIGHT, label="week")
            axes.plot(mine["week"], values.rolling(4).mean(), color=BLUE, linewidth=2.2, label="mean of 4 weeks")
            axes.set_ylim(bottom=0)
            in_money(axes, currency)
            over_time(axes)
        legend_below(panels[0][2])
    for currency, mine in weeks.groupby("currency"):
        mean = mine["net_amount"].astype(float).rolling(4).mean().dropna()
        if len(mean) > 4:
            say(
                f"The mean of four weeks in {currency} is {money(mean.iloc[-1], currency)}, "
                f"{change(mean.iloc[-1], mean.iloc[-5])} against four weeks earlier."
            )

# %% [markdown]
# ## What moved it?
#
# The difference between the last four complete weeks and the four before, by store.

# %%
stores = read(
    """
    with last as (select max(sold_date) - 1 as day from gold.mart_daily_kpis)

    select store_name, mart.currency,
        coalesce(sum(net_amount) filter (where sold_date > day - %(days)s), 0) as now,
        coalesce(sum(net_amount) filter (where sold_date <= day - %(days)s), 0) as before
    from gold.mart_sales_by_store as mart
    join gold.dim_store using (store_key)
    cross join last
    where sold_date > day - 2 * %(days)s and sold_date <= day
    group by store_name, mart.currency
    """,
    days=DAYS,
)
if is_there(stores):
    stores["difference"] = (stores["now"] - stores["before"]).astype(float)
    with by_currency("Which stores moved net revenue most?", stores, height=3.4) as panels:
        for currency, mine, axes in panels:
            shown = mine.loc[mine["difference"].abs().sort_values().index].tail(8)
            colors = [BLUE if value >= 0 else ORANGE for value in shown["difference"]]
            bars = axes.barh(shown["store_name"], shown["difference"], color=colors)
            axes.bar_label(bars, [short_money(value, currency) for value in shown["difference"]], padding=4)
            axes.axvline(0, color="black", linewidth=0.8)
            room_for_labels(axes, shown["difference"])
            axes.grid(visible=False)
            axes.set_xticks([])
            axes.spines.bottom.set_visible(False)
    for currency, mine in stores.groupby("currency"):
        up, down = mine.loc[mine["difference"].idxmax()], mine.loc[mine["difference"].idxmin()]
        words = [
            f"{one['store_name']} {verb} most, {money(abs(one['difference']), currency)}"
            for one, verb, is_so in ((up, "gained", up["difference"] > 0), (down, "lost", down["difference"] < 0))
            if is_so
        ]
        if words:
            say(f"In {currency}, {listed(words)}.")

# %% [markdown]
# ## How are our customers?

# %%
people = read("""
    select currency, rfm_segment, customer_count, net_amount, business_date from gold.rfm_segments order by currency
""")
if is_there(people):
    good, at_risk = ["champions", "loyal"], ["at_risk", "needs_attention"]
    for currency, mine in people.groupby("currency"):
        total, everyone = mine["net_amount"].sum(), mine["customer_count"].sum()
        best, risky = mine[mine["rfm_segment"].isin(good)], mine[mine["rfm_segment"].isin(at_risk)]
        say(
            f"In {currency}, {share(best['customer_count'].sum() / everyone)} of the customers are champions or loyal "
            f"and bring {share(best['net_amount'].sum() / total) if total else '–'} of a year's revenue. "
            f"{risky['customer_count'].sum():,} customers who spent {money(risky['net_amount'].sum(), currency)} need "
            "attention or are at risk of leaving."
        )

# %% [markdown]
# ## What comes next?

# %%
columns = columns_of("gold.mart_revenue_forecast")
when = next((one for one in ("forecast_date", "date_day", "sold_date", "day") if one in columns), None)
amount = next((one for one in sorted(columns) if one.startswith("expected")), None)
if when and amount and "currency" in columns:
    ahead = read(f"""
        select currency, min({when}) as first_day, max({when}) as last_day, sum({amount}) as expected
        from gold.mart_revenue_forecast
        group by currency
        order by currency
    """)
    if is_there(ahead):
        for _, one in ahead.iterrows():
            if pd.isna(one["expected"]):
                say(f"The history in {one['currency']} is too short for a forecast.")
                continue
            length = (one["last_day"] - one["first_day"]) // timedelta(days=1) + 1
            say(
                f"**{money(one['expected'], one['currency'])}** net revenue is expected in the {length} days from "
                f"{day(one['first_day'])}."
            )
else:
    worth = read("select * from gold.lifetime_value_totals order by currency")
    if is_there(worth):
        for _, one in worth.iterrows():
            expected = one["expected_margin_amount"]
            if expected is None or pd.isna(expected):
                say(f"The history in {one['currency']} is too short to say what customers will bring.")
            else:
                say(
                    f"The customers of today are expected to bring a margin of "
                    f"**{money(expected, one['currency'])}** within the twelve months from {day(one['expected_from'])}."
                )

# %% [markdown]
# ## What needs a look?

# %%
if columns_of("gold.kpi_anomaly") >= {"metric", "member", "level", "currency", "status", "effect", "started_at"}:
    open_ones = read("""
        select metric, level, member, currency, effect, started_at from gold.kpi_anomaly
        where status = 'open' order by abs(effect) desc nulls last limit 5
    """)
    if open_ones.empty:
        say("No anomaly is open.")
    for _, one in open_ones.iterrows():
        who = f"{one['level']} {one['member']}" if one["member"] else "all stores"
        moved_by = effect(one["effect"]) if pd.notna(one["effect"]) else "unusual"
        say(
            f"- {one['metric'].replace('_', ' ')} of {who} in {one['currency']}: {moved_by} since "
            f"{day(one['started_at'])}."
        )

incidents = read("select count(*) filter (where status = 'OPEN') as open_count from gold.dashboard_incidents")
if len(incidents):
    count = int(incidents["open_count"].iloc[0])
    say(f"Open incidents of the platform: {count}. `./retail status` names them." if count else "No incident is open.")

# %% [markdown]
# ## Can these figures be trusted?

# %%
checks = read("""
    with newest as (
        select distinct on (dataset) dataset, status, checked_at, different_count
        from gold.dashboard_reconciliation
        order by dataset, checked_at desc, reconciliation_id desc
    )

    select * from newest order by dataset
""")
if is_there(checks):
    wrong = [row["dataset"] for _, row in checks.iterrows() if row["status"] == "DIFFERENT"]
    unchecked = [row["dataset"] for _, row in checks.iterrows() if row["status"] == "UNCHECKED"]
    if wrong:
        say(f"**Not entirely.** What the source has and what the warehouse has differ in {listed(wrong)}.")
    elif unchecked:
        say(f"The source offers no totals to compare {listed(unchecked)} with.")
    else:
        say(
            f"**Yes.** What the source has and what each layer of the warehouse has agree in {listed(list(checks['dataset']))}, "
            f"last compared on {minute(checks['checked_at'].max())}."
        )
