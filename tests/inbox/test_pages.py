from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.inbox.receiver import open_maildir
from tests.inbox.running import RunningInbox, mail, running_inbox

HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>'
ESCAPED = "&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningInbox]:
    """An inbox of 120 mails, number 119 the newest; every fourth is of another template."""
    maildir = tmp_path_factory.mktemp("filled") / "mails"
    open_maildir(maildir)
    for number in range(120):
        code = "points_expired" if number % 4 == 0 else "points_expiring"
        recipient = f"c{number}@example.org"
        message = mail(subject=f"Größe {number}", To=recipient, X_Loyalty_Template=code)
        (maildir / "new" / f"1.M5P1Q{number}.here").write_bytes(message.as_bytes())
    with running_inbox(maildir) as inbox:
        yield inbox


def subjects(inbox: RunningInbox, path: str) -> list[str]:
    return re.findall(r'<bdi class="subject">(.*?)</bdi>', inbox.get(path).text)


def test_list_shows_fifty_a_page_newest_first(filled: RunningInbox) -> None:
    assert subjects(filled, "/") == [f"Größe {number}" for number in range(119, 69, -1)]
    assert subjects(filled, "/?page=3") == [f"Größe {number}" for number in range(19, -1, -1)]
    assert "120 mails" in filled.get("/").text


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 30, ""])
def test_senseless_page_shows_a_page_that_exists(filled: RunningInbox, page: str) -> None:
    answer = filled.get(f"/?page={page}")
    assert answer.status_code == 200
    assert 'class="subject"' in answer.text


def test_search_finds_by_subject_and_by_recipient(filled: RunningInbox) -> None:
    assert subjects(filled, "/?q=gr%C3%96sse%20119") == ["Größe 119"]
    assert subjects(filled, "/?q=c7@example") == ["Größe 7"]
    assert subjects(filled, "/?q=nothing-like-it") == []


def test_template_filter_shows_its_mails_and_stays_over_pages(filled: RunningInbox) -> None:
    # Every fourth of 120 mails is the other template, so 90 are left: 50 and 40.
    assert len(subjects(filled, "/?template=points_expiring&page=2")) == 40
    older = "/?template=points_expiring&amp;page=2"
    assert older in filled.get("/?template=points_expiring").text


def test_health_counts_the_mails(filled: RunningInbox) -> None:
    assert filled.get("/health").json() == {"mails": 120}


def test_empty_inbox_says_so(tmp_path: Path) -> None:
    with running_inbox(tmp_path / "mails") as inbox:
        assert "No mail yet" in inbox.get("/").text


def test_hostile_headers_stay_text_on_every_page(inbox: RunningInbox) -> None:
    headers = {"X_Loyalty_Template": HOSTILE, "Content_Language": HOSTILE, "X_Other": HOSTILE}
    key = inbox.send(mail(subject=HOSTILE, **headers))
    for path in ("/", f"/mail/{key}?view=text", f"/mail/{key}?view=headers"):
        page = inbox.get(path).text
        assert ESCAPED in page
        assert "<script" not in page
        assert "<img src=x" not in page


def test_hostile_search_stays_text(inbox: RunningInbox) -> None:
    page = inbox.get("/?q=%22%3E%3Cscript%3E").text
    assert 'value="&#34;&gt;&lt;script&gt;"' in page
    assert "<script" not in page


def test_hostile_text_stays_text(inbox: RunningInbox) -> None:
    key = inbox.send(f"Subject: x\r\n\r\n{HOSTILE}\r\n".encode())
    assert f'<pre class="sheet" dir="auto">\n{ESCAPED}' in inbox.get(f"/mail/{key}").text


def test_html_is_shown_in_a_frame_that_may_do_nothing(inbox: RunningInbox) -> None:
    key = inbox.send(mail(html=HOSTILE))
    page = inbox.get(f"/mail/{key}").text
    assert re.search(rf'<iframe [^>]*sandbox="" src="/mail/{key}/html"', page)
    assert "onerror" not in page


def test_html_forbids_scripts_by_its_own_policy(inbox: RunningInbox) -> None:
    answer = inbox.get(f"/mail/{inbox.send(mail(html='<b>Grüße</b>'))}/html")
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    )
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<b>Grüße</b>" in answer.text


def test_mail_without_html_has_no_frame(inbox: RunningInbox) -> None:
    key = inbox.send(mail())
    assert "<iframe" not in inbox.get(f"/mail/{key}?view=html").text
    assert inbox.get(f"/mail/{key}/html").status_code == 404


def test_source_downloads_as_stored(inbox: RunningInbox) -> None:
    key = inbox.send(mail())
    answer = inbox.get(f"/mail/{key}/raw")
    assert answer.content == (inbox.maildir / "new" / key).read_bytes()
    assert answer.headers["content-type"] == "message/rfc822"
    assert re.fullmatch(r'attachment; filename="\w+\.eml"', answer.headers["content-disposition"])


def test_broken_mime_is_shown(inbox: RunningInbox) -> None:
    key = inbox.send(b"Content-Type: multipart/mixed\r\nSubject: \xff\xfe\r\n\r\nstill here\r\n")
    answer = inbox.get(f"/mail/{key}")
    assert answer.status_code == 200
    assert "still here" in answer.text
    assert inbox.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/mail/none", "/static/inbox.css", "/nowhere"])
def test_every_answer_carries_the_guarding_headers(inbox: RunningInbox, path: str) -> None:
    headers = inbox.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; ")
    assert "unsafe-inline" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil", ""])
def test_foreign_host_is_refused(inbox: RunningInbox, host: str) -> None:
    answer = inbox.get("/", Host=host)
    assert answer.status_code == 400
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "mails" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:8025", "127.0.0.1"])
def test_own_host_is_served(inbox: RunningInbox, host: str) -> None:
    assert inbox.get("/health", Host=host).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/mail/none", "/mail/..%2F..%2Fetc%2Fpasswd", "/mail/%2e%2e", "/static/../pages.py", "/x"],
)
def test_what_is_not_a_mail_is_not_found(inbox: RunningInbox, path: str) -> None:
    # By hand, as an HTTP client would tidy the path.
    with socket.create_connection(("127.0.0.1", inbox.http_port), timeout=10) as line:
        line.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        assert b" 404 " in line.makefile("rb").readline()
