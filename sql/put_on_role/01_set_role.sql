-- Puts a role on until the transaction ends: the task may do what is granted to it, and no more.
-- In: nothing. Out: one row, the role. Raises where the role is missing or not lent to the user.
-- Prepared: every chunk runs it.
-- Binds: role.
-- A rerun sets the same role again.
select set_config('role', %(role)s::text, true) as role_name
