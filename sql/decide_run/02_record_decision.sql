-- Writes down what was decided, and by whom.
-- In: the open run that waits for a decision. Out: its decision and decided_by; one result row, the
-- decision that stands.
-- Binds: run_id, answer (approved, rejected or timed_out), decided_by (null: nobody), is_overtaken.
-- Rerun: the first decision stands.
update loyalty.expiration_runs as runs
set
    decision = coalesce(
        runs.decision,
        case when %(is_overtaken)s::boolean then 'lapsed' else %(answer)s::text end
    ),
    decided_by = case
        when runs.decision is null then %(decided_by)s::text
        else runs.decided_by
    end
where runs.id = %(run_id)s::bigint and runs.status = 'open'
returning runs.decision
