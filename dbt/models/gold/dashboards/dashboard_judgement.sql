select
    step.grain || 's' as judged,
    judgement.judged_until,
    coalesce(
        case
            when judgement.says like 'not judged%' then judgement.says
            else split_part(judgement.says, ': ', 2)
        end,
        'not judged yet: the next hourly run does it'
    ) as state,
    judgement.judged_at
from (values ('hour'), ('day')) as step (grain)
left join {{ source('meta', 'kpi_judgement') }} as judgement on step.grain = judgement.grain
