"""Warnings: one per cycle and stage, with the date that holds, queued with its deed."""

from __future__ import annotations

from sqlalchemy import Engine

from include.cohorts import carry_out
from include.runs import read_report
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import answer, change, day, planned, selected, warnings
from tests.rows import rows, skips

SELECT = "select_warnings/01_plan_cohort.sql"
QUEUE = "queue_warnings/01_queue_mails.sql"
SNAPSHOT = "open_run/03_snapshot_programs.sql"

# 2025-01-01 + 365 days: due on 1 January 2026; the stage of 14 days falls on 18 December.
STAGE_DAY = "2025-12-18"


def each_stage_warns_once(engine: Engine) -> None:
    card = factories.card(engine, factories.program(engine, warning_days=[14, 3]))
    for date in (STAGE_DAY, "2025-12-19", "2025-12-29", "2025-12-30"):
        run_id = day(engine, date)
        assert skips(engine, run_id) == []
    assert warnings(engine) == [(card, 14, "2026-01-01"), (card, 3, "2026-01-01")]
    assert rows(engine, "select count(*) from loyalty.email_logs") == [(2,)]


def earlier_stage_is_not_made_up_after_a_later_one(engine: Engine) -> None:
    # Warned three days ahead; longer days bring the stage of 14 back: one warning has gone.
    card = factories.card(engine, factories.program(engine, warning_days=[14, 3]))
    day(engine, "2025-12-29")
    change(engine, "loyalty_programs", points_expiration_days=375)
    assert planned(engine, selected(engine, "2025-12-30", "warning"), "warning") == []
    assert warnings(engine) == [(card, 3, "2026-01-01")]


def new_cycle_is_warned_anew(engine: Engine) -> None:
    program = factories.program(engine, points_expiration_days=20, warning_days=[5])
    card = factories.card(engine, program, last_activity_at="2026-01-01T12:00Z")
    day(engine, "2026-01-16")
    factories.earn(engine, card, 10, "2026-01-17T12:00Z")
    day(engine, "2026-02-01")
    # 1 January + 20 days, then 17 January + 20 days.
    assert warnings(engine) == [(card, 5, "2026-01-21"), (card, 5, "2026-02-06")]


def expired_cycle_is_not_warned_again(engine: Engine) -> None:
    # Points come back by adjustment, and longer days put the due date ahead again.
    card = factories.card(engine)
    planned_before = selected(engine, STAGE_DAY, "warning")
    day(engine, "2026-01-02")
    factories.adjust(engine, card, 50, "2026-01-02T09:00Z")
    carry_out(engine, planned_before, "warning")
    assert skips(engine, planned_before) == [("warning", card, "already_expired")]
    change(engine, "loyalty_programs", points_expiration_days=375)
    assert planned(engine, selected(engine, "2026-01-03", "warning"), "warning") == []


def late_warning_names_a_date_with_full_notice(engine: Engine) -> None:
    # The older cycle's gate opened on 1 November; the new one's first warning goes on 10 January,
    # after its due date of 2 January: 10 + 7 = 17.
    program = factories.program(engine, points_expiration_days=30, min_notice_days=7)
    card = factories.card(engine, program, last_activity_at="2025-10-10T12:00Z")
    day(engine, "2025-11-01")
    answer(engine, "2025-11-01", promised_on="2025-11-20")
    factories.earn(engine, card, 5, "2025-12-03T12:00Z")
    day(engine, "2026-01-10")
    named = "select variables ->> 'expiration_date' from loyalty.email_logs order by id"
    assert rows(engine, named) == [("2025-11-09",), ("2026-01-17",)]


def stage_beyond_the_days_is_cut_and_flagged(engine: Engine) -> None:
    program = factories.program(engine, points_expiration_days=10, warning_days=[10])
    card = factories.card(engine, program, last_activity_at="2026-01-01T12:00Z")
    # Due on 11 January; 10 is cut to 9 days, reached on the 2nd.
    run_id = day(engine, "2026-01-01")
    assert warnings(engine) == []
    day(engine, "2026-01-02")
    assert warnings(engine) == [(card, 9, "2026-01-11")]
    assert read_report(engine, run_id)[0]["stages_cut"] is True


MUTANTS = (
    Mutant(
        "same_stage_is_planned_every_day",
        SELECT,
        "and standing.stage_days <= noticed_cards.stage_days",
        "and standing.stage_days < noticed_cards.stage_days",
        "At most one warning per card, cycle and stage.",
        each_stage_warns_once,
    ),
    Mutant(
        "any_stage_stands_for_all",
        SELECT,
        "            and standing.stage_days <= noticed_cards.stage_days\n",
        "",
        "Every stage is a warning of its own.",
        each_stage_warns_once,
    ),
    Mutant(
        "earlier_stage_is_made_up",
        SELECT,
        "and standing.stage_days <= noticed_cards.stage_days",
        "and standing.stage_days = noticed_cards.stage_days",
        "After a later stage an earlier one says nothing new.",
        earlier_stage_is_not_made_up_after_a_later_one,
    ),
    Mutant(
        "stages_share_one_mail",
        QUEUE,
        "members.card_id, members.cycle_started_at, members.stage_days",
        "members.card_id, members.cycle_started_at, 0",
        "The occurrence is card, cycle and stage.",
        each_stage_warns_once,
    ),
    Mutant(
        "warning_of_an_older_cycle_stands",
        SELECT,
        "and standing.cycle_started_at = noticed_cards.last_activity_at",
        "",
        "Each cycle has warnings of its own.",
        new_cycle_is_warned_anew,
    ),
    Mutant(
        "expired_cycle_is_planned_for_a_warning",
        SELECT,
        "expirations.cycle_started_at = noticed_cards.last_activity_at",
        "expirations.run_id = %(run_id)s::bigint",
        "Points that came back to an expired cycle stay; there is nothing to warn of.",
        expired_cycle_is_not_warned_again,
    ),
    Mutant(
        "expired_cycle_is_warned_again",
        QUEUE,
        "and expirations.cycle_started_at = members.cycle_started_at",
        "and expirations.run_id = members.run_id",
        "Points that came back to an expired cycle stay; there is nothing to warn of.",
        expired_cycle_is_not_warned_again,
    ),
    Mutant(
        "late_warning_names_the_due_date",
        SELECT,
        "coalesce(notices.opened_on, reached_cards.evaluated_on)",
        "notices.opened_on",
        "Under minimum notice a late warning names the later date.",
        late_warning_names_a_date_with_full_notice,
    ),
    Mutant(
        "notice_is_subtracted",
        SELECT,
        "+ reached_cards.min_notice_days",
        "- reached_cards.min_notice_days",
        "The days of notice come after the warning.",
        late_warning_names_a_date_with_full_notice,
    ),
    Mutant(
        "older_cycle_dates_the_warning",
        SELECT,
        "and given.cycle_started_at = reached_cards.last_activity_at",
        "",
        "Gate and promise of an older cycle say nothing about this one.",
        late_warning_names_a_date_with_full_notice,
    ),
    Mutant(
        "stage_is_not_cut",
        SNAPSHOT,
        "least(stage.days, dated_programs.points_expiration_days - 1)",
        "stage.days",
        "A stage not smaller than the days would warn on the day of the activity.",
        stage_beyond_the_days_is_cut_and_flagged,
    ),
    Mutant(
        "stage_is_cut_to_the_days",
        SNAPSHOT,
        "least(stage.days, dated_programs.points_expiration_days - 1)",
        "least(stage.days, dated_programs.points_expiration_days)",
        "It is cut to one day less than the days.",
        stage_beyond_the_days_is_cut_and_flagged,
    ),
    Mutant(
        "cut_stage_is_not_flagged",
        SNAPSHOT,
        "stage.days >= dated_programs.points_expiration_days",
        "stage.days > dated_programs.points_expiration_days",
        "The report tells of every stage that was cut.",
        stage_beyond_the_days_is_cut_and_flagged,
    ),
)
