-- The roles that tasks put on (`set local role`): NOLOGIN, made where the cluster lacks them, and
-- lent to whoever migrates. Another database of the cluster may have them, or make them meanwhile.
do $body$
declare
    wanted text;
    -- From PostgreSQL 16 on, being a member and being allowed to put the role on are two things.
    needed text := case
        when current_setting('server_version_num')::integer >= 160000 then 'SET' else 'MEMBER'
    end;
begin
    foreach wanted in array array[
        'loyalty_pipeline', 'loyalty_mailer', 'loyalty_editor', 'loyalty_reader'
    ] loop
        if not exists (select 1 from pg_catalog.pg_roles where rolname = wanted) then
            begin
                execute format('create role %I nologin', wanted);
            exception
                when duplicate_object or unique_violation then null;
            end;
        end if;
        if not pg_has_role(current_user, wanted, needed) then
            begin
                execute format('grant %I to %I', wanted, current_user);
            exception
                -- Somebody else grants the same in this moment.
                when unique_violation then null;
            end;
        end if;
    end loop;
end
$body$
