-- Compresses the whole pages in the server's log, for every later session of this database.
-- By pglz, which every server has; lz4 is quicker where a server was built with it.
do $body$
begin
    execute format('alter database %I set wal_compression = pglz', current_database());
end
$body$
