from dataclasses import replace

import pytest

from include.mail import seeding
from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.seeding import Seeded, seed_templates
from include.mail.sending import send_due
from include.mail.shipped import shipped_templates
from include.mail.templates import DECLARED_VARIABLES, PLATFORM_EVENTS
from tests.mail.rows import NOW, card, expired, insert, one, rows, run
from tests.mail.scripted_server import scripted_server

KEY = "loyalty_points_expired", "en"
WORDS = "select code, language, subject, body_html, body_text from loyalty.email_templates"
NOTHING_TO_DO = Seeded(added=0, updated=0, kept=[])


@pytest.fixture
def next_release(monkeypatch):
    """Ship one template with other words, as a later release would."""

    def ship(**parts):
        shipped = dict(shipped_templates())
        shipped[KEY] = replace(shipped[KEY], **parts)
        monkeypatch.setattr(seeding, "shipped_templates", lambda: shipped)

    return ship


def subject(engine):
    return one(engine, f"select subject from loyalty.email_templates where {IS_KEY}")


IS_KEY = "code = 'loyalty_points_expired' and language = 'en'"


def edit(engine, words):
    run(engine, f"update loyalty.email_templates set subject = :words where {IS_KEY}", words=words)


def test_an_empty_database_gets_exactly_the_twenty(engine):
    assert seed_templates(engine) == Seeded(added=20, updated=0, kept=[])
    stored = {(row.code, row.language): row for row in rows(engine, WORDS)}
    assert len(stored) == 20
    assert set(stored) == {(code, lang) for code in PLATFORM_EVENTS for lang in SUPPORTED_LANGUAGES}
    for key, shipped in shipped_templates().items():
        assert stored[key].subject == shipped.subject
        assert stored[key].body_text == shipped.body_text
        assert stored[key].body_html == shipped.body_html
    variables = f"select variables from loyalty.email_templates where {IS_KEY}"
    assert one(engine, variables) == list(DECLARED_VARIABLES[KEY[0]])


def test_seeding_again_changes_no_row(engine):
    seed_templates(engine)
    before = rows(engine, "select xmin, * from loyalty.email_templates order by id")
    assert [seed_templates(engine) for _ in range(3)] == [NOTHING_TO_DO] * 3
    assert rows(engine, "select xmin, * from loyalty.email_templates order by id") == before


def test_a_missing_template_is_added_alone(engine):
    seed_templates(engine)
    run(engine, f"delete from loyalty.email_templates where {IS_KEY}")
    assert seed_templates(engine) == Seeded(added=1, updated=0, kept=[])


def test_a_new_release_changes_what_nobody_edited(engine, next_release):
    seed_templates(engine)
    next_release(subject="New words", body_text="New text")
    assert seed_templates(engine) == Seeded(added=0, updated=1, kept=[])
    assert subject(engine) == "New words"
    assert seed_templates(engine) == NOTHING_TO_DO


def test_an_operators_edit_is_kept_and_reported_release_after_release(engine, next_release):
    seed_templates(engine)
    edit(engine, "The operator's words")
    kept = Seeded(added=0, updated=0, kept=["loyalty_points_expired (en)"])
    assert seed_templates(engine) == kept
    next_release(subject="New words")
    assert seed_templates(engine) == kept
    assert subject(engine) == "The operator's words"


def test_an_edit_taken_back_follows_the_releases_again(engine, next_release):
    seed_templates(engine)
    original = subject(engine)
    edit(engine, "The operator's words")
    edit(engine, original)
    next_release(subject="New words")
    assert seed_templates(engine) == Seeded(added=0, updated=1, kept=[])
    assert subject(engine) == "New words"


def test_a_template_of_the_application_is_never_overwritten(engine):
    insert(
        engine,
        "email_templates",
        code=KEY[0],
        language="en",
        subject="The application's",
        body_html="x",
        body_text="x",
    )
    insert(
        engine,
        "email_templates",
        code="password_reset",
        language="en",
        subject="Other",
        body_html="x",
        body_text="x",
    )
    seeded = Seeded(added=19, updated=0, kept=["loyalty_points_expired (en)"])
    assert seed_templates(engine) == seeded
    assert subject(engine) == "The application's"
    assert one(engine, "select count(*) from loyalty.email_templates") == 21


def test_an_application_with_the_very_words_follows_the_releases(engine, next_release):
    shipped = shipped_templates()[KEY]
    insert(
        engine,
        "email_templates",
        code=KEY[0],
        language="en",
        subject=shipped.subject,
        body_html=shipped.body_html,
        body_text=shipped.body_text,
    )
    # Neither edited nor behind: its variables and its fingerprint are noted.
    assert seed_templates(engine) == Seeded(added=19, updated=1, kept=[])
    next_release(subject="New words")
    assert seed_templates(engine) == Seeded(added=0, updated=1, kept=[])


def test_an_edited_template_is_the_one_that_is_sent(engine, monkeypatch):
    monkeypatch.setenv("LOYALTY_NOW", NOW)
    seed_templates(engine)
    edit(engine, "Edited")
    seed_templates(engine)
    expired(engine, card(engine))
    with scripted_server() as server:
        send_due(engine, server.as_mail_server(), named_ids=None)
    assert server.mails[0]["Subject"] == "Edited"
