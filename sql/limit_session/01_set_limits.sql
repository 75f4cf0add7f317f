-- Bounds what the current transaction may cost the shop, and fixes its way of showing instants.
-- In: nothing. Out: one row, the values set; they end with the transaction.
-- Prepared: every chunk runs it.
-- Binds: lock_timeout, statement_timeout and idle_timeout as PostgreSQL intervals ('2s'), work_mem
-- with its unit ('64MB', null: as the server has it), by_index (true: no table is read from end to
-- end, and none in the order of its pages, where an index will do), waits_for_disk (false: no
-- commit waits until it is on the disk).
-- A rerun sets the same values again.
select
    set_config('lock_timeout', %(lock_timeout)s::text, true) as lock_timeout,
    set_config('statement_timeout', %(statement_timeout)s::text, true) as statement_timeout,
    set_config('idle_in_transaction_session_timeout', %(idle_timeout)s::text, true) as idle_timeout,
    set_config('work_mem', coalesce(%(work_mem)s::text, current_setting('work_mem')), true)
        as work_mem,
    set_config(
        'enable_seqscan',
        case when %(by_index)s::boolean then 'off' else current_setting('enable_seqscan') end,
        true
    ) as sequential_scans,
    set_config(
        'enable_bitmapscan',
        case when %(by_index)s::boolean then 'off' else current_setting('enable_bitmapscan') end,
        true
    ) as bitmap_scans,
    set_config(
        'synchronous_commit',
        case
            when %(waits_for_disk)s::boolean then current_setting('synchronous_commit')
            else 'off'
        end,
        true
    ) as synchronous_commit,
    set_config('client_connection_check_interval', '5s', true) as client_check_interval,
    set_config('plan_cache_mode', 'force_generic_plan', true) as plan_cache_mode,
    set_config('jit', 'off', true) as jit,
    set_config('timezone', 'UTC', true) as time_zone
