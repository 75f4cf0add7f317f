import pytest

from include.errors import TemplateError
from include.mail.seeding import seed_templates
from include.mail.storing import read_template, store_template
from include.mail.templates import Template
from tests.mail.hostile import HARMLESS, HIDDEN_PARTS, HOSTILE_PARTS
from tests.mail.rows import card, one, rows

CODE = "loyalty_points_expired"
OVERRIDES = (
    "select store_id, template_code, language, subject, body_html, body_text, is_active"
    " from loyalty.store_email_templates"
)


@pytest.fixture
def store_id(engine):
    card(engine)
    return one(engine, "select max(id) from loyalty.stores")


def folder_with(place, **parts):
    files = {"subject": "subject.j2", "body_html": "body.html.j2", "body_text": "body.txt.j2"}
    place.mkdir(exist_ok=True)
    for part, text in (HARMLESS | parts).items():
        (place / files[part]).write_text(text)
    return place


def test_an_override_from_files_is_stored_with_its_style_inlined(engine, store_id, tmp_path):
    page = "<style>p { color: red; }</style><p>{{ points }}</p>"
    folder = folder_with(tmp_path, subject="Our own words\n", body_html=page)
    store_template(engine, read_template(folder, CODE, "fr", store_id))
    inlined = (
        "<!DOCTYPE html><html><head></head><body>"
        '<p style="color: red;">{{ points }}</p></body></html>'
    )
    stored = (store_id, CODE, "fr", "Our own words", inlined, "Yours", True)
    assert rows(engine, OVERRIDES) == [stored]


def test_storing_again_replaces_and_switches_on(engine, store_id):
    store_template(engine, Template(CODE, "fr", **HARMLESS, store_id=store_id))
    with engine.begin() as connection:
        connection.exec_driver_sql("update loyalty.store_email_templates set is_active = false")
    changed = HARMLESS | {"subject": "Better words"}
    store_template(engine, Template(CODE, "fr", **changed, store_id=store_id))
    assert [(row.subject, row.is_active) for row in rows(engine, OVERRIDES)] == [
        ("Better words", True)
    ]


@pytest.mark.parametrize("what", HOSTILE_PARTS | HIDDEN_PARTS)
def test_a_hostile_override_is_refused_and_nothing_is_stored(engine, store_id, what):
    parts = HARMLESS | (HOSTILE_PARTS | HIDDEN_PARTS)[what]
    with pytest.raises(TemplateError, match=rf"Store {store_id}'s template .* cannot be used: "):
        store_template(engine, Template(CODE, "fr", **parts, store_id=store_id))
    assert rows(engine, OVERRIDES) == []


def test_a_refused_override_leaves_the_one_before(engine, store_id):
    store_template(engine, Template(CODE, "fr", **HARMLESS, store_id=store_id))
    before = rows(engine, OVERRIDES)
    broken = HARMLESS | HOSTILE_PARTS["memory bomb"]
    with pytest.raises(TemplateError):
        store_template(engine, Template(CODE, "fr", **broken, store_id=store_id))
    assert rows(engine, OVERRIDES) == before


def test_a_store_that_does_not_exist_is_refused(engine, store_id):
    with pytest.raises(TemplateError, match="There is no store 99; nothing was stored"):
        store_template(engine, Template(CODE, "fr", **HARMLESS, store_id=99))
    assert rows(engine, OVERRIDES) == []


def test_an_operators_wording_of_the_platforms_template_is_kept_by_seeding(engine):
    seed_templates(engine)
    store_template(engine, Template(CODE, "fr", **HARMLESS))
    assert seed_templates(engine).kept == ["loyalty_points_expired (fr)"]
    subject = "select subject from loyalty.email_templates where code = :code and language = 'fr'"
    assert one(engine, subject, code=CODE) == "Our own words"
    assert one(engine, "select count(*) from loyalty.email_templates") == 20


def test_a_refused_wording_leaves_the_platforms_template(engine):
    seed_templates(engine)
    words = "select * from loyalty.email_templates order by id"
    before = rows(engine, words)
    with pytest.raises(TemplateError, match="The platform's template"):
        store_template(engine, Template(CODE, "fr", **(HARMLESS | {"subject": "{{ nonsense }}"})))
    assert rows(engine, words) == before


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda folder: (folder / "subject.j2").unlink(), "subject.j2 cannot be read: No such"),
        (lambda folder: (folder / "body.txt.j2").write_bytes(b"\xff\xfe"), "is no UTF-8 text"),
        (lambda folder: (folder / "body.html.j2").write_text("x" * 400_001), "is larger than"),
    ],
)
def test_unreadable_files_are_named(tmp_path, spoil, cause):
    spoil(folder_with(tmp_path))
    with pytest.raises(TemplateError, match=cause):
        read_template(tmp_path, CODE, "fr", 7)
