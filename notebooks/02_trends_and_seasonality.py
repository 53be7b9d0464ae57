# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Trends and seasonality
#
# How do sales develop, and what repeats: over the week, the day and the year? Days are UTC. The day under way is left
# out, and so is a month that has not ended, so that a part is never compared with a whole.

# %%
from figures import change, effect, label, listed, money, month, share
from plots import BLUE, LIGHT, ORANGE, by_currency, heat, in_money, in_percent, legend_below, over_time, room_for_labels
from warehouse import is_there, read, say

# %% [markdown]
# ## How does revenue develop?
#
# Each day, and the mean of the seven days that end with it, which has no weekly pattern.

# %%
days = read("""
    select sold_date, currency, {net_revenue},
        avg(net_amount) over (partition by currency order by sold_date range interval '6 days' preceding) as mean_of_week
    from gold.mart_daily_kpis
    where sold_date < (select max(sold_date) from gold.mart_daily_kpis)
    order by sold_date
""")
if is_there(days):
    with by_currency("How does net revenue develop?", days) as panels:
        for currency, mine, axes in panels:
            axes.plot(mine["sold_date"], mine["net_revenue"].astype(float), color=LIGHT, linewidth=0.8, label="day")
            axes.plot(mine["sold_date"], mine["mean_of_week"].astype(float), color=BLUE, label="mean of 7 days")
            axes.set_ylim(bottom=0)
            in_money(axes, currency)
            over_time(axes)
        legend_below(panels[0][2])
    for currency, mine in days.groupby("currency"):
        last = mine.iloc[-1]
        best = mine.loc[mine["net_revenue"].astype(float).idxmax()]
        say(
            f"The week up to {last['sold_date']:%B} {last['sold_date'].day} brought "
            f"{money(last['mean_of_week'], currency)} a day. The best day was {best['sold_date']:%B} "
            f"{best['sold_date'].day}, {best['sold_date'].year}, with {money(best['net_revenue'], currency)}."
        )

# %% [markdown]
# ## Which months are better than the year before?
#
# Complete months only. A month whose year before is not in the warehouse has a bar of its own and no comparison.

# %%
months = read("""
    with monthly as (
        select date_trunc('month', sold_date)::date as month, currency, min(sold_date) as first_day, {measures}
        from gold.mart_daily_kpis
        group by 1, 2
    ),

    figures as (
        select month, currency, {net_revenue}, {orders}, {average_order_value}
        from monthly
        where month < (select date_trunc('month', max(sold_date)) from gold.mart_daily_kpis)
            and (month > (select min(month) from monthly) or first_day = month)
    )

    select this_year.*, before.net_revenue as year_before
    from figures as this_year
    left join figures as before
        on this_year.currency = before.currency and before.month = this_year.month - interval '1 year'
    order by month
""")
if is_there(months):
    with by_currency("Which months are better than the same month a year before?", months) as panels:
        for currency, mine, axes in panels:
            names = [month(one).replace(" ", "\n") for one in mine["month"]]
            axes.bar(names, mine["net_revenue"].astype(float), color=BLUE, width=0.7, label="month")
            known = mine["year_before"].notna()
            places = [place for place, is_known in enumerate(known) if is_known]
            axes.plot(
                places,
                mine["year_before"][known].astype(float),
                "_",
                color=ORANGE,
                markersize=15,
                mew=2.5,
                label="year before",
            )
            axes.tick_params(axis="x", labelsize=7)
            in_money(axes, currency)
        legend_below(panels[0][2])
    if months["year_before"].notna().any():
        for currency, mine in months[months["year_before"].notna()].groupby("currency"):
            better = (mine["net_revenue"] > mine["year_before"]).sum()
            last = mine.iloc[-1]
            say(
                f"In {currency}, {month(last['month'])} is {change(last['net_revenue'], last['year_before'])} against "
                f"the year before. Months that can be compared: {len(mine)}; with more revenue: {better}."
            )
    else:
        say("No complete month has its year before in the warehouse yet, so nothing is compared.")

# %% [markdown]
# ## When do people buy?
#
# Mean net revenue of an hour, by weekday. An hour without a sale counts as 0: the sums are divided by the number of
# such weekdays.

# %%
hours = read("""
    with complete as (
        select sold_hour, currency, sold_date, net_amount
        from gold.mart_sales_by_hour
        where sold_date < (select max(sold_date) from gold.mart_daily_kpis)
    ),

    days as (
        select currency, extract(isodow from sold_date)::int as weekday, count(distinct sold_date) as day_count
        from complete
        group by 1, 2
    ),

    hourly as (
        select currency, extract(isodow from sold_date)::int as weekday,
            extract(hour from sold_hour at time zone 'UTC')::int as hour, sum(net_amount) as net_amount
        from complete
        group by 1, 2, 3
    )

    select currency, weekday, hour, net_amount / day_count as net_revenue
    from hourly
    join days using (currency, weekday)
    order by weekday, hour
""")
NAMES = dict(enumerate(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], 1))
if is_there(hours):
    with by_currency("At which hours of the week do people buy (UTC)?", hours, height=3.6) as panels:
        for currency, mine, axes in panels:
            table = mine.pivot(index="hour", columns="weekday", values="net_revenue").reindex(range(24)).T
            heat(axes, table.rename(index=NAMES), lambda _: "")
            axes.set_xticks([place + 0.5 for place in range(0, 24, 3)], [f"{hour}:00" for hour in range(0, 24, 3)])
            axes.set_title(f"{currency}: darker is more")
    for currency, mine in hours.groupby("currency"):
        best = mine.loc[mine["net_revenue"].astype(float).idxmax()]
        by_day = mine.groupby("weekday")["net_revenue"].sum().astype(float)
        say(
            f"In {currency} the hour from {best['hour']}:00 on {NAMES[best['weekday']]} brings most, "
            f"{money(best['net_revenue'], currency)}. {NAMES[by_day.idxmax()]} is the best day, with "
            f"{share(by_day.max() / by_day.sum())} of the week."
        )

# %% [markdown]
# ## What moves revenue: more orders, or larger ones?
#
# Both as an index: the first complete month is 100. Revenue is about the product of the two.

# %%
if is_there(months):
    with by_currency("Do we have more orders, or larger ones?", months) as panels:
        for _currency, mine, axes in panels:
            for name, color in (("orders", BLUE), ("average_order_value", ORANGE)):
                values = mine[name].astype(float)
                axes.plot(
                    mine["month"], values / values.iloc[0] * 100, color=color, label=label(name), marker="o", ms=3
                )
            axes.axhline(100, color=LIGHT, zorder=1)
            over_time(axes)
        legend_below(panels[0][2])
    for currency, mine in months.groupby("currency"):
        first, last = mine.iloc[0], mine.iloc[-1]
        moved = [
            f"{label(name).lower()} {change(last[name], first[name])}" for name in ("orders", "average_order_value")
        ]
        say(f"In {currency}, from {month(first['month'])} to {month(last['month'])}: {listed(moved)}.")

# %% [markdown]
# ## What does a public holiday do?
#
# Revenue of stores on public holidays of their country, by channel, compared with the mean of the same weekday in the
# same store and channel: 0 % is an ordinary day.

# %%
holidays = read("""
    with daily as (
        select store_id, channel, mart.currency, country, sold_date, sum(net_amount) as net_amount
        from gold.mart_sales_by_hour as mart
        join gold.dim_store using (store_id)
        where sold_date < (select max(sold_date) from gold.mart_daily_kpis)
        group by 1, 2, 3, 4, 5
    ),

    compared as (
        select channel, currency, net_amount, holiday.date_day is not null as is_holiday,
            avg(net_amount) over (
                partition by store_id, channel, currency, extract(isodow from sold_date)
            ) as usual_amount
        from daily
        left join gold.dim_holiday as holiday on daily.country = holiday.country and daily.sold_date = holiday.date_day
    )

    select channel, currency, count(*) as day_count, sum(net_amount) / nullif(sum(usual_amount), 0) - 1 as effect
    from compared
    where is_holiday
    group by channel, currency
    order by channel
""")
if is_there(holidays):
    with by_currency("What does a public holiday do to each channel?", holidays, height=2.4) as panels:
        for _currency, mine, axes in panels:
            effects = mine["effect"].astype(float)
            bars = axes.barh(mine["channel"], effects, color=[BLUE if one >= 0 else ORANGE for one in effects])
            axes.bar_label(bars, [effect(one) for one in effects], padding=4)
            axes.axvline(0, color="black", linewidth=0.8)
            room_for_labels(axes, effects)
            axes.grid(visible=False)
            in_percent(axes, "x")
    for currency, mine in holidays.groupby("currency"):
        most = mine.loc[mine["effect"].astype(float).abs().idxmax()]
        say(
            f"In {currency} a public holiday changes the channel {most['channel']} most: "
            f"{effect(most['effect'])} over {most['day_count']:,} days of a store with a sale."
        )
