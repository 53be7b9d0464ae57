{#- No two rows share these columns: the grain of a model whose key is more than one column. -#}
{% test unique_combination(model, columns) %}

select {{ columns | join(', ') }}
from {{ model }}
where not ({{ is_held_unique(columns) }})
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
