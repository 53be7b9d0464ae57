# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Customers: RFM segments and cohorts
#
# Who buys, who comes back, and who is about to leave? The tables about customers are built every night, as of the last
# complete day. A customer has scores from 1 to 5 for recency, frequency and monetary value, and a segment that follows
# from them. A cohort is the customers who first bought in the same month.

# %%
import pandas as pd
from figures import day, listed, money, month, share
from plots import BLUE, GREY, LIGHT, ORANGE, by_currency, heat, in_money, in_percent, legend_below, plot
from warehouse import is_there, read, say, show

# %% [markdown]
# ## Which segments bring the money?
#
# `gold.rfm_segments`: customers with a purchase, and what they bought within the 365 days up to the business date.

# %%
segments = read("""
    select rfm_segment, currency, customer_count, sale_count, net_amount, business_date,
        customer_count / sum(customer_count) over (partition by currency) as share_of_customers,
        net_amount / nullif(sum(net_amount) over (partition by currency), 0) as share_of_revenue
    from gold.rfm_segments
""")
ORDER = ["champions", "loyal", "promising", "needs_attention", "at_risk", "hibernating", "lost"]
if is_there(segments):
    with by_currency("Which segments bring the money?", segments, height=3.8) as panels:
        for _currency, mine, axes in panels:
            table = mine.set_index("rfm_segment").reindex(ORDER[::-1])
            table = table[["share_of_revenue", "share_of_customers"]].astype(float).fillna(0)
            table.index = [name.replace("_", " ") for name in table.index]
            table.columns = ["of the revenue", "of the customers"]
            table.plot.barh(ax=axes, color=[BLUE, LIGHT], width=0.75, legend=False)
            axes.grid(axis="x")
            axes.grid(axis="y", visible=False)
            in_percent(axes, "x")
        legend_below(panels[0][2])
    say(f"As of {day(segments['business_date'].max())}.")
    for currency, mine in segments.groupby("currency"):
        best = mine.loc[mine["net_amount"].astype(float).idxmax()]
        say(
            f"In {currency}, {best['rfm_segment'].replace('_', ' ')} are {share(best['share_of_customers'])} of the "
            f"customers and bring {share(best['share_of_revenue'])} of the revenue, "
            f"{money(best['net_amount'], currency)}."
        )

# %% [markdown]
# ## How do recency and frequency go together?
#
# Each cell is the customers with these two scores. Top right: they came lately and come often. Bottom right: they used
# to come often and have stopped. Those are the ones to write to.

# %%
scores = read("""
    select recency_score, frequency_score, currency, count(*) as customer_count
    from gold.mart_customer_rfm
    where not is_deleted
    group by 1, 2, 3
""")
if is_there(scores):
    with by_currency("How do recency and frequency go together?", scores, height=4) as panels:
        for currency, mine, axes in panels:
            table = mine.pivot(index="recency_score", columns="frequency_score", values="customer_count")
            table = table.reindex(index=range(5, 0, -1), columns=range(1, 6))
            heat(axes, table, lambda value: f"{value:.0f}")
            axes.set_title(f"{currency}: customers")
            axes.set_xlabel("frequency score: 5 buys most often")
            axes.set_ylabel("recency score: 5 bought most recently")
    for currency, mine in scores.groupby("currency"):
        leaving = mine[(mine["frequency_score"] >= 4) & (mine["recency_score"] <= 2)]["customer_count"].sum()
        everyone = mine["customer_count"].sum()
        say(
            f"In {currency}, {leaving:,} of {everyone:,} customers ({share(leaving / everyone)}) buy often and have "
            "not bought for long: frequency 4 or 5, recency 1 or 2."
        )

# %% [markdown]
# ## Whom to win back first?
#
# Customers at risk by what they spent within the 365 days. They are shown by their number: the reader sees no name.

# %%
at_risk = read("""
    with ranked as (
        select customer_id, currency, last_sale_date, frequency, monetary_amount, business_date - last_sale_date as days,
            row_number() over (partition by currency order by monetary_amount desc, customer_id) as place
        from gold.mart_customer_rfm
        where rfm_segment = 'at_risk' and not is_deleted
    )

    select customer_id, currency, last_sale_date, days as days_since, frequency as purchases, monetary_amount
    from ranked
    where place <= 5
    order by currency, place
""")
if is_there(at_risk):
    show(at_risk, monetary_amount="{:,.2f}".format)
    for currency, mine in at_risk.groupby("currency"):
        spent = money(mine["monetary_amount"].sum(), currency)
        say(
            f"The first {len(mine)} in {currency} spent {spent}, and last bought {mine['days_since'].min()} to "
            f"{mine['days_since'].max()} days ago."
        )

# %% [markdown]
# ## Who comes back?
#
# Of the customers who first bought in a month, the share that bought again in each month after. Months that have not
# ended are left out.

# %%
cohorts = read("""
    select cohort_month, month_number, customer_count, active_customer_count, retention_share
    from gold.mart_customer_cohorts
    where is_complete
    order by cohort_month, month_number
""")
if is_there(cohorts):
    later = cohorts[cohorts["month_number"] > 0]
    if later.empty:
        say("No month after a first purchase has ended yet.")
    else:
        table = later.pivot(index="cohort_month", columns="month_number", values="retention_share").astype(float)
        sizes = cohorts.groupby("cohort_month")["customer_count"].max()
        table.index = [f"{month(one)} ({sizes[one]:,})" for one in table.index]
        with plot("Which share of each cohort buys again, month after month?", height=1.2 + 0.3 * len(table)) as (
            axes,
        ):
            heat(axes, table, lambda value: f"{value:.0%}")
            axes.set_xlabel("months after the first purchase")
            axes.set_ylabel("first purchase (customers)")
        first = later[later["month_number"] == 1]
        weighted = first["active_customer_count"].sum() / first["customer_count"].sum()
        say(f"Over all cohorts, {share(weighted)} of the customers bought in the month after their first purchase.")

# %% [markdown]
# ## Do newer cohorts come back more?
#
# The same shares as lines, for cohorts with three complete months after their first. The first cohort of a warehouse
# holds everyone who had bought before its history began, so it is drawn in grey and left out of the comparison.

# %%
if is_there(cohorts):
    curves = cohorts[(cohorts["month_number"] > 0) & (cohorts["month_number"] <= 6)]
    long_enough = curves.groupby("cohort_month")["month_number"].transform("max") >= 3
    curves = curves[long_enough]
    names = sorted(curves["cohort_month"].unique())
    if len(names) < 3:
        say("Fewer than three cohorts have three complete months, too few to compare.")
    else:
        newest = names[-1]
        with plot("Do newer cohorts come back more?") as (axes,):
            for name in names:
                mine = curves[curves["cohort_month"] == name]
                is_newest, is_first = name == newest, name == names[0]
                axes.plot(
                    mine["month_number"],
                    mine["retention_share"].astype(float),
                    color=ORANGE if is_newest else GREY if is_first else LIGHT,
                    linestyle="--" if is_first else "-",
                    linewidth=2.5 if is_newest else 1.2,
                    zorder=3 if is_newest else 2,
                    label=month(name) if is_newest else f"{month(name)}, the first" if is_first else None,
                )
            axes.set_xlabel("months after the first purchase")
            axes.set_ylim(bottom=0)
            axes.set_xticks(range(1, 7))
            in_percent(axes)
            axes.legend(loc="upper right")
        third = curves[curves["month_number"] == 3].set_index("cohort_month")["retention_share"].astype(float)
        others = third[(third.index != newest) & (third.index != names[0])]
        say(
            f"In its third month, {share(third[newest])} of the cohort of {month(newest)} bought. The median of the "
            f"cohorts between the first and it is {share(others.median())}."
        )

# %% [markdown]
# ## What has a customer of each cohort brought?
#
# Net revenue per customer since the first purchase, added up over complete months, in the currency of that purchase.

# %%
worth = read("""
    select cohort_month, month_number, currency,
        sum(net_amount) over (partition by cohort_month, currency order by month_number)
            / nullif(customer_count, 0) as net_per_customer
    from gold.mart_customer_cohort_sales
    where is_complete and customer_count > 0
    order by cohort_month, month_number
""")
if is_there(worth):
    with by_currency("What has a customer brought since the first purchase?", worth) as panels:
        for currency, mine, axes in panels:
            starts = sorted(mine["cohort_month"].unique())
            for start in starts:
                one = mine[mine["cohort_month"] == start]
                color = GREY if start == starts[0] else ORANGE if start == starts[-1] else LIGHT
                axes.plot(
                    one["month_number"],
                    one["net_per_customer"].astype(float),
                    color=color,
                    linewidth=1.2,
                    marker="o" if len(one) == 1 else None,
                    ms=3,
                )
            mean = mine[mine["cohort_month"] != starts[0]].groupby("month_number")["net_per_customer"]
            middle = mean.apply(lambda values: pd.Series(values.astype(float)).median())
            axes.plot(middle.index, middle, color=BLUE, linewidth=2.5, label="median of the later cohorts")
            axes.set_xlabel("months since the first purchase")
            axes.set_ylim(bottom=0)
            in_money(axes, currency)
        legend_below(panels[0][2])
    for currency, mine in worth.groupby("currency"):
        known = mine[mine["cohort_month"] != mine["cohort_month"].min()]
        reached = [
            f"{money(at['net_per_customer'].astype(float).median(), currency)} after month {number}"
            for number in (1, 6, 12)
            if len(at := known[known["month_number"] == number])
        ]
        if reached:
            say(f"The median cohort after the first had brought, per customer in {currency}: {listed(reached)}.")
