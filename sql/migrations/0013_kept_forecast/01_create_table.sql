-- The cards that a daily run, when it had closed its books, expected the next local day to expire.
-- Insert-only, and written after the closing: it belongs to no report and to no fingerprint. No
-- foreign key leads to the cards, because it would lock them (see 0003).
create table loyalty.expiration_forecast_cards (
    run_id bigint not null,
    program_id bigint not null,
    card_id bigint not null,
    cycle_started_at timestamptz not null,
    points bigint not null
    constraint expiration_forecast_cards_points_positive check (points > 0),
    expires_on date not null,
    constraint expiration_forecast_cards_pkey primary key (run_id, card_id),
    constraint expiration_forecast_cards_program_fkey
    foreign key (run_id, program_id)
    references loyalty.expiration_run_programs (run_id, program_id)
);

grant select on loyalty.expiration_forecast_cards to loyalty_pipeline, loyalty_reader;
grant insert on loyalty.expiration_forecast_cards to loyalty_pipeline;
