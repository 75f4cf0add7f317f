-- Reads which of the programs' time zones the database knows; an unknown one would stop a batch.
-- In: the time zones of all programs. Out: one row, those that can be used, as they are spelled.
-- A rerun reads again; it changes nothing.
with
named_zones as materialized (
    select distinct programs.time_zone
    from loyalty.loyalty_programs as programs
)

select coalesce(array_agg(named_zones.time_zone), '{}') as known_time_zones
from named_zones
where loyalty.is_time_zone(named_zones.time_zone)
