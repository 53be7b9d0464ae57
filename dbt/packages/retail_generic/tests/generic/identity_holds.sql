{#- Every row satisfies an identity, such as net_amount = gross_amount - discount_amount. -#}
{% test identity_holds(model, expression) %}

select *
from {{ model }}
where ({{ expression }}) is not true

{% endtest %}
