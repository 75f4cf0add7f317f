-- Settings of the size check, and whether a reinstatement is mailed. All have constant defaults;
-- a limit that is null holds nothing.
alter table loyalty.loyalty_programs
add column if not exists size_check_cards integer default 1000;
alter table loyalty.loyalty_programs
add column if not exists size_check_median_ratio numeric default 5;
alter table loyalty.loyalty_programs
add column if not exists size_check_points_share numeric default 0.5;
alter table loyalty.loyalty_programs
add column if not exists mail_reinstatements boolean not null default false;
