-- Reads which of the programs' time zones the database knows; an unknown one would stop a batch.
-- In: the time zones of all programs. Out: one row, those that can be used, as they are spelled.
-- Read once per sender: the catalogue of zones is read from files and takes 50 ms.
-- A rerun reads again; it changes nothing.
with
known_zones as (
    select distinct programs.time_zone
    from loyalty.loyalty_programs as programs
    inner join pg_catalog.pg_timezone_names as zones
        on lower(zones.name) = lower(programs.time_zone)
)

select coalesce(array_agg(known_zones.time_zone), '{}') as known_time_zones
from known_zones
