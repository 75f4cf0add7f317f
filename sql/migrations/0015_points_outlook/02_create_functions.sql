-- Cards and points that expire per program and day until last_on, if nobody comes back; of one
-- program or, where wanted_program_id is null, of all. What is overdue counts on first_on, because
-- the next run takes it.
create or replace function loyalty.count_due_days(
    first_on date, last_on date, wanted_program_id bigint
)
returns table (program_id bigint, day_on date, cards_total bigint, points_total bigint)
language sql stable
begin atomic
    select
        forecast.program_id,
        greatest(forecast.expires_on, count_due_days.first_on) as day_on,
        count(*) as cards_total,
        sum(forecast.points)::bigint as points_total
    from loyalty.expiration_forecast as forecast
    where
        forecast.expires_on <= count_due_days.last_on
        -- Points expire after their days, never before: no other card need be read. A day of slack
        -- holds every zone's midnight.
        and forecast.cycle_started_at
        < (count_due_days.last_on + 1 - forecast.points_expiration_days)::timestamp
        at time zone 'UTC'
        and (
            count_due_days.wanted_program_id is null
            or forecast.program_id = count_due_days.wanted_program_id
        )
    group by forecast.program_id, greatest(forecast.expires_on, count_due_days.first_on);
end;

-- Cards with points and their points per program and days since the last activity, at an instant;
-- null: no activity is known. With what was ever voided and redeemed on the cards of that age.
create or replace function loyalty.count_point_ages(now_at timestamptz)
returns table (
    program_id bigint,
    age_days_min integer,
    cards_total bigint,
    points_total bigint,
    points_voided bigint,
    points_redeemed bigint
)
language sql stable
begin atomic
    with
    aged_cards as (
        select
            cards.program_id,
            cards.points_balance,
            cards.total_points_voided,
            cards.total_points_redeemed,
            case
                when cards.last_activity_at is null then null
                when cards.last_activity_at > count_point_ages.now_at - interval '31 days' then 0
                when cards.last_activity_at > count_point_ages.now_at - interval '91 days' then 31
                when cards.last_activity_at > count_point_ages.now_at - interval '181 days' then 91
                when cards.last_activity_at > count_point_ages.now_at - interval '366 days' then 181
                else 366
            end as age_days_min
        from loyalty.loyalty_cards as cards
    )

    select
        aged_cards.program_id,
        aged_cards.age_days_min,
        count(*) filter (where aged_cards.points_balance > 0) as cards_total,
        sum(aged_cards.points_balance)::bigint as points_total,
        sum(aged_cards.total_points_voided)::bigint as points_voided,
        sum(aged_cards.total_points_redeemed)::bigint as points_redeemed
    from aged_cards
    group by aged_cards.program_id, aged_cards.age_days_min;
end;

revoke all on function loyalty.count_due_days(date, date, bigint) from public;
revoke all on function loyalty.count_point_ages(timestamptz) from public;
grant execute on function loyalty.count_due_days(date, date, bigint)
to loyalty_pipeline, loyalty_reader;
grant execute on function loyalty.count_point_ages(timestamptz)
to loyalty_pipeline, loyalty_reader;
