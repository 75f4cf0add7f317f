-- Finds a database of this server.
-- In: the catalogue. Out: one row, none where there is no database of that name.
-- Binds: name.
-- A rerun finds the same.
select databases.datname
from pg_catalog.pg_database as databases
where databases.datname = %(name)s::name
