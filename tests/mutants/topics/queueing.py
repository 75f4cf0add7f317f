"""Queueing a warning: the second look at the locked card, one mail with its deed."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Engine

from include.cohorts import carry_out
from tests import factories
from tests.mutants.mutant import Example, Mutant
from tests.mutants.scene import change, day, planned, selected, warnings
from tests.mutants.topics.deciding import CHANGES
from tests.rows import rows, skips

SELECT = "select_warnings/01_plan_cohort.sql"
QUEUE = "queue_warnings/01_queue_mails.sql"
SNAPSHOT = "open_run/03_snapshot_programs.sql"
STAGE_DAY = "2025-12-18"


def two_runs_at_once_warn_once(engine: Engine) -> None:
    card = factories.card(engine)
    first, second = (selected(engine, STAGE_DAY, "warning") for _ in range(2))
    carry_out(engine, first, "warning")
    change(engine, "email_logs", status="sent")
    carry_out(engine, second, "warning")
    assert rows(engine, "select status from loyalty.email_logs") == [("sent",)]
    assert skips(engine, second) == [("warning", card, "already_warned")]


def warning_is_queued_with_what_is_true_now(engine: Engine) -> None:
    # Planned with 100 points, 20 are adjusted away before the deed.
    card = factories.card(engine)
    factories.card(engine, last_activity_at="2025-06-01T12:00Z")
    run_id = selected(engine, STAGE_DAY, "warning")
    factories.adjust(engine, card, -20, "2025-12-18T02:00Z")
    carry_out(engine, run_id, "warning")
    queued = """
        select mails.card_id, occurrence_key, variables ->> 'points', points, mails.run_id
        from loyalty.email_logs as mails
        join loyalty.expiration_warnings on email_log_id = mails.id
    """
    key = f"warning:{card}:20250101T120000.000000Z:14"
    assert rows(engine, queued) == [(card, key, "80", 80, run_id)]
    stamps = "select last_expiration_warning_at::text from loyalty.loyalty_cards order by id"
    assert rows(engine, stamps) == [("2025-12-18 02:00:00+00",), (None,)]


def warning_that_does_not_stand_is_queued_again_in_its_row(engine: Engine) -> None:
    card = factories.card(engine)
    day(engine, STAGE_DAY)
    # Put off four times, and therefore failed without opening the gate.
    change(engine, "email_logs", status="failed", attempts=4)
    again = day(engine, "2025-12-19")
    queued = "select status, attempts, run_id from loyalty.email_logs"
    assert rows(engine, queued) == [("queued", 0, again)]
    assert warnings(engine) == [(card, 14, "2026-01-01")] * 2


def warning_queued_again_knows_the_new_due_date(engine: Engine) -> None:
    factories.card(engine)
    day(engine, STAGE_DAY)
    change(engine, "email_logs", status="failed", attempts=4)
    change(engine, "loyalty_programs", points_expiration_days=366)
    day(engine, "2025-12-19")
    due = "select due_on::text from loyalty.expiration_notices"
    assert rows(engine, due) == [("2026-01-02",)]


@cache
def no_warning_after(what: str) -> Example:
    """A warning is planned, then something changes; no mail is queued, and the skip says why."""
    alter, reason = CHANGES[what]

    def example(engine: Engine) -> None:
        card = factories.card(engine)
        run_id = selected(engine, STAGE_DAY, "warning")
        alter(engine)
        carry_out(engine, run_id, "warning")
        assert skips(engine, run_id) == [("warning", card, reason)]
        assert rows(engine, "select count(*) from loyalty.email_logs") == [(0,)]

    example.__name__ = f"no_warning_after_{what}"
    return example


def without(name: str, predicate: str, why: str, what: str) -> Mutant:
    """The deed does not look at one thing any more."""
    return Mutant(name, QUEUE, predicate, "", why, no_warning_after(what))


def failed_warning_goes_on_a_later_day(engine: Engine) -> None:
    # Planned once more while it was superseded, then put off too often on the same day.
    card = factories.card(engine)
    day(engine, STAGE_DAY)
    change(engine, "email_logs", status="superseded")
    again = selected(engine, STAGE_DAY, "warning")
    change(engine, "email_logs", status="failed")
    change(engine, "expiration_notices", failed_on=STAGE_DAY)
    carry_out(engine, again, "warning")
    assert skips(engine, again) == [("warning", card, "already_warned")]
    assert planned(engine, selected(engine, STAGE_DAY, "warning"), "warning") == []
    assert planned(engine, selected(engine, "2025-12-19", "warning"), "warning") == [card]


MUTANTS = (
    Mutant(
        "failed_warning_is_planned_on_the_same_day",
        "select_warnings/01_plan_cohort.sql",
        "and failed.failed_on >= noticed_cards.evaluated_on",
        "and failed.failed_on > noticed_cards.evaluated_on",
        "A warning that failed is for the next day's run.",
        failed_warning_goes_on_a_later_day,
    ),
    Mutant(
        "failed_warning_is_never_planned_again",
        "select_warnings/01_plan_cohort.sql",
        "            and failed.failed_on >= noticed_cards.evaluated_on\n",
        "",
        "A warning that failed is queued again by the next day's run.",
        failed_warning_goes_on_a_later_day,
    ),
    Mutant(
        "failed_warning_is_queued_on_the_same_day",
        "queue_warnings/01_queue_mails.sql",
        "and failed.failed_on >= run_programs.evaluated_on",
        "and failed.failed_on > run_programs.evaluated_on",
        "A warning that failed is for the next day's run.",
        failed_warning_goes_on_a_later_day,
    ),
    without(
        "warning_after_activity",
        "and cards.last_activity_at is not distinct from members.cycle_started_at",
        "A customer who came back is not warned of a cycle that has ended.",
        "activity",
    ),
    without(
        "warning_of_an_emptied_card",
        "and cards.points_balance > 0",
        "There is nothing to warn of.",
        "emptying",
    ),
    without(
        "warning_of_an_inactive_card",
        "and cards.is_active",
        "Inactive cards are never touched.",
        "deactivated_card",
    ),
    without(
        "warning_by_an_inactive_program",
        "and programs.is_active",
        "Inactive programs are never touched.",
        "deactivated_program",
    ),
    without(
        "warning_by_an_inactive_merchant",
        "and merchants.is_active",
        "Inactive merchants are never touched.",
        "deactivated_merchant",
    ),
    without(
        "warning_by_a_former_program",
        "and programs.id = members.program_id",
        "A card that moved has the rules of its new program.",
        "another_program",
    ),
    without(
        "warning_by_former_days",
        "and programs.points_expiration_days = run_programs.points_expiration_days",
        "The date would be wrong; the next run works it out anew.",
        "longer_days",
    ),
    without(
        "warning_by_a_former_time_zone",
        "and programs.time_zone = run_programs.time_zone",
        "The date would be wrong; the next run works it out anew.",
        "another_zone",
    ),
    Mutant(
        "second_run_warns_again",
        QUEUE,
        "and standing.stage_days <= members.stage_days",
        "and standing.stage_days < members.stage_days",
        "Two runs at once must not send one warning twice.",
        two_runs_at_once_warn_once,
    ),
    Mutant(
        "warning_tells_the_planned_points",
        QUEUE,
        "'points', due_members.points_balance",
        "'points', due_members.points",
        "What was spent since the plan is not announced.",
        warning_is_queued_with_what_is_true_now,
    ),
    Mutant(
        "every_card_is_stamped",
        "queue_warnings/02_stamp_cards.sql",
        "where cards.id = any(%(warned_card_ids)s::bigint[])",
        "where cards.id <> all('{}'::bigint[])",
        "Only a card that is warned is stamped.",
        warning_is_queued_with_what_is_true_now,
    ),
    Mutant(
        "warning_queued_again_keeps_its_attempts",
        QUEUE,
        "attempts = 0,",
        "attempts = mails.attempts,",
        "It starts afresh, or the first temporary refusal would fail it.",
        warning_that_does_not_stand_is_queued_again_in_its_row,
    ),
    Mutant(
        "warning_queued_again_keeps_its_old_date",
        QUEUE,
        "do update set due_on = excluded.due_on",
        "do nothing",
        "The settings may have moved the date since.",
        warning_queued_again_knows_the_new_due_date,
    ),
    Mutant(
        "reason_of_a_second_warning_is_lost",
        "queue_warnings/03_record_skips.sql",
        "and standing.stage_days <= undecided.stage_days",
        "and standing.stage_days < undecided.stage_days",
        "A skip says why.",
        two_runs_at_once_warn_once,
    ),
)
