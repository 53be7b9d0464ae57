# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A tour of Gold
#
# Gold is the layer that people query: dimensions, one fact, and marts that answer a question each. This notebook looks
# at what there is, how it fits together, and how a figure is worked out. It reads as `retail_reader` and changes
# nothing. `docs/data-dictionary.md` describes every column.

# %%
from figures import change, label, listed, minute, money, share
from plots import BLUE, LIGHT, by_currency, in_money, in_percent, legend_below, over_time, plot
from warehouse import is_there, read, say, show

# %% [markdown]
# ## Which tables are there, and how fresh are they?
#
# `gold.dashboard_freshness` has a row per table that dbt builds, with the rows that the last load wrote and the moment
# up to which its data goes.

# %%
tables = read("""
    select table_name, last_row_count, last_loaded_at, data_until
    from gold.dashboard_freshness
    where layer = 'gold' and last_loaded_at is not null
    order by last_row_count
""")
if is_there(tables):
    with plot("Which tables does Gold have, and how many rows did the last load write?", height=6.5) as (axes,):
        bars = axes.barh(tables["table_name"], tables["last_row_count"].astype(float).clip(lower=1), color=BLUE)
        axes.bar_label(bars, [f"{count:,}" for count in tables["last_row_count"]], padding=4)
        axes.set_xscale("log")
        axes.set_xlabel("rows, on a logarithmic scale")
        axes.grid(visible=False)
        axes.margins(x=0.12, y=0.01)
    newest = tables.loc[tables["last_loaded_at"].idxmax()]
    say(
        f"Gold has {len(tables)} tables. `{newest['table_name']}` was loaded last, on "
        f"{minute(newest['last_loaded_at'])}."
    )

# %% [markdown]
# ## What does a sale look like in the fact?
#
# `gold.sales_item` has a row per line of a sale. Its keys lead to the dimensions. Here is the newest sale.

# %%
lines = read("""
    select line_no, product_name, category, store_name, channel, quantity, item.unit_price, discount_amount, net_amount,
        item.currency, sale_id
    from gold.sales_item as item
    join gold.dim_product using (product_key)
    join gold.dim_store using (store_key)
    where sale_id = (select sale_id from gold.sales_item order by sold_at desc, sale_id desc limit 1)
    order by line_no
""")
if is_there(lines):
    show(lines.drop(columns="sale_id"))
    first = lines.iloc[0]
    total = money(lines["net_amount"].sum(), first["currency"])
    say(f"Sale {first['sale_id']} has {len(lines)} line{'s'[: len(lines) > 1]} and brought {total}.")

# %% [markdown]
# ## Where does the money come from?
#
# Fact and dimensions join by their keys: the stores' countries by channel, over the last 28 complete days.

# %%
places = read("""
    select country, channel, mart.currency, {measures}
    from gold.mart_sales_by_hour as mart
    join gold.dim_store using (store_id)
    where sold_date between (select max(sold_date) - 28 from gold.mart_daily_kpis)
        and (select max(sold_date) - 1 from gold.mart_daily_kpis)
    group by country, channel, mart.currency
""")
if is_there(places):
    with by_currency("Which countries and channels bring the revenue?", places) as panels:
        for currency, mine, axes in panels:
            table = mine.pivot(index="country", columns="channel", values="net_amount").astype(float).fillna(0)
            table = table.loc[table.sum(axis=1).sort_values().index]
            table.plot.barh(stacked=True, ax=axes, width=0.7, legend=False)
            axes.set_ylabel("")
            axes.grid(axis="x")
            axes.grid(axis="y", visible=False)
            axes.set_ylim(-0.6, max(len(table), 4) - 0.4)
            in_money(axes, currency, "x")
        legend_below(panels[0][2])
    for currency, mine in places.groupby("currency"):
        sums = {kind: mine.groupby(kind)["net_amount"].sum().astype(float) for kind in ("country", "channel")}
        words = [
            f"the {kind} {one.idxmax()} brings {share(one.max() / one.sum())}"
            for kind, one in sums.items()
            if len(one) > 1
        ]
        if words:
            say(f"Of the {label('net_revenue').lower()} in {currency}, {listed(words)}.")

# %% [markdown]
# ## How is a figure worked out?
#
# Figures are defined once, in `dbt/models/metrics.yml`. In a statement of these notebooks,
# `{average_order_value}` stands for the SQL of that metric, and `{measures}` for the sums of a mart that it is made of.

# %%
weeks = read("""
    with weekly as (
        select date_trunc('week', sold_date)::date as week, currency, {measures}
        from gold.mart_daily_kpis
        group by 1, 2
    )
    select week, currency, {average_order_value}, {return_rate}
    from weekly
    where week < (select date_trunc('week', max(sold_date))::date from gold.mart_daily_kpis)
    order by week
""")
if is_there(weeks):
    with by_currency("How large is an order, week by week?", weeks) as panels:
        for currency, mine, axes in panels:
            axes.plot(mine["week"], mine["average_order_value"].astype(float), color=BLUE)
            axes.axhline(mine["average_order_value"].astype(float).median(), color=LIGHT, zorder=1)
            axes.set_ylim(bottom=0)
            in_money(axes, currency)
            over_time(axes)
    for currency, mine in weeks.groupby("currency"):
        values = mine["average_order_value"].dropna().astype(float)
        say(
            f"In {currency} the {label('average_order_value').lower()} of the last complete week was "
            f"{money(values.iloc[-1], currency)}, {change(values.iloc[-1], values.median())} against the median week, "
            "the light line."
        )

# %% [markdown]
# ## Do fact and marts agree?
#
# Each mart is recomputed from the fact for what an hour touches. So the sums must be equal, to the cent.

# %%
sums = read("""
    select 'sales_item' as table_name, currency, sum(net_amount) as net_amount from gold.sales_item group by currency
    union all
    select 'mart_daily_kpis', currency, sum(net_amount) from gold.mart_daily_kpis group by currency
    union all
    select 'mart_sales_by_hour', currency, sum(net_amount) from gold.mart_sales_by_hour group by currency
    union all
    select 'mart_sales_by_store', currency, sum(net_amount) from gold.mart_sales_by_store group by currency
    order by currency, table_name
""")
if is_there(sums):
    show(sums, net_amount="{:,.2f}".format)
    differing = [one for one, mine in sums.groupby("currency") if mine["net_amount"].nunique() > 1]
    say(f"They differ in {listed(differing)}: look at `./retail status`." if differing else "They are equal.")

# %% [markdown]
# ## What share of the history is still in doubt?
#
# A customer, product or store that is known only from a sale is an inferred member. It is completed when its record
# arrives.

# %%
members = read("""
    select 'customers' as members, count(*) as known, count(*) filter (where is_inferred) as inferred
    from gold.dim_customer
    union all
    select 'products', count(*), count(*) filter (where is_inferred) from gold.dim_product
    union all
    select 'stores', count(*), count(*) filter (where is_inferred) from gold.dim_store
""")
if is_there(members) and members["known"].sum():
    with plot("Which share of the members is inferred?", height=2) as (axes,):
        shares = members["inferred"] / members["known"].clip(lower=1)
        bars = axes.barh(members["members"], shares, color=BLUE)
        axes.bar_label(bars, [share(one) for one in shares], padding=4)
        axes.set_xlim(0, 1)
        axes.grid(visible=False)
        in_percent(axes, "x")
    say(f"{members['inferred'].sum():,} of {members['known'].sum():,} members wait for their record.")
elif not members.empty:
    say("*There are no members yet. `./retail run` loads the first ones.*")
