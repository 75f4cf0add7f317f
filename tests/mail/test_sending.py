"""What is sent, in which order, with which words; what is set aside; what the outbox keeps."""

import logging

import pytest

from include.errors import ConfigurationError
from include.mail.figures import SendFigures
from include.mail.outbox import HANDFUL_MAX
from include.mail.sending import send_due
from tests.mail.rows import NOW, card, expired, insert, mail_row, notice, one, run, status, warning
from tests.mail.scripted_server import DROP, Step, scripted_server
from tests.mail.sending import send


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setenv("LOYALTY_NOW", NOW)
    monkeypatch.delenv("LOYALTY_UNSUBSCRIBE_URL", raising=False)


def test_due_mails_are_sent_once(engine):
    card_id = card(engine)
    ids = [warning(engine, card_id), expired(engine, card_id)]
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(sent=2)
        assert send(engine, server) == SendFigures()
    assert [status(engine, each) for each in ids] == ["sent", "sent"]
    assert (len(server.payloads), server.connections) == (2, 1)
    row = mail_row(engine, ids[0])
    assert (row.recipient_email, row.attempts) == ("anna.muster@home.example", 1)
    assert row.sent_at.isoformat() == NOW
    assert row.message_id == server.mails[0]["Message-ID"]


def test_mails_about_a_card_in_hand_wait_and_hold_up_no_others(engine):
    held, free = card(engine), card(engine)
    # More than one batch of 50 is passed over before the mail that can go.
    waiting = [expired(engine, held, key=f"expired:{number}") for number in range(51)]
    going = warning(engine, free)
    with scripted_server() as server, engine.connect() as chunk:
        chunk.exec_driver_sql(f"select from loyalty.loyalty_cards where id = {held} for update")
        assert send(engine, server) == SendFigures(sent=1)
        assert status(engine, going) == "sent"
        assert {status(engine, each) for each in waiting} == {"queued"}
        chunk.rollback()
        assert send(engine, server) == SendFigures(sent=51)


def test_nothing_due_opens_no_connection(engine):
    with scripted_server() as server:
        assert send(engine, server) == SendFigures()
    assert server.connections == 0


def test_warning_names_the_date_and_days_of_the_sending_day(engine, monkeypatch):
    # Queued on 10 March, sent on the 20th: 24 March is four days away by then.
    mail_id = warning(engine, card(engine))
    monkeypatch.setenv("LOYALTY_NOW", "2024-03-20T12:00:00+00:00")
    with scripted_server() as server:
        send(engine, server)
    text = server.mails[0].get_body(("plain",)).get_content()
    assert "24 March 2024" in text
    assert "4 days left" in text
    assert "1,200 points" in text
    assert notice(engine, mail_id) == ("2024-03-24", "2024-03-24", "2024-03-20")


def test_mail_carries_unsubscribe_and_one_recipient(engine, monkeypatch):
    card_id = card(engine)
    expired(engine, card_id)
    with scripted_server() as server:
        send(engine, server)
        monkeypatch.setenv("LOYALTY_UNSUBSCRIBE_URL", "https://shop.example/bye")
        expired(engine, card_id, key="expired:2")
        send(engine, server)
    first, second = server.mails
    assert first["List-Unsubscribe"] == "<mailto:points@shop.example>"
    assert first["List-Unsubscribe-Post"] is None
    mark = second["Message-ID"][1:].partition("@")[0]
    assert second["List-Unsubscribe"] == f"<https://shop.example/bye?mail={mark}>"
    assert second["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert first["To"] == "anna.muster@home.example"
    assert first["Message-ID"].endswith("@shop.example>")


def test_named_mails_go_first_and_the_others_after(engine):
    card_id = card(engine)
    for number in range(120):
        expired(engine, card_id, key=f"expired:{number}")
    with scripted_server() as server:
        assert send(engine, server, [120, 119], [118]).sent == 120
    keys = [mail["Message-ID"] for mail in server.mails]
    named = [mail_row(engine, mail_id).message_id for mail_id in (119, 120, 118)]
    assert keys[:3] == named


def test_mails_are_under_way_by_the_handful_and_the_message_id_is_known_before(engine):
    card_id = card(engine)
    for number in range(HANDFUL_MAX + 2):
        expired(engine, card_id, key=f"expired:{number}")
    seen = []

    def look():
        seen.append(
            one(
                engine,
                "select array_agg(message_id order by id) from loyalty.email_logs"
                " where status = 'sending' and handed_over_at is not null",
            )
        )

    with scripted_server() as server:
        server.before_answer = look
        send(engine, server)
    message_ids = [mail["Message-ID"] for mail in server.mails]
    handfuls = [message_ids[:HANDFUL_MAX], message_ids[HANDFUL_MAX:]]
    assert seen == [handfuls[0]] * HANDFUL_MAX + [handfuls[1]] * 2


def test_message_id_stays_when_the_senders_domain_changes(engine):
    mail_id = warning(engine, card(engine))
    with scripted_server(Step(dot=DROP)) as server:
        send(engine, server)
        first = mail_row(engine, mail_id).message_id
        moved = server.as_mail_server(from_email="points@new.example")
        assert send_due(engine, moved, named_ids=None) == SendFigures(sent=1)
    assert first.endswith("@shop.example>")
    assert server.mails[0]["Message-ID"] == first == mail_row(engine, mail_id).message_id
    assert server.mails[0]["From"].addresses[0].domain == "new.example"


def test_address_erased_after_queueing_is_honoured(engine):
    mail_id = warning(engine, card(engine))
    run(engine, "update loyalty.customers set email = null, email_suppressed_at = now()")
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(suppressed=1)
    assert server.connections == 0
    assert status(engine, mail_id) == "suppressed"
    assert notice(engine, mail_id)[1:] == (None, "2024-03-10")


def test_unusable_address_is_suppressed_and_opens_the_gate(engine):
    mail_id = warning(engine, card(engine, email="a@x.example, b@y.example"))
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(suppressed=1)
    assert server.payloads == []
    assert status(engine, mail_id) == "suppressed"
    assert notice(engine, mail_id)[2] == "2024-03-10"


def test_broken_override_falls_back_and_is_told_without_names(engine, caplog):
    card_id = card(engine)
    expired(engine, card_id)
    insert(
        engine,
        "store_email_templates",
        store_id=one(engine, "select max(id) from loyalty.stores"),
        template_code="loyalty_points_expired",
        language="en",
        subject="{{ customer_first_name }} {{ nonsense }}",
        body_html="x",
        body_text="x",
    )
    with caplog.at_level(logging.INFO), scripted_server() as server:
        assert send(engine, server) == SendFigures(sent=1)
    assert "Your 1,200 points at Café Kugel have expired" in server.mails[0]["Subject"]
    assert "nonsense" in caplog.text
    assert "Annabella" not in caplog.text
    assert "anna.muster" not in caplog.text


def test_active_override_is_used_and_an_inactive_one_is_not(engine):
    card_id = card(engine)
    store_id = one(engine, "select max(id) from loyalty.stores")
    override = insert(
        engine,
        "store_email_templates",
        store_id=store_id,
        template_code="loyalty_points_expired",
        language="en",
        subject="Our own words",
        body_html="x",
        body_text="x",
    )
    with scripted_server() as server:
        expired(engine, card_id)
        send(engine, server)
        run(engine, "update loyalty.store_email_templates set is_active = false")
        expired(engine, card_id, key="expired:2")
        send(engine, server)
    assert override
    assert server.mails[0]["Subject"] == "Our own words"
    assert server.mails[1]["Subject"] != "Our own words"


def test_unrenderable_row_fails_alone_and_opens_no_gate(engine):
    card_id = card(engine)
    bad = expired(engine, card_id, variables='{"points": 5, "expiration_date": "soon"}')
    empty = expired(engine, card_id, key="expired:2", variables="{}")
    good = expired(engine, card_id, key="expired:3")
    with scripted_server() as server:
        assert send(engine, server) == SendFigures(sent=1, failed=2)
    assert [status(engine, each) for each in (bad, empty, good)] == ["failed", "failed", "sent"]
    assert mail_row(engine, bad).attempts == 0


def test_outbox_keeps_neither_name_nor_address(engine):
    card_id = card(engine)
    warning(engine, card_id)
    expired(engine, card_id)
    with scripted_server(Step(rcpt="550 no anna.muster@home.example here")) as server:
        send(engine, server)
    kept = one(
        engine,
        "select string_agg(concat_ws(' ', variables, error_message), ' ') from loyalty.email_logs",
    )
    assert "550 no <address> here" in kept
    assert "anna" not in kept.lower()


def test_mails_of_the_application_itself_are_left_alone(engine):
    card_id = card(engine)
    ids = [
        expired(engine, card_id, template_code="password_reset"),
        expired(engine, card_id, key=None),
    ]
    with scripted_server() as server:
        assert send(engine, server) == SendFigures()
    assert [status(engine, each) for each in ids] == ["queued", "queued"]


def test_settings_that_cannot_work_claim_nothing(engine):
    mail_id = expired(engine, card(engine))
    with scripted_server() as server, pytest.raises(ConfigurationError, match="from_email"):
        send_due(engine, server.as_mail_server(from_email="nobody"), named_ids=None)
    assert status(engine, mail_id) == "queued"
