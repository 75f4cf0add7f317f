-- Reads the database's clock: the one place where the pipeline learns what time it is.
-- In: nothing. Out: one row, the instant now.
-- A rerun reads a later instant; it changes nothing.
select clock_timestamp() as now_at
