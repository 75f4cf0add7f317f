"""Lifecycle mails: every event once, however late its row commits, and nothing but events."""

from __future__ import annotations

from sqlalchemy import Engine

from include.lifecycle import start_above_ledger
from tests import factories
from tests.lifecycle.events import NOW, bonus, keys, run, stamp, unread
from tests.mutants.mutant import Mutant
from tests.mutants.post import claimed
from tests.mutants.scene import change, clock
from tests.rows import execute

PICK = "pick_events/02_pick_rows.sql"
FIND = "pick_events/03_find_events.sql"
QUEUE = "queue_events/01_queue_mails.sql"
NOTE = "queue_events/02_note_read.sql"
FORGET = "forget_ids/01_forget_ids.sql"
SET_ASIDE = "claim_mail/04_supersede_events.sql"


def enrolled_card(engine: Engine, **columns: object) -> int:
    """A card of merchant 1 whose enrollment was read before the example."""
    clock("2026-03-02 12:00")
    card = factories.card(engine, factories.program(engine, **columns), points=0)
    start_above_ledger(engine)
    return card


def each_event_is_mailed_once(engine: Engine) -> None:
    card = enrolled_card(engine)
    first = bonus(engine, card)
    bonus(engine, card, points=0)
    run(engine)
    other = factories.card(engine, 1, points=0)
    run(engine)
    run(engine)
    assert keys(engine) == [f"welcome_bonus:{first}", f"enrolled:{other}"]


def row_that_commits_late_is_mailed(engine: Engine) -> None:
    card = enrolled_card(engine)
    with engine.connect() as till:
        late = bonus(till, card)
        early = bonus(engine, factories.card(engine, 1, points=0))
        run(engine)
        assert keys(engine)[-1] == f"welcome_bonus:{early}"
        till.commit()
    run(engine)
    assert keys(engine)[-1] == f"welcome_bonus:{late}"


def reward_is_mailed_when_the_stamps_reach_the_target(engine: Engine) -> None:
    card = enrolled_card(engine, stamps_target=3)
    stamp(engine, card, 2)
    reached = stamp(engine, card)
    stamp(engine, card)
    run(engine)
    assert keys(engine) == [f"reward:{reached}"]


def reward_that_is_gone_is_not_told(engine: Engine) -> None:
    card = enrolled_card(engine, stamps_target=1)
    stamp(engine, card)
    factories.write_ledger(engine, card, "stamp_redeemed", NOW, stamps=-1)
    run(engine)
    status = "select status from loyalty.email_logs"
    with engine.connect() as connection:
        assert connection.exec_driver_sql(status).scalar_one() == "superseded"


def queued_reward(engine: Engine) -> int:
    """A card whose second reward of three stamps is queued; the first was redeemed before."""
    card = enrolled_card(engine, stamps_target=3)
    stamp(engine, card, 3)
    factories.write_ledger(engine, card, "stamp_redeemed", NOW, stamps=-3)
    start_above_ledger(engine)
    stamp(engine, card, 3)
    run(engine)
    return card


def reward_that_stands_is_told_whatever_else_was_redeemed(engine: Engine) -> None:
    queued_reward(engine)
    other = factories.card(engine, 1, points=0, stamps=1)
    factories.write_ledger(engine, other, "stamp_redeemed", NOW, stamps=-1)
    assert [mail.template_code for mail in claimed(engine, NOW).mails] == ["loyalty_reward_ready"]


def reward_redeemed_and_reached_again_is_not_told_twice(engine: Engine) -> None:
    card = queued_reward(engine)
    factories.write_ledger(engine, card, "stamp_redeemed", NOW, stamps=-3)
    stamp(engine, card, 3)
    assert claimed(engine, NOW).mails == []


def reward_is_not_told_below_a_raised_target(engine: Engine) -> None:
    queued_reward(engine)
    change(engine, "loyalty_programs", stamps_target=4)
    assert claimed(engine, NOW).mails == []


def deactivated_card_is_told_of_no_bonus(engine: Engine) -> None:
    bonus(engine, enrolled_card(engine))
    run(engine)
    change(engine, "loyalty_cards", is_active=False)
    assert claimed(engine, NOW).mails == []


def inactive_card_gets_no_mail(engine: Engine) -> None:
    card = enrolled_card(engine)
    bonus(engine, card)
    change(engine, "loyalty_cards", is_active=False)
    run(engine)
    assert keys(engine) == []


def gap_of_an_open_transaction_is_kept(engine: Engine) -> None:
    card = enrolled_card(engine)
    with engine.connect() as till:
        late = bonus(till, card)
        factories.card(engine, 1, points=0)
        run(engine)
        clock("2026-03-10 12:00")
        run(engine)
        assert unread(engine)[0] == (late, late)
        till.commit()
    run(engine)
    assert keys(engine)[-1] == f"welcome_bonus:{late}"


def gap_is_kept_for_a_week(engine: Engine) -> None:
    card = enrolled_card(engine)
    sequence = "pg_get_serial_sequence('loyalty.loyalty_transactions', 'id')"
    execute(engine, f"select nextval({sequence})")
    bonus(engine, card)
    run(engine)
    for now, ranges in (("2026-03-09 11:59", 2), ("2026-03-09 12:01", 1)):
        clock(now)
        run(engine)
        assert len(unread(engine)) == ranges


MUTANTS = (
    Mutant(
        "empty_bonus_is_mailed",
        FIND,
        "ledger.transaction_type = 'welcome_bonus' and ledger.points_delta > 0",
        "ledger.transaction_type = 'welcome_bonus' and ledger.points_delta >= 0",
        "A bonus of no points is no news.",
        each_event_is_mailed_once,
    ),
    Mutant(
        "rows_above_the_last_are_read_alone",
        PICK,
        "where coalesce(unread.last_id, 9223372036854775807) > %(after_id)s::bigint",
        "where unread.last_id is null",
        "An id is taken before its row is committed; the row may come later.",
        row_that_commits_late_is_mailed,
    ),
    Mutant(
        "missing_ids_are_taken_for_read",
        NOTE,
        "from left_ranges",
        "from left_ranges\nwhere left_ranges.last_id is null",
        "An id is taken before its row is committed; the row may come later.",
        row_that_commits_late_is_mailed,
    ),
    Mutant(
        "reward_is_mailed_one_stamp_late",
        FIND,
        "and ledger.stamps_balance_after >= programs.stamps_target",
        "and ledger.stamps_balance_after > programs.stamps_target",
        "The reward is ready when the target is reached.",
        reward_is_mailed_when_the_stamps_reach_the_target,
    ),
    Mutant(
        "every_stamp_above_the_target_is_a_reward",
        FIND,
        "                and ledger.stamps_balance_after::bigint - ledger.stamps_delta\n"
        "                < programs.stamps_target\n",
        "",
        "Only the stamp that reaches the target is news.",
        reward_is_mailed_when_the_stamps_reach_the_target,
    ),
    Mutant(
        "reward_that_is_gone_is_mailed",
        QUEUE,
        "and later_rows.transaction_type = 'stamp_redeemed'",
        "and later_rows.transaction_type = 'points_redeemed'",
        "The customer is not told of a reward that is gone.",
        reward_that_is_gone_is_not_told,
    ),
    Mutant(
        "reward_redeemed_since_it_was_queued_is_mailed",
        SET_ASIDE,
        "and later_rows.transaction_type = 'stamp_redeemed'",
        "and later_rows.transaction_type = 'points_redeemed'",
        "A reward that was reached again has a mail of its own.",
        reward_redeemed_and_reached_again_is_not_told_twice,
    ),
    Mutant(
        "reward_is_mailed_below_the_target",
        SET_ASIDE,
        "or cards.stamp_count < programs.stamps_target",
        "",
        "The customer is not told of a reward that is gone.",
        reward_is_not_told_below_a_raised_target,
    ),
    Mutant(
        "earlier_redemption_takes_a_reward_away",
        SET_ASIDE,
        "> substring(",
        "<> substring(",
        "What was redeemed before was another reward.",
        reward_that_stands_is_told_whatever_else_was_redeemed,
    ),
    Mutant(
        "other_cards_redemption_takes_a_reward_away",
        SET_ASIDE,
        "later_rows.card_id = mails.card_id",
        "true",
        "Cards have nothing to do with one another.",
        reward_that_stands_is_told_whatever_else_was_redeemed,
    ),
    Mutant(
        "deactivated_card_is_mailed",
        SET_ASIDE,
        "(cards.is_active and programs.is_active and merchants.is_active) is not true",
        "false",
        "Inactive cards are never touched.",
        deactivated_card_is_told_of_no_bonus,
    ),
    Mutant(
        "inactive_card_is_mailed",
        FIND,
        "and cards.is_active",
        "",
        "Inactive cards are never touched.",
        inactive_card_gets_no_mail,
    ),
    Mutant(
        "open_transaction_is_forgotten",
        FORGET,
        "unread.noticed_before <= pg_snapshot_xmin(pg_current_snapshot())",
        "true",
        "A transaction from before may still bring its row.",
        gap_of_an_open_transaction_is_kept,
    ),
    Mutant(
        "missing_ids_are_forgotten_at_once",
        FORGET,
        "unread.noticed_at < %(forgotten_before)s::timestamptz",
        "unread.noticed_at is not null",
        "An application that numbers its rows itself may bring them later.",
        gap_is_kept_for_a_week,
    ),
)
