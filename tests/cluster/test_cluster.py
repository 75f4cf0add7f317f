"""A day on three workers, two of which die in the middle: as on one machine, and no mail twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from include.commands.cluster import fill_program
from include.embedded.workers import WORKERS
from include.mail.outbox import HANDFUL_MAX, SENDER_LOCK_CLASS
from include.reconcile import violations
from tests.cluster.workshop import Workshop, books
from tests.rows import execute

CARDS = 8000
# Of ten cards six are due, and two are to be warned.
DUE, WARNED = 4800, 1600
EXPIRED = "select count(*) from loyalty.expirations"
SENT = "select count(*) from loyalty.email_logs where status = 'sent'"
# The sessions that have written expirations which are not committed.
EXPIRING = """
    select sessions.client_port
    from pg_locks join pg_stat_activity as sessions using (pid)
    where locktype = 'relation' and relation = 'loyalty.expirations'::regclass
        and mode = 'RowExclusiveLock'
"""
# The sessions of senders with mails that the server may have taken, or not.
SENDING = f"""
    select sessions.client_port
    from pg_locks as locks join pg_stat_activity as sessions using (pid)
    where locks.locktype = 'advisory' and locks.classid = {SENDER_LOCK_CLASS} and exists (
        select from loyalty.email_logs
        where sender_id = locks.objid::bigint and status = 'sending' and handed_over_at is not null
    )
"""
# A chunk is written in milliseconds; this keeps each in the middle for as long as a look takes.
LINGER = """
    create function loyalty.linger() returns trigger language plpgsql as
    $$ begin perform pg_sleep(0.1); return null; end $$;
    create trigger linger after insert on loyalty.expirations
    for each statement execute function loyalty.linger();
"""
HURRY = "drop function loyalty.linger() cascade"
AS_OF = datetime.now(UTC)


@pytest.fixture(scope="module")
def day(workshop: Workshop) -> str:
    """The run, with a worker killed while it expires points and another while it sends."""
    merchant_id = fill_program(workshop.loyalty, CARDS, AS_OF)
    execute(workshop.loyalty, LINGER)
    run_id = workshop.trigger(conf={"merchant_ids": [merchant_id]})
    killed: dict[str, int] = {}
    workshop.wait_until("both workers to be in the middle", lambda: kill_both(workshop, killed))
    execute(workshop.loyalty, HURRY)
    expired, sent = killed["worker-1"], killed["worker-2"]
    print(f"\nKilled at {expired} of {DUE} expired and {sent} of {DUE + WARNED} sent.")
    assert 0 < expired < DUE
    assert 0 < sent < DUE + WARNED
    workshop.wait_for_run(run_id)
    return run_id


def kill_both(workshop: Workshop, killed: dict[str, int]) -> bool:
    """Kill whoever is in the middle of its work; note how much of it was done by all."""
    expired, sent = workshop.count(EXPIRED), workshop.count(SENT)
    # The warnings are left alone if possible: two losses in a row take twice as long.
    is_free = not any(task.startswith("warnings.") for task in workshop.tasks_on("worker-1"))
    if "worker-1" not in killed and expired and (is_free or expired > DUE * 7 // 10):
        if workshop.kill_amid("worker-1", EXPIRING):
            killed["worker-1"] = workshop.count(EXPIRED)
    if "worker-2" not in killed and sent and workshop.kill_amid("worker-2", SENDING):
        killed["worker-2"] = workshop.count(SENT)
    return len(killed) == 2


def test_every_worker_took_part_and_the_lost_tasks_were_done_again(workshop, day):
    assert set(workshop.workers(day)) == set(WORKERS)
    shares = workshop.tries_of(day, "expiry.expire_points")
    assert len(shares) == 4
    assert {state for state, _, _ in shares} == {"success"}
    # What worker-1 had in its hands was tried again, elsewhere.
    assert "worker-3" in {worker for _, worker, tries in shares if tries > 1}
    # Which file worker-2 was sending from depends on who was quicker.
    sendings = [
        each
        for group in ("warnings", "expiry")
        for each in workshop.tries_of(day, f"{group}.send_mail")
    ]
    assert {state for state, _, _ in sendings} == {"success"}
    assert "worker-3" in {worker for _, worker, tries in sendings if tries > 1}


def test_books_are_as_on_one_machine(workshop, day):
    alone = workshop.run_alone(CARDS, AS_OF)
    assert len(alone["expirations"]) == DUE
    assert books(workshop.loyalty) == alone
    assert violations(workshop.loyalty, None) == []


def test_no_mail_arrived_twice_but_warnings_that_were_under_way(workshop, day):
    mails = workshop.mails()
    assert len(mails) == WARNED + DUE
    certain = [mail for mail in mails if mail.ambiguous_times == 0]
    assert {(mail.status, mail.arrived) for mail in certain} == {("sent", 1)}
    # Each of the two dead senders had a handful of mails under way, not more.
    doubtful = [mail for mail in mails if mail.ambiguous_times]
    told = Counter((mail.template_code, mail.status, mail.arrived) for mail in doubtful)
    print(f"\nTries by worker: {dict(workshop.workers(day))}; doubtful mails: {dict(told)}")
    assert 0 < len(doubtful) <= 2 * HANDFUL_MAX
    for mail in doubtful:
        if mail.template_code == "loyalty_points_expiring":
            assert (mail.status, mail.ambiguous_times) == ("sent", 1)
            assert mail.arrived in (1, 2)
        else:
            assert mail.status == "ambiguous"
            assert mail.arrived in (0, 1)


def test_all_files_lie_in_the_bucket(workshop, day):
    names = sorted(name.rpartition("/")[2] for name in workshop.files() if "kind=expiry" in name)
    # 4,800 rows in parts of 600, and the manifest.
    assert names == ["manifest.json", *(f"part-{number:05d}.csv" for number in range(8))]
    assert not (workshop.folder / "cohorts").exists()
