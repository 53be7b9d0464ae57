{#- Scores and segments of RFM (decision 0030). Plain Jinja: tests render these macros without dbt. -#}

{#- The columns of `rfm_cut_points` for one of recency, frequency and monetary. -#}
{% macro rfm_cuts(name, relation='cut') -%}
{%- set cuts = [] -%}
{%- for percent in [20, 40, 60, 80] %}{% do cuts.append(relation ~ '.' ~ name ~ '_' ~ percent) %}{% endfor -%}
{{ return(cuts) }}
{%- endmacro %}

{#-
  Score 1 to 5 of a value by four cut points. A value between cut points has 1 + the cut points below it. A value equal
  to some of them gets the middle of the scores it could have, rounded down: where all values are equal, all score 3.
  Never falls as the value grows. Where no customer bought there are no cut points, and the score is 1.
-#}
{% macro rfm_score(value, cuts) -%}
1 + (
        {% for cut in cuts -%}
        coalesce(({{ value }} > {{ cut }})::integer + ({{ value }} >= {{ cut }})::integer, 0){{ ' +' if not loop.last }}
        {% endfor -%}
    ) / 2
{%- endmacro %}

{#- The segment of three scores from 1 to 5: recency against the mean of frequency and monetary, rounded up. -#}
{% macro rfm_segment(recency, frequency, monetary) -%}
{%- set value = '(' ~ frequency ~ ' + ' ~ monetary ~ ' + 1) / 2' -%}
case
        when {{ recency }} >= 4 and {{ value }} >= 4 then 'champions'
        when {{ recency }} >= 3 and {{ value }} >= 3 then 'loyal'
        when {{ recency }} >= 4 then 'promising'
        when {{ recency }} = 3 then 'needs_attention'
        when {{ value }} >= 3 then 'at_risk'
        when {{ recency }} = 2 then 'hibernating'
        when {{ recency }} = 1 then 'lost'
    end
{%- endmacro %}
