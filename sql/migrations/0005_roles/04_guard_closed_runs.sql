-- A closed run never changes: the pipeline's roles are refused, whatever their grants. The owner of
-- the tables is not, because somebody must be able to repair them.
create function loyalty.is_pipeline_role()
returns boolean
language sql stable
return current_user in (
    'loyalty_pipeline', 'loyalty_mailer', 'loyalty_editor', 'loyalty_reader'
);

create function loyalty.refuse_change_of_closed_run()
returns trigger
language plpgsql
as $body$
begin
    if loyalty.is_pipeline_role() and old.status = 'closed' then
        raise exception 'run % is closed and never changes', old.id
        using errcode = 'integrity_constraint_violation',
        hint = 'Clear the whole DAG run: its repetition has a row of its own.';
    end if;
    return new;
end
$body$;

create trigger expiration_runs_closed_stay
before update on loyalty.expiration_runs
for each row execute function loyalty.refuse_change_of_closed_run();

create function loyalty.refuse_rows_of_closed_run()
returns trigger
language plpgsql
as $body$
declare
    closed_run_id bigint;
begin
    if not loyalty.is_pipeline_role() then
        return null;
    end if;
    with touched_runs as (
        select distinct written_rows.run_id from written_rows
    )
    select runs.id into closed_run_id
    from touched_runs
    inner join loyalty.expiration_runs as runs on touched_runs.run_id = runs.id
    where runs.status = 'closed'
    limit 1;
    if found then
        raise exception 'run % is closed; % takes no more of its rows', closed_run_id, tg_table_name
        using errcode = 'integrity_constraint_violation',
        hint = 'Clear the whole DAG run: its repetition has a row of its own.';
    end if;
    return null;
end
$body$;

-- Marking an expiry as given back is the one change that a closed run's rows allow, once.
create function loyalty.refuse_second_reinstatement()
returns trigger
language plpgsql
as $body$
begin
    if loyalty.is_pipeline_role() and old.reinstated_by is not null then
        raise exception 'the expiry by ledger row % was given back already', old.transaction_id
        using errcode = 'integrity_constraint_violation';
    end if;
    return new;
end
$body$;

create trigger expirations_reinstated_once
before update on loyalty.expirations
for each row execute function loyalty.refuse_second_reinstatement();

do $body$
declare
    guarded text;
begin
    foreach guarded in array array[
        'expiration_run_programs', 'expiration_cohort_members', 'expirations',
        'expiration_warnings', 'expiration_skips', 'reinstatement_members', 'reinstatements',
        'reinstatement_skips'
    ] loop
        execute format(
            'create trigger %I after insert on loyalty.%I referencing new table as written_rows '
            'for each statement execute function loyalty.refuse_rows_of_closed_run()',
            guarded || '_closed_run_takes_none', guarded
        );
    end loop;
end
$body$;

create trigger expiration_run_programs_closed_stay
after update on loyalty.expiration_run_programs
referencing new table as written_rows
for each statement execute function loyalty.refuse_rows_of_closed_run();
