"""Warnings that would tell something untrue by now are set aside, and no other is."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Engine

from tests.mail.rows import card, insert, one, run, status, warning
from tests.mutants.mutant import Example, Mutant
from tests.mutants.post import claimed

SUPERSEDE = "claim_mail/03_supersede_warnings.sql"

UNTRUE = {
    "activity": "update loyalty.loyalty_cards set last_activity_at = '2024-03-09 08:00+00'",
    "emptying": "update loyalty.loyalty_cards set points_balance = 0",
    "a_deactivated_card": "update loyalty.loyalty_cards set is_active = false",
    "a_deactivated_program": "update loyalty.loyalty_programs set is_active = false",
    "a_deactivated_merchant": "update loyalty.merchants set is_active = false",
    "days_of_a_century": "update loyalty.loyalty_programs set points_expiration_days = 36501",
    "days_switched_off": "update loyalty.loyalty_programs set points_expiration_days = null",
}


@cache
def warning_is_superseded_after(what: str) -> Example:
    """A warning is queued, then something makes it untrue."""

    def example(engine: Engine) -> None:
        mail_id = warning(engine, card(engine))
        run(engine, UNTRUE[what])
        assert claimed(engine).mails == []
        assert status(engine, mail_id) == "superseded"

    example.__name__ = f"warning_is_superseded_after_{what}"
    return example


def warning_is_sent_on_its_last_day_and_not_after_it(engine: Engine) -> None:
    in_time, late = warning(engine, card(engine)), warning(engine, card(engine))
    run(engine, "update loyalty.email_logs set next_attempt_at = '2024-03-25' where id = 2")
    assert [mail.id for mail in claimed(engine, "2024-03-24T12:00:00+00:00").mails] == [in_time]
    assert claimed(engine, "2024-03-25T12:00:00+00:00").mails == []
    assert status(engine, late) == "superseded"


def later_stage_reached_goes_instead(engine: Engine) -> None:
    # Due on 24 March: the stage of 3 days is reached on the 21st, queued or not.
    first = warning(engine, card(engine, warning_days=[14, 3]))
    assert [mail.id for mail in claimed(engine, "2024-03-20T12:00:00+00:00").mails] == [first]
    run(engine, "update loyalty.email_logs set status = 'queued'")
    assert claimed(engine, "2024-03-21T12:00:00+00:00").mails == []
    assert status(engine, first) == "superseded"


def later_stage_queued_goes_instead(engine: Engine) -> None:
    card_id = card(engine)
    early, late = warning(engine, card_id), warning(engine, card_id, stage_days=3)
    assert [mail.id for mail in claimed(engine).mails] == [late]
    assert status(engine, early) == "superseded"


def cycle_that_expired_meanwhile_is_not_warned_of(engine: Engine) -> None:
    # The points came back by adjustment, so that the card has a balance.
    card_id = card(engine)
    mail_id = warning(engine, card_id)
    ledger_id = insert(
        engine, "loyalty_transactions", card_id=card_id, merchant_id=1,
        transaction_type="points_expired",
    )  # fmt: skip
    run_id = insert(
        engine, "expiration_runs", dag_id="d", dag_run_id="r", as_of="2024-03-09",
        evaluated_at="2024-03-09", ledger_id_before=0,
    )  # fmt: skip
    run(
        engine,
        "insert into loyalty.expirations (transaction_id, card_id, cycle_started_at, due_on,"
        " points, run_id) select :ledger_id, id, last_activity_at, '2024-03-08', 5, :run_id"
        " from loyalty.loyalty_cards",
        ledger_id=ledger_id,
        run_id=run_id,
    )
    assert claimed(engine).mails == []
    assert status(engine, mail_id) == "superseded"
    assert one(engine, "select points_balance from loyalty.loyalty_cards") == 1200


def still_sent_after(name: str, text: str, wrong: str, why: str, what: str) -> Mutant:
    """A warning goes although something has made it untrue."""
    return Mutant(name, SUPERSEDE, text, wrong, why, warning_is_superseded_after(what))


ALL_ACTIVE = "cards.is_active and programs.is_active and merchants.is_active"

MUTANTS = (
    still_sent_after(
        "sends_after_activity",
        "cards.last_activity_at is distinct from notices.cycle_started_at",
        "false",
        "A customer who came back must not read that the points will go.",
        "activity",
    ),
    still_sent_after(
        "sends_to_an_emptied_card",
        "or cards.points_balance <= 0",
        "or cards.points_balance < 0",
        "Points that were spent are not announced.",
        "emptying",
    ),
    still_sent_after(
        "sends_to_an_inactive_card",
        ALL_ACTIVE,
        "programs.is_active and merchants.is_active",
        "Inactive cards are never touched.",
        "a_deactivated_card",
    ),
    still_sent_after(
        "sends_for_an_inactive_program",
        ALL_ACTIVE,
        "cards.is_active and merchants.is_active",
        "Inactive programs are never touched.",
        "a_deactivated_program",
    ),
    still_sent_after(
        "sends_for_an_inactive_merchant",
        ALL_ACTIVE,
        "cards.is_active and programs.is_active",
        "Inactive merchants are never touched.",
        "a_deactivated_merchant",
    ),
    still_sent_after(
        "sends_although_points_stay",
        "coalesce(programs.points_expiration_days, 0) not between 1 and 36500",
        "programs.points_expiration_days not between 1 and 36500",
        "Points that never expire by now are not announced to go.",
        "days_switched_off",
    ),
    still_sent_after(
        "sends_a_date_in_a_hundred_years",
        "coalesce(programs.points_expiration_days, 0) not between 1 and 36500",
        "coalesce(programs.points_expiration_days, 0) <= 0",
        "Beyond a hundred years nobody means an expiry.",
        "days_of_a_century",
    ),
    Mutant(
        "sends_a_past_date",
        SUPERSEDE,
        "or notices.named_on < picked.local_day",
        "",
        "A warning that would name a past date is not sent.",
        warning_is_sent_on_its_last_day_and_not_after_it,
    ),
    Mutant(
        "supersedes_on_the_last_day",
        SUPERSEDE,
        "notices.named_on < picked.local_day",
        "notices.named_on <= picked.local_day",
        "On its last day a warning still helps.",
        warning_is_sent_on_its_last_day_and_not_after_it,
    ),
    Mutant(
        "sends_an_early_stage_on_the_day_of_a_later_one",
        SUPERSEDE,
        "<= picked.local_day\n",
        "< picked.local_day\n",
        "Where several stages are reached only the latest is sent.",
        later_stage_reached_goes_instead,
    ),
    Mutant(
        "supersedes_a_stage_by_itself",
        SUPERSEDE,
        "least(stage.days, programs.points_expiration_days - 1) < notices.stage_days",
        "least(stage.days, programs.points_expiration_days - 1) <= notices.stage_days",
        "A stage that is reached is the reason to send it.",
        later_stage_reached_goes_instead,
    ),
    Mutant(
        "sends_two_stages_at_once",
        SUPERSEDE,
        "and standing.stage_days < notices.stage_days",
        "and standing.stage_days > notices.stage_days",
        "Nobody gets two warnings at once.",
        later_stage_queued_goes_instead,
    ),
    Mutant(
        "warns_of_a_cycle_that_expired",
        SUPERSEDE,
        "and expirations.cycle_started_at = notices.cycle_started_at",
        "and expirations.cycle_started_at < notices.cycle_started_at",
        "Points that came back to an expired cycle stay.",
        cycle_that_expired_meanwhile_is_not_warned_of,
    ),
)
