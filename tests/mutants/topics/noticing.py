"""Who is not planned for an expiry yet: a promised date is kept, and notice runs its days."""

from __future__ import annotations

from sqlalchemy import Engine

from tests import factories
from tests.mutants.mutant import Mutant
from tests.mutants.scene import answer, change, day, planned, selected
from tests.mutants.topics.selecting import DAY_AFTER, SELECT_EXPIRY, SNAPSHOT, STAGE_DAY
from tests.rows import balance


def promised_date_is_kept_to_its_end(engine: Engine) -> None:
    card = factories.card(engine)
    day(engine, STAGE_DAY)
    answer(engine, STAGE_DAY, promised_on="2026-01-20")
    assert planned(engine, selected(engine, "2026-01-20", "expiry")) == []
    day(engine, "2026-01-21")
    assert balance(engine, card) == 0


def date_named_by_a_mail_under_way_is_kept(engine: Engine) -> None:
    factories.card(engine)
    day(engine, STAGE_DAY)
    change(engine, "email_logs", status="sending", sender_id=1)
    change(engine, "expiration_notices", named_on="2026-01-20")
    assert planned(engine, selected(engine, "2026-01-20", "expiry")) == []


def closed_gate_expires_nothing(engine: Engine) -> None:
    factories.card(engine, factories.program(engine, min_notice_days=7))
    day(engine, STAGE_DAY)
    assert planned(engine, selected(engine, "2026-02-20", "expiry")) == []


def notice_runs_its_days_from_the_first_opening(engine: Engine) -> None:
    # Refused for good on 27 December: that opens the gate, promises nothing, and its 7 days end
    # with 3 January. A later stage is refused on the 30th and counts for nothing.
    program = factories.program(engine, min_notice_days=7, warning_days=[5, 3])
    card = factories.card(engine, program)
    day(engine, "2025-12-27")
    answer(engine, "2025-12-27", status="failed")
    day(engine, "2025-12-30")
    answer(engine, "2025-12-30", status="failed")
    assert planned(engine, selected(engine, DAY_AFTER, "expiry")) == []
    assert planned(engine, selected(engine, "2026-01-03", "expiry")) == []
    day(engine, "2026-01-04")
    assert balance(engine, card) == 0


def notice_of_an_older_cycle_counts_for_nothing(engine: Engine) -> None:
    # 1 November + 30 days = 1 December, warned on 17 November; the cycle of the 20th is due on
    # 20 December, and nobody was warned of it.
    program = factories.program(engine, points_expiration_days=30, min_notice_days=7)
    card = factories.card(engine, program, last_activity_at="2025-11-01T12:00Z")
    day(engine, "2025-11-17")
    answer(engine, "2025-11-17", promised_on="2025-12-01")
    factories.earn(engine, card, 5, "2025-11-20T12:00Z")
    assert planned(engine, selected(engine, "2026-02-01", "expiry")) == []


def promise_of_an_older_cycle_binds_no_longer(engine: Engine) -> None:
    program = factories.program(engine)
    card = factories.card(engine, program)
    day(engine, STAGE_DAY)
    answer(engine, STAGE_DAY, promised_on="2026-12-31")
    factories.earn(engine, card, 5, "2025-12-20T12:00Z")
    change(engine, "loyalty_programs", points_expiration_days=30)
    # 20 December + 30 days = 19 January.
    day(engine, "2026-01-20")
    assert balance(engine, card) == 0


def negative_notice_is_none(engine: Engine) -> None:
    card = factories.card(engine, factories.program(engine, min_notice_days=-5))
    day(engine, DAY_AFTER)
    assert balance(engine, card) == 0


MUTANTS = (
    Mutant(
        "expires_on_the_promised_day",
        SELECT_EXPIRY,
        "noticed_cards.usable_until < noticed_cards.judged_on",
        "noticed_cards.usable_until <= noticed_cards.judged_on",
        "The promised date is the last day on which the points can be used.",
        promised_date_is_kept_to_its_end,
    ),
    Mutant(
        "promise_is_ignored_by_the_plan",
        SELECT_EXPIRY,
        "            notices.promised_on,\n",
        "",
        "A date that was promised is kept.",
        promised_date_is_kept_to_its_end,
    ),
    Mutant(
        "mail_under_way_is_ignored_by_the_plan",
        SELECT_EXPIRY,
        "case when mails.status = 'sending' then given.named_on end",
        "null",
        "A warning under way may be accepted in this moment, and its date is a promise then.",
        date_named_by_a_mail_under_way_is_kept,
    ),
    Mutant(
        "closed_gate_lets_through",
        SELECT_EXPIRY,
        "and (noticed_cards.min_notice_days = 0 or noticed_cards.opened_on is not null)",
        "",
        "Under minimum notice nothing expires before the gate is open.",
        closed_gate_expires_nothing,
    ),
    Mutant(
        "notice_days_are_not_counted",
        SELECT_EXPIRY,
        "notices.opened_on + inactive_cards.min_notice_days",
        "notices.opened_on",
        "The days of notice pass after the gate has opened.",
        notice_runs_its_days_from_the_first_opening,
    ),
    Mutant(
        "every_warning_opens_the_gate_anew",
        SELECT_EXPIRY,
        "min(given.opened_on) as opened_on",
        "max(given.opened_on) as opened_on",
        "The notice runs from the opening warning, not from each later stage.",
        notice_runs_its_days_from_the_first_opening,
    ),
    Mutant(
        "notice_of_an_older_cycle_is_accepted",
        SELECT_EXPIRY,
        "and given.cycle_started_at = inactive_cards.last_activity_at",
        "",
        "Each cycle has a notice of its own.",
        notice_of_an_older_cycle_counts_for_nothing,
    ),
    Mutant(
        "promise_of_an_older_cycle_binds_the_deed",
        "expire_points/01_post_expirations.sql",
        "and given.cycle_started_at = current_members.cycle_started_at",
        "",
        "A promise ends with the cycle it was about.",
        promise_of_an_older_cycle_binds_no_longer,
    ),
    Mutant(
        "negative_notice_closes_the_gate_for_ever",
        SNAPSHOT,
        "least(greatest(coalesce(dated_programs.min_notice_days, 0), 0), 36500)",
        "least(coalesce(dated_programs.min_notice_days, 0), 36500)",
        "Fewer than no days of notice are none.",
        negative_notice_is_none,
    ),
)
