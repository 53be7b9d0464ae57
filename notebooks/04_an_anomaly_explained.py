# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # An anomaly, explained
#
# What happened, how unusual was it, and who carried it? This notebook takes the anomaly with the largest effect on
# money from `gold.kpi_anomaly`. Where that table is not there or has none, it explains the same steps on the largest
# ordinary deviation of the daily revenue, which is no anomaly.

# %%
from datetime import timedelta

import pandas as pd
from figures import day, formula, in_words, label, minute, money, share
from plots import BLUE, LIGHT, ORANGE, in_money, in_unit, legend_below, over_time, plot
from warehouse import columns_of, is_there, read, say, show, written

WEEKS = 8  # what is usual: the same hours of the same weekday, in so many weeks before
BAND = 3  # robust standard deviations

# %% [markdown]
# ## What is usual?
#
# For each day, the median of the same weekday in the eight weeks before. The band is three robust standard deviations
# wide on each side: 1.4826 times the median distance of the days from what was usual, as a share, over these eight
# weeks. Medians keep an unusual day from moving what is usual.

# %%
TOTAL = """
    select sold_date as moment, {figure}
    from (
        select sold_date, {measures} from gold.mart_daily_kpis where currency = %(currency)s group by sold_date
    ) as daily
    where sold_date < (select max(sold_date) from gold.mart_daily_kpis)
    order by sold_date
"""
HOURLY = """
    select moment, {figure}
    from (
        select date_trunc(%(grain)s, sold_hour, 'UTC') as moment, {measures}
        from gold.mart_sales_by_hour as mart
        join gold.dim_store using (store_id)
        where mart.currency = %(currency)s
            and (%(level)s = 'total'
                or %(level)s = 'channel' and channel = %(member)s
                or %(level)s = 'store' and %(member)s in (store_id::text, store_name))
        group by 1
    ) as hourly
    order by moment
"""
CATEGORY = """
    select sold_date as moment, {figure}
    from (
        select sold_date, {measures} from gold.mart_sales_by_category
        where currency = %(currency)s and category = %(member)s
        group by sold_date
    ) as daily
    where sold_date < (select max(sold_date) from gold.mart_daily_kpis)
    order by sold_date
"""


def expected(series: pd.Series, step: timedelta) -> pd.DataFrame:
    """What was usual at each moment of a series, and the band around it."""
    series = series.astype(float).asfreq(step, fill_value=0)
    week = timedelta(days=7) // step
    before = pd.concat([series.shift(week * number) for number in range(1, WEEKS + 1)], axis=1)
    usual = before.median(axis=1).where(before.notna().sum(axis=1) >= WEEKS // 2)
    distance = (series / usual.where(usual > 0) - 1).abs()
    spread = distance.shift(1).rolling(week * WEEKS, min_periods=week).median() * 1.4826
    band = (usual * spread * BAND).abs()
    return pd.DataFrame({"observed": series, "usual": usual, "lower": usual - band, "upper": usual + band})


# %% [markdown]
# ## Which case is it?

# %%
NEEDED = {"grain", "metric", "level", "member", "currency", "started_at", "ended_at", "status", "observed", "expected",
          "effect", "amount", "explanation"}  # fmt: skip
found = pd.DataFrame()
if columns_of("gold.kpi_anomaly") >= NEEDED:
    found = read("""
        select * from gold.kpi_anomaly
        where status <> 'suppressed'
        order by abs(amount) desc nulls last, started_at desc
        limit 1
    """)
is_anomaly, case, band = not found.empty, None, pd.DataFrame()
currencies = read("select currency from gold.mart_daily_kpis group by currency order by sum(sale_count) desc, currency")
if is_anomaly:
    case = found.iloc[0].to_dict()
    try:
        formula(case["metric"])
    except (KeyError, ValueError):
        say(f"`{case['metric']}` does not follow from a mart: the net revenue is shown instead.")
        case |= {"metric": "net_revenue", "unit": case["metric"].replace("_", " ")}
    step = timedelta(hours=1) if case["grain"] == "hour" and case["level"] != "category" else timedelta(days=1)
    statement = CATEGORY if case["level"] == "category" else HOURLY
    end = case["ended_at"] if pd.notna(case["ended_at"]) else None
    case["started_at"] = pd.Timestamp(case["started_at"]).floor("h" if step < timedelta(days=1) else "D")
    case["ended_at"] = max(pd.Timestamp(end) if end else case["started_at"] + step, case["started_at"] + step)
    say(
        f"The largest anomaly is **{label(case['metric']).lower()}** of {case['level']} {case['member'] or ''} in "
        f"{case['currency']}, {case['direction']} what was expected, from {minute(case['started_at'])}. "
        f"It is {case['status']}. {case['explanation'] or ''}"
    )
elif is_there(currencies):
    case = {"grain": "day", "metric": "net_revenue", "level": "total", "member": None, "currency": None}
    case["currency"], statement, step = currencies["currency"].iloc[0], TOTAL, timedelta(days=1)

# %%
sql, keys = "", {}
if case is not None:
    sql = statement.replace("{figure}", "{%s}" % case["metric"])  # noqa: UP031 - braces mean a metric
    keys = {name: case[name] for name in ("grain", "level", "member", "currency")}
    series = read(sql, **keys)
    if is_there(series):
        moments = pd.to_datetime(series["moment"], utc=True)
        band = expected(pd.Series(series[case["metric"]].to_numpy(), moments), step)
    if not is_anomaly:
        recent = band.dropna().tail(28) if len(band) else band
        if recent.empty:
            case = None
            say(f"*There are fewer than {WEEKS // 2} complete weeks of sales, too few to say what is usual.*")
        else:
            worst = (recent["observed"] / recent["usual"].where(recent["usual"] > 0) - 1).abs().idxmax()
            case |= {"started_at": worst, "ended_at": worst + step, "observed": recent.loc[worst, "observed"]}
            case["expected"] = recent.loc[worst, "usual"]
            say(
                "**No anomaly is recorded.** The case below is the largest ordinary deviation of the daily revenue "
                f"within the last {len(recent)} complete days. It is none, and it shows how one is read."
            )

# %% [markdown]
# ## How far was it from what was expected?

# %%
if case is not None and len(band):
    start, end = case["started_at"], case["ended_at"]
    around = timedelta(days=35) if step >= timedelta(days=1) else timedelta(days=4)
    near = band.loc[start - around : end + around]
    inside = near.loc[start : end - step / 2]
    who = f" of {case['level']} {case['member']}" if case["member"] else ""
    with plot(f"How far did {label(case['metric']).lower()}{who} differ from what was expected?") as (axes,):
        axes.fill_between(near.index, near["lower"].clip(lower=0), near["upper"], color=LIGHT, alpha=0.55, lw=0,
                          label="usual band")  # fmt: skip
        axes.plot(near.index, near["usual"], color=BLUE, linewidth=1, linestyle="--", label="usual")
        axes.plot(near.index, near["observed"], color=BLUE, label="observed")
        name = "anomaly" if is_anomaly else "largest deviation"
        axes.plot(inside.index, inside["observed"], "o", color=ORANGE, markersize=7, label=name)
        axes.set_title(case["currency"])
        axes.set_ylim(bottom=min(0, near["observed"].min()))
        in_unit(axes, case["metric"], case["currency"])
        over_time(axes)
        legend_below(axes, 4)
    distance = float(case["observed"]) - float(case["expected"])
    side = "above" if distance >= 0 else "below"
    part = f", {share(abs(distance / float(case['expected'])))} {side} what was expected" if case["expected"] else ""
    seen, wanted = (
        f"{case['unit']} {case[one]:,.2f}" if "unit" in case else in_words(case["metric"], case[one], case["currency"])
        for one in ("observed", "expected")
    )
    moment = minute(start) if step < timedelta(days=1) else day(start)
    say(f"{moment}: {seen} instead of {wanted}{part}.")
    if not is_anomaly:
        is_outside = not inside["lower"].iloc[0] <= inside["observed"].iloc[0] <= inside["upper"].iloc[0]
        where = "outside of" if is_outside else "within"
        say(f"It lies {where} the band of this plot, a plain one by which no alarm is raised.")

# %% [markdown]
# ## Which stores and channels carried it?
#
# Net revenue in the time of the case, compared with the mean of the same hours in the eight weeks before. The
# differences of the stores add up to that of the whole, and so do those of the channels. A case of one store or channel
# is looked at within it, and one of a category over all categories.

# %%
PARTS = """
    with compared as (
        select store_id, channel, net_amount, true as is_case
        from gold.mart_sales_by_hour
        where currency = %(currency)s and sold_hour >= %(start)s and sold_hour < %(end)s
        union all
        select store_id, channel, net_amount, false
        from gold.mart_sales_by_hour
        cross join generate_series(1, %(weeks)s) as number
        where currency = %(currency)s
            and sold_hour >= %(start)s - number * %(gap)s::interval
            and sold_hour < %(end)s - number * %(gap)s::interval
    )

    select store_name as store, channel,
        coalesce(sum(net_amount) filter (where is_case), 0) as observed,
        coalesce(sum(net_amount) filter (where not is_case), 0) / %(weeks)s as usual
    from compared
    join gold.dim_store using (store_id)
    where (%(level)s <> 'channel' or channel = %(member)s)
        and (%(level)s <> 'store' or %(member)s in (store_id::text, store_name))
    group by store_name, channel
"""
if case is not None:
    gap = timedelta(days=7 * -(-(case["ended_at"] - case["started_at"]) // timedelta(days=7)))
    window = {"start": case["started_at"].to_pydatetime(), "end": case["ended_at"].to_pydatetime()}
    parts = read(PARTS, weeks=WEEKS, gap=gap, **window, **keys)
    if is_there(parts):
        parts[["observed", "usual"]] = parts[["observed", "usual"]].astype(float)
        sides = []
        for kind in ("channel", "store"):
            one = parts.groupby(kind)[["observed", "usual"]].sum()
            one["difference"] = one["observed"] - one["usual"]
            sides.append(one.loc[one["difference"].abs().sort_values(ascending=False).index])
        channels, stores = sides
        total = stores["difference"].sum()
        with plot("Which stores and channels carried it?", 2, height=1.4 + 0.28 * min(len(stores), 10)) as panels:
            for axes, one, kind in zip(panels, sides, ("by channel", "by store"), strict=True):
                shown = one.head(10)[::-1]
                colors = [BLUE if value >= 0 else ORANGE for value in shown["difference"]]
                axes.barh(shown.index, shown["difference"], color=colors)
                axes.axvline(0, color="black", linewidth=0.8)
                axes.set_title(f"{kind}: difference from usual, in {case['currency']}")
                axes.grid(axis="x")
                axes.grid(axis="y", visible=False)
                in_money(axes, case["currency"], "x")
        table = stores.head(5).reset_index()
        table["share of the difference"] = [share(value / total) if total else "–" for value in table["difference"]]
        amounts = dict.fromkeys(("observed", "usual", "difference"), lambda value: money(value, case["currency"]))
        show(table, **amounts)
        first = stores.iloc[0]
        say(
            f"Net revenue differed by {money(total, case['currency'])}. {first.name} differed most, by "
            f"{money(first['difference'], case['currency'])}. Among the channels it was {channels.index[0]}, with "
            f"{money(channels['difference'].iloc[0], case['currency'])}."
        )

# %% [markdown]
# ## How can I look it up myself?
#
# The statement behind the line of the plot, for `./retail psql --as reader` or any SQL client.

# %%
if case is not None:
    say(f"```sql\n{written(sql, **keys)}\n```")
