-- What the cards hold and what will expire, counted by the daily run when it has closed its books:
-- the pages need not read every card. There is one count, the latest; it belongs to no report.
create table if not exists loyalty.points_outlook (
    is_latest boolean not null default true,
    run_id bigint not null,
    counted_at timestamptz not null,
    constraint points_outlook_pkey primary key (is_latest),
    constraint points_outlook_only_one check (is_latest),
    constraint points_outlook_run_fkey foreign key (run_id) references loyalty.expiration_runs (id)
);

-- Per program and day; what was overdue stands on the day of the count.
create table if not exists loyalty.points_outlook_days (
    program_id bigint not null,
    day_on date not null,
    cards_total bigint not null,
    points_total bigint not null,
    constraint points_outlook_days_pkey primary key (program_id, day_on)
);

-- Per program and days since the last activity; null: none known.
create table if not exists loyalty.points_outlook_ages (
    program_id bigint not null,
    age_days_min integer,
    cards_total bigint not null,
    points_total bigint not null,
    points_voided bigint not null,
    points_redeemed bigint not null,
    constraint points_outlook_ages_key unique nulls not distinct (program_id, age_days_min)
);

grant select on loyalty.points_outlook, loyalty.points_outlook_days, loyalty.points_outlook_ages
to loyalty_pipeline, loyalty_reader;
grant insert, update on loyalty.points_outlook to loyalty_pipeline;
grant insert, delete on loyalty.points_outlook_days, loyalty.points_outlook_ages
to loyalty_pipeline;
