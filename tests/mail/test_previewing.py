import re
from datetime import UTC, datetime

import pytest

from include.errors import MailServerError, TemplateError
from include.inbox.reading import parse_mail
from include.mail.formats import SUPPORTED_LANGUAGES
from include.mail.previewing import read_shops, save_previews, send_previews, write_previews
from include.mail.storing import read_template, store_template
from include.mail.templates import PLATFORM_EVENTS, Template
from include.mail.writing import Writer, load_templates
from tests.mail.hostile import HARMLESS, HOSTILE_PARTS
from tests.mail.rows import card, insert, one
from tests.mail.scripted_server import Step, scripted_server

WRITTEN_AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CODE = "loyalty_points_expired"


@pytest.fixture
def store_id(engine):
    card(engine)
    return one(engine, "select max(id) from loyalty.stores")


@pytest.fixture
def mail_server():
    with scripted_server() as server:
        yield server.as_mail_server()


def previews(engine, server, store_id=None, codes=None, languages=SUPPORTED_LANGUAGES):
    writer = Writer(load_templates(engine), server)
    shops = read_shops(engine, store_id)
    return write_previews(writer, shops, codes or list(PLATFORM_EVENTS), languages, WRITTEN_AT)


def test_by_default_every_event_in_every_language_is_shown(engine, mail_server, store_id, tmp_path):
    (page,) = save_previews(previews(engine, mail_server), tmp_path)
    assert page == tmp_path / "platform/index.html"
    names = {f"{code}.{lang}" for code in PLATFORM_EVENTS for lang in SUPPORTED_LANGUAGES}
    assert {file.stem for file in page.parent.glob("*.eml")} == names
    mail = parse_mail((page.parent / f"{CODE}.lb.eml").read_bytes(), key="", received=WRITTEN_AT)
    assert (mail.language, mail.template) == ("lb", CODE)
    assert mail.subject == "Är 1.250 Punkte bei Boulangerie Schmit si verfall"
    assert "30. November 2026" in mail.text


def test_a_store_with_an_override_is_shown_beside_the_platform(
    engine, mail_server, store_id, tmp_path
):
    store_template(engine, Template(CODE, "fr", **HARMLESS, store_id=store_id))
    pages = save_previews(previews(engine, mail_server), tmp_path)
    assert [page.parent.name for page in pages] == ["platform", f"store-{store_id}"]
    shown = pages[1].read_text()
    assert "<title>Mails of Café Kugel, Kugel Nord</title>" in shown
    assert shown.count("Our own words") == 1
    assert "Our own words" not in pages[0].read_text()


def test_a_store_without_an_override_is_shown_when_asked_for(
    engine, mail_server, store_id, tmp_path
):
    (page,) = save_previews(previews(engine, mail_server, store_id, [CODE], ["en"]), tmp_path)
    assert [file.name for file in page.parent.glob("*.eml")] == [f"{CODE}.en.eml"]
    assert "Your 1,250 points at Café Kugel have expired" in page.read_text()


def test_a_store_that_does_not_exist_is_named(engine):
    with pytest.raises(TemplateError, match="There is no store 99"):
        read_shops(engine, 99)


def test_html_is_shown_in_frames_that_run_nothing(engine, mail_server, store_id, tmp_path):
    page = '<p>{{ points }}</p></iframe><script>alert("a")</script>'
    words = HARMLESS | {
        "subject": "</h2><script>",
        "body_html": page,
        "body_text": "</pre><script>",
    }
    insert(
        engine,
        "store_email_templates",
        store_id=store_id,
        template_code=CODE,
        language="en",
        **words,
    )
    (path,) = save_previews(previews(engine, mail_server, store_id, [CODE], ["en"]), tmp_path)
    shown = path.read_text()
    assert "script" in shown
    assert "<script" not in shown
    frames = re.findall(r"<iframe[^>]*>", shown)
    assert len(frames) == 2
    assert all('sandbox=""' in frame for frame in frames)


def test_the_template_of_a_preview_may_be_stored_as_an_override(
    engine, mail_server, store_id, tmp_path
):
    (page,) = save_previews(previews(engine, mail_server, store_id, [CODE], ["lb"]), tmp_path)
    template = read_template(page.parent / f"{CODE}.lb", CODE, "lb", store_id)
    store_template(engine, template)
    assert one(engine, "select store_id from loyalty.store_email_templates") == store_id


def test_a_broken_override_shows_what_is_sent_instead_and_is_told(
    engine, mail_server, store_id, tmp_path, caplog
):
    words = HARMLESS | HOSTILE_PARTS["missing variable"]
    columns = {"store_id": store_id, "template_code": CODE, "language": "en"}
    insert(engine, "store_email_templates", **columns, **words)
    (page,) = save_previews(previews(engine, mail_server, store_id, [CODE], ["en"]), tmp_path)
    assert "The platform&#39;s template loyalty_points_expired (en)" in page.read_text()
    assert f"Store {store_id}'s template loyalty_points_expired (en) cannot be used" in caplog.text


def test_an_undeclared_variable_fails_in_a_preview_as_it_would_when_sent(
    engine, mail_server, store_id, caplog
):
    words = HARMLESS | {"body_text": "{{ stamps }}"}
    columns = {"store_id": store_id, "template_code": CODE, "language": "en"}
    insert(engine, "store_email_templates", **columns, **words)
    (preview,) = previews(engine, mail_server, store_id, [CODE], ["en"])
    assert preview.template.store_id is None
    assert "'stamps' is undefined" in caplog.text


def test_previews_arrive_in_an_inbox(engine, store_id):
    with scripted_server() as server:
        shown = previews(engine, server.as_mail_server(), languages=["de"])
        assert send_previews(shown, server.as_mail_server()) == 5
    assert {mail["X-Loyalty-Template"] for mail in server.mails} == set(PLATFORM_EVENTS)
    assert {mail["To"] for mail in server.mails} == {"reader@preview.example"}


def test_an_inbox_that_refuses_a_preview_is_named(engine, store_id):
    with scripted_server(Step(rcpt="550 full")) as server:
        shown = previews(engine, server.as_mail_server(), codes=[CODE])
        with pytest.raises(MailServerError, match=r"refused a preview: 550 full"):
            send_previews(shown, server.as_mail_server())
