-- Reads the server's version, as a number: 150004 is 15.4.
-- In: the server's settings. Out: one row.
-- A rerun reads the same.
select current_setting('server_version_num')::integer as server_version
