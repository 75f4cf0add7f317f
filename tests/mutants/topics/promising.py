"""The second look at promise and notice: what is said or owed by the time of the deed is kept."""

from __future__ import annotations

from sqlalchemy import Engine

from include.cohorts import carry_out
from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import answer, change, day, selected
from tests.mutants.topics.deciding import DAY_AFTER, POST, SKIPS, points_are_kept_after
from tests.rows import balance, skips


def promise_given_meanwhile_is_kept(engine: Engine) -> None:
    # The warning is accepted between plan and deed: what it promised includes the day itself.
    card = factories.card(engine)
    day(engine, "2025-12-18")
    run_id = selected(engine, DAY_AFTER, "expiry")
    answer(engine, "2026-01-02", promised_on="2026-01-02")
    carry_out(engine, run_id, "expiry")
    assert balance(engine, card) == 100
    assert skips(engine, run_id) == [("expiry", card, "promised_later")]


def mail_sent_meanwhile_is_kept(engine: Engine) -> None:
    card = factories.card(engine)
    day(engine, "2025-12-18")
    run_id = selected(engine, DAY_AFTER, "expiry")
    change(engine, "email_logs", status="sending", sender_id=1)
    change(engine, "expiration_notices", named_on="2026-01-02")
    carry_out(engine, run_id, "expiry")
    assert balance(engine, card) == 100


def promise_for_the_running_day_is_kept(engine: Engine) -> None:
    # Due on 1 January; on the 5th as_of is minutes ahead, and the 5th is promised meanwhile.
    card = factories.card(engine)
    day(engine, "2025-12-18")
    run_id = selected(engine, "2026-01-05 23:57", "expiry", as_of="2026-01-06 00:01")
    answer(engine, "2026-01-05", promised_on="2026-01-05")
    carry_out(engine, run_id, "expiry")
    assert balance(engine, card) == 100


def old_notice_does_not_meet_longer_notice(engine: Engine) -> None:
    # The older cycle's gate was opened long ago; notice is asked for only after the plan.
    program = factories.program(engine, points_expiration_days=30)
    card = factories.card(engine, program, last_activity_at="2025-11-01T12:00Z")
    day(engine, "2025-11-17")
    answer(engine, "2025-11-17", promised_on="2025-12-01")
    factories.earn(engine, card, 5, "2025-11-20T12:00Z")
    run_id = selected(engine, "2026-02-01", "expiry")
    change(engine, "loyalty_programs", min_notice_days=7)
    carry_out(engine, run_id, "expiry")
    assert balance(engine, card) == 105


MUTANTS = (
    Mutant(
        "notice_of_the_plan_decides_alone",
        POST,
        "run_programs.min_notice_days, least(coalesce(programs.min_notice_days, 0), 36500)",
        "run_programs.min_notice_days",
        "Notice that is owed by now is given.",
        points_are_kept_after("longer_notice"),
    ),
    Mutant(
        "deed_needs_no_open_gate",
        POST,
        "and (noticed_members.min_notice_days = 0 or noticed_members.opened_on is not null)",
        "",
        "Notice that is owed by now is given before anything expires.",
        points_are_kept_after("longer_notice"),
    ),
    Mutant(
        "notice_of_an_older_cycle_opens_the_deed",
        POST,
        "and given.cycle_started_at = current_members.cycle_started_at",
        "",
        "Each cycle has a notice of its own.",
        old_notice_does_not_meet_longer_notice,
    ),
    Mutant(
        "promise_is_ignored_by_the_deed",
        POST,
        "            notices.promised_on,\n",
        "",
        "A promise given after the plan is kept all the same.",
        promise_given_meanwhile_is_kept,
    ),
    Mutant(
        "deed_takes_the_points_on_the_promised_day",
        POST,
        "noticed_members.usable_until < noticed_members.judged_on",
        "noticed_members.usable_until <= noticed_members.judged_on",
        "The promised date is the last day on which the points can be used.",
        promise_given_meanwhile_is_kept,
    ),
    Mutant(
        "mail_under_way_is_ignored_by_the_deed",
        POST,
        "case when mails.status = 'sending' then given.named_on end",
        "null",
        "A warning under way may be accepted in this moment, and its date is a promise then.",
        mail_sent_meanwhile_is_kept,
    ),
    Mutant(
        "deed_takes_the_points_of_a_day_that_still_runs",
        POST,
        "least(run_programs.today, run_programs.evaluated_on) as judged_on",
        "run_programs.today as judged_on",
        "An as_of minutes ahead of the clock must not end a day before its time.",
        promise_for_the_running_day_is_kept,
    ),
    Mutant(
        "reason_of_owed_notice_is_lost",
        SKIPS,
        "when programs.min_notice_days > run_programs.min_notice_days then 'notice_owed'",
        "",
        "A skip says why.",
        points_are_kept_after("longer_notice"),
    ),
)
