-- Tells whether the database knows a time zone by its name, in any case. Abbreviations and offsets,
-- which it understands too, are no zones here.
create or replace function loyalty.is_time_zone(zone_name text)
returns boolean
language plpgsql stable strict
set search_path = pg_catalog, pg_temp
as $body$
begin
    -- Nearly all names look like this, and to use one takes microseconds. The catalogue is read
    -- from six hundred files each time.
    if zone_name = 'UTC' or zone_name ~ '^[A-Za-z_]+(/[A-Za-z_-]+)+$' then
        perform timezone(zone_name, timestamptz 'epoch');
        return true;
    end if;
    return exists (
        select 1
        from pg_timezone_names as zones
        where lower(zones.name) = lower(zone_name)
    );
exception
    when invalid_parameter_value then return false;
end
$body$;
