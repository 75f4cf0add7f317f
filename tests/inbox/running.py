"""A running inbox and how tests talk to it: SMTP in, HTTP out."""

from __future__ import annotations

import json
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import httpx

PROJECT_ROOT = Path(__file__).resolve().parents[2]
# One for all, as each new client reads the certificates of the world; no proxy may come between.
CLIENT = httpx.Client(trust_env=False, timeout=10)


@dataclass(frozen=True)
class RunningInbox:
    process: subprocess.Popen[str]
    maildir: Path
    smtp_port: int
    http_port: int

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.smtp_port, timeout=10)

    def send(self, mail: bytes | EmailMessage, *, to: str = "reader@example.org") -> str:
        """Send a mail and return the key under which the inbox keeps it."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        before = self.keys()
        with self.smtp() as client:
            client.sendmail("shop@example.org", [to], raw)
        (key,) = self.keys() - before
        return key

    def get(self, path: str, **headers: str) -> httpx.Response:
        return CLIENT.get(f"http://127.0.0.1:{self.http_port}{path}", headers=headers)

    def keys(self) -> set[str]:
        return {file.name for file in (self.maildir / "new").iterdir()}


def start(maildir: Path, *, smtp_port: int = 0, http_port: int = 0) -> subprocess.Popen[str]:
    ports = [f"--smtp-port={smtp_port}", f"--http-port={http_port}"]
    return subprocess.Popen(
        [sys.executable, "-m", "include.inbox", f"--maildir={maildir}", *ports],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_inbox(maildir: Path) -> Iterator[RunningInbox]:
    with start(maildir) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            assert told["pid"] == process.pid
            yield RunningInbox(process, maildir, told["smtp_port"], told["http_port"])
        finally:
            process.kill()


def mail(*, subject: str = "Points", html: str | None = None, **headers: str) -> EmailMessage:
    """Return a mail; a header's name is written with `_` for `-`."""
    message = EmailMessage()
    message["From"], message["Subject"] = "shop@example.org", subject
    message.set_content("Come and see us.\n")
    if html is not None:
        message.add_alternative(html, subtype="html")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return message
