from __future__ import annotations

from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import Engine

from include.pages.security import COOKIE
from tests.factories import merchant, program, store
from tests.pages.conftest import SITE, Visitor
from tests.rows import rows

GOOD = {
    "subject": "Your {{ points }} points",
    "body_html": "<p>Hello {{ customer_first_name }}, {{ points }} points &amp; more.</p>",
    "body_text": "Hello {{ customer_first_name }},\r\n{{ points }} points.",
}


def store_override(client: TestClient, store_id: int, **parts: str) -> Response:
    client.cookies.set(COOKIE, "the-token")
    values = {"code": "loyalty_welcome_bonus", "language": "en", "form_token": "the-token"}
    data = GOOD | values | {"store": str(store_id)} | parts
    return client.post("/templates", data=data, headers={"origin": SITE})


def overrides(engine: Engine) -> list[tuple[object, ...]]:
    return rows(engine, "select store_id, subject, body_text from loyalty.store_email_templates")


def a_store(engine: Engine) -> int:
    merchant_id = merchant(engine)
    program(engine, merchant_id=merchant_id)
    return store(engine, merchant_id, name="<b>Corner</b>")


def test_good_override_is_stored_and_shown(client: TestClient, engine: Engine) -> None:
    store_id = a_store(engine)
    answer = store_override(client, store_id)
    assert answer.status_code == 303
    text = "Hello {{ customer_first_name }},\n{{ points }} points."
    assert overrides(engine) == [(store_id, "Your {{ points }} points", text)]
    query = f"store={store_id}&code=loyalty_welcome_bonus&language=en"
    assert "points &amp; more" in client.get(f"/templates/preview?{query}").text
    page = client.get(f"/templates/edit?{query}&stored=1").text
    assert "Stored." in page
    assert "&lt;b&gt;Corner&lt;/b&gt;" in page


def test_bad_override_is_refused_with_its_reason_and_what_was_typed(
    client: TestClient, engine: Engine
) -> None:
    answer = store_override(client, a_store(engine), body_text="{{ password }} </textarea><script>")
    assert answer.status_code == 422
    assert "Nothing was stored: " in answer.text
    assert "password" in answer.text
    assert "<script>" not in answer.text
    assert "&lt;/textarea&gt;&lt;script&gt;" in answer.text
    assert overrides(engine) == []


def test_a_viewer_and_a_store_that_is_not_there_store_nothing(
    client: TestClient, engine: Engine, visitor: Visitor
) -> None:
    assert store_override(client, 77).status_code == 404
    visitor.role = "viewer"
    assert store_override(client, a_store(engine)).status_code == 403
    assert overrides(engine) == []


def test_grid_frames_every_mail_in_a_sandbox(client: TestClient) -> None:
    page = client.get("/templates").text
    assert page.count('<iframe sandbox="" ') == 20  # five mails in four languages
    answer = client.get("/templates/preview?code=loyalty_reward_ready&language=lb")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    for query in ("code=x&language=en", "code=loyalty_reward_ready&language=xx"):
        assert client.get(f"/templates/preview?{query}").status_code == 404
    assert client.get("/templates?store=abc").status_code == 404
