"""Local dates: the last day on which points can be used, and the day on which a warning falls."""

from __future__ import annotations

from sqlalchemy import Engine

from tests import factories
from tests.mutants.mutant import Equivalent, Mutant
from tests.mutants.scene import day, planned, selected, warnings
from tests.rows import balance

SELECT_EXPIRY = "select_expiry/01_plan_cohort.sql"
SELECT_WARNINGS = "select_warnings/01_plan_cohort.sql"
SNAPSHOT = "open_run/03_snapshot_programs.sql"
POST = "expire_points/01_post_expirations.sql"

# Zone, an activity on 1 January 2025 there, and the last second of 1 January 2026 and the first of
# the next day there: Luxembourg is an hour ahead of UTC, New York five behind.
EDGES = [
    ("Europe/Luxembourg", "2024-12-31T23:30Z", "2026-01-01 22:59:59", "2026-01-01 23:00"),
    ("America/New_York", "2025-01-02T03:00Z", "2026-01-02 04:59:59", "2026-01-02 05:00"),
]


def points_live_through_their_last_local_day(engine: Engine) -> None:
    cards = [
        factories.card(
            engine,
            factories.program(engine, time_zone=zone, warning_days=[]),
            last_activity_at=active_at,
        )
        for zone, active_at, _, _ in EDGES
    ]
    for card, (_, _, last_second, next_second) in zip(cards, EDGES, strict=True):
        run_id = day(engine, last_second)
        assert card not in planned(engine, run_id)
        assert balance(engine, card) == 100
        day(engine, next_second)
        assert balance(engine, card) == 0


# The stage of 14 days before 1 January 2026 is reached on 18 December.
STAGE_EDGES = [
    ("Europe/Luxembourg", "2024-12-31T23:30Z", "2025-12-17 22:59:59", "2025-12-17 23:00"),
    ("America/New_York", "2025-01-02T03:00Z", "2025-12-18 04:59:59", "2025-12-18 05:00"),
]


def warning_falls_on_the_local_day_of_its_stage(engine: Engine) -> None:
    cards = [
        factories.card(
            engine, factories.program(engine, time_zone=zone), last_activity_at=active_at
        )
        for zone, active_at, _, _ in STAGE_EDGES
    ]
    for card, (_, _, day_before, stage_day) in zip(cards, STAGE_EDGES, strict=True):
        assert card not in planned(engine, selected(engine, day_before, "warning"), "warning")
        assert card in planned(engine, selected(engine, stage_day, "warning"), "warning")


def days_are_dates_and_not_24_hours(engine: Engine) -> None:
    # 23:30 on 20 March in Luxembourg + 20 days = 9 April; 480 hours later it is 00:30 on the 10th,
    # because the clocks go forward on the 29th.
    program = factories.program(
        engine, time_zone="Europe/Luxembourg", points_expiration_days=20, warning_days=[5]
    )
    card = factories.card(engine, program, last_activity_at="2026-03-20T22:30Z")
    day(engine, "2026-04-04")
    assert warnings(engine) == [(card, 5, "2026-04-09")]
    day(engine, "2026-04-10")
    assert balance(engine, card) == 0


def day_that_still_runs_is_not_over(engine: Engine) -> None:
    # Due on 1 January; it is 23:57 on that day, and as_of lies four minutes ahead.
    card = factories.card(engine)
    run_id = selected(engine, "2026-01-01 23:57", "expiry", as_of="2026-01-02 00:01")
    assert planned(engine, run_id) == []
    assert balance(engine, card) == 100


def run_of_a_past_day_selects_by_its_own_day(engine: Engine) -> None:
    # Due on 1 January: stage 14 falls on 18 December, stage 3 on the 29th.
    program = factories.program(engine, warning_days=[14, 3])
    card = factories.card(engine, program)
    too_early = selected(engine, "2025-12-30", "warning", as_of="2025-12-17")
    assert planned(engine, too_early, "warning") == []
    day(engine, "2025-12-30", as_of="2025-12-20")
    assert warnings(engine) == [(card, 3, "2026-01-01")]


def warning_goes_on_the_last_day_and_not_after_it(engine: Engine) -> None:
    card = factories.card(engine)
    too_late = selected(engine, "2026-01-02", "warning", as_of="2026-01-01")
    assert planned(engine, too_late, "warning") == []
    day(engine, "2026-01-01")
    assert warnings(engine) == [(card, 14, "2026-01-01")]


MUTANTS = (
    Mutant(
        "expires_on_the_last_usable_day",
        SELECT_EXPIRY,
        "noticed_cards.usable_until < noticed_cards.judged_on",
        "noticed_cards.usable_until <= noticed_cards.judged_on",
        "Points may be used until the end of their last local day.",
        points_live_through_their_last_local_day,
        also=(
            (
                "where inactive_cards.due_on < inactive_cards.judged_on",
                "where inactive_cards.due_on <= inactive_cards.judged_on",
            ),
        ),
    ),
    Mutant(
        "expires_by_the_utc_date_of_activity",
        SELECT_EXPIRY,
        "(cards.last_activity_at at time zone programs.time_zone)::date",
        "(cards.last_activity_at at time zone 'UTC')::date",
        "The day of the activity is the one in the program's zone.",
        points_live_through_their_last_local_day,
    ),
    Mutant(
        "books_by_the_utc_date_of_activity",
        POST,
        "(cards.last_activity_at at time zone chunk_programs.time_zone)::date",
        "(cards.last_activity_at at time zone 'UTC')::date",
        "The second look must count the same local days as the first.",
        points_live_through_their_last_local_day,
    ),
    Mutant(
        "today_is_the_utc_date",
        SNAPSHOT,
        "(judged_programs.as_of at time zone judged_programs.time_zone)::date",
        "(judged_programs.as_of at time zone 'UTC')::date",
        "Today is the local date of as_of in the program's zone.",
        points_live_through_their_last_local_day,
    ),
    Mutant(
        "clock_is_read_as_a_utc_date",
        SNAPSHOT,
        "(judged_programs.evaluated_at at time zone judged_programs.time_zone)::date",
        "(judged_programs.evaluated_at at time zone 'UTC')::date",
        "Which day it is goes by the program's zone.",
        points_live_through_their_last_local_day,
    ),
    Mutant(
        "expires_after_days_of_24_hours",
        SELECT_EXPIRY,
        "(cards.last_activity_at at time zone programs.time_zone)::date\n"
        "        + programs.points_expiration_days as due_on",
        "((cards.last_activity_at + programs.points_expiration_days * interval '24 hours')"
        " at time zone programs.time_zone)::date as due_on",
        "The days of 23 and 25 hours move the date by one.",
        days_are_dates_and_not_24_hours,
    ),
    Mutant(
        "warns_by_days_of_24_hours",
        SELECT_WARNINGS,
        "(cards.last_activity_at at time zone programs.time_zone)::date\n"
        "        + programs.points_expiration_days as due_on",
        "((cards.last_activity_at + programs.points_expiration_days * interval '24 hours')"
        " at time zone programs.time_zone)::date as due_on",
        "The days of 23 and 25 hours move the date by one.",
        days_are_dates_and_not_24_hours,
    ),
    Mutant(
        "expiry_window_a_day_short",
        SELECT_EXPIRY,
        "programs.cutoff_at + interval '1 day'",
        "programs.cutoff_at - interval '1 day'",
        "Cards that fell due yesterday are expired today.",
        points_live_through_their_last_local_day,
    ),
    Mutant(
        "expires_a_day_that_still_runs",
        SELECT_EXPIRY,
        "least(run_programs.today, run_programs.evaluated_on) as judged_on",
        "run_programs.today as judged_on",
        "An as_of minutes ahead of the clock must not end a day before its time.",
        day_that_still_runs_is_not_over,
    ),
    Mutant(
        "warns_by_the_utc_date_of_activity",
        SELECT_WARNINGS,
        "(cards.last_activity_at at time zone programs.time_zone)::date",
        "(cards.last_activity_at at time zone 'UTC')::date",
        "The stage is counted from the local due date.",
        warning_falls_on_the_local_day_of_its_stage,
    ),
    Mutant(
        "warns_a_day_late",
        SELECT_WARNINGS,
        "approached_cards.due_on - stage.days <= approached_cards.evaluated_on",
        "approached_cards.due_on - stage.days < approached_cards.evaluated_on",
        "A stage is reached on its day.",
        warning_falls_on_the_local_day_of_its_stage,
    ),
    Mutant(
        "first_stage_is_selected_a_day_late",
        SELECT_WARNINGS,
        "approached_cards.due_on - approached_cards.stage_days_max <= approached_cards.today",
        "approached_cards.due_on - approached_cards.stage_days_max < approached_cards.today",
        "A stage is reached on its day.",
        warning_falls_on_the_local_day_of_its_stage,
    ),
    Mutant(
        "warning_window_a_day_short",
        SELECT_WARNINGS,
        "(programs.stage_days_max + 2) * interval '1 day'",
        "programs.stage_days_max * interval '1 day'",
        "Cards that reach their first stage today are warned today.",
        warning_falls_on_the_local_day_of_its_stage,
    ),
    Mutant(
        "past_day_selects_by_the_clock",
        SELECT_WARNINGS,
        "approached_cards.due_on - approached_cards.stage_days_max <= approached_cards.today",
        "approached_cards.due_on - approached_cards.stage_days_max"
        " <= approached_cards.evaluated_on",
        "A run of a past day selects by its own today.",
        run_of_a_past_day_selects_by_its_own_day,
    ),
    Mutant(
        "past_day_warns_with_a_stage_long_gone",
        SELECT_WARNINGS,
        "approached_cards.due_on - stage.days <= approached_cards.evaluated_on",
        "approached_cards.due_on - stage.days <= approached_cards.today",
        "Which stage it is goes by the clock, or days made up would warn twice at once.",
        run_of_a_past_day_selects_by_its_own_day,
    ),
    Mutant(
        "earliest_stage_instead_of_the_latest",
        SELECT_WARNINGS,
        "select min(stage.days)",
        "select max(stage.days)",
        "Where several stages are reached only the latest is sent.",
        run_of_a_past_day_selects_by_its_own_day,
    ),
    Mutant(
        "no_warning_on_the_last_day",
        SELECT_WARNINGS,
        "noticed_cards.usable_until >= noticed_cards.evaluated_on",
        "noticed_cards.usable_until > noticed_cards.evaluated_on",
        "On the last day the points can still be used, and the warning still helps.",
        warning_goes_on_the_last_day_and_not_after_it,
    ),
    Mutant(
        "warning_after_its_date",
        SELECT_WARNINGS,
        "noticed_cards.usable_until >= noticed_cards.evaluated_on",
        "noticed_cards.usable_until >= noticed_cards.today",
        "A warning that would name a past date is not sent.",
        warning_goes_on_the_last_day_and_not_after_it,
    ),
)

EQUIVALENT = (
    Equivalent(
        "due_date_itself_may_be_today",
        SELECT_EXPIRY,
        "where inactive_cards.due_on < inactive_cards.judged_on",
        "where inactive_cards.due_on <= inactive_cards.judged_on",
        "usable_until is never earlier than due_on, and the last condition asks more of it.",
    ),
)
