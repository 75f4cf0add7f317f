"""A real SMTP server on loopback that plays a script: one step per mail, then 250 for the rest."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from include.mail.delivery import MailServer

DROP = "drop"


@dataclass(frozen=True)
class Step:
    """What the server says at each point of one mail; DROP hangs up without a word."""

    mail: str = "250 ok"
    rcpt: str = "250 ok"
    data: str = "354 go on"
    dot: str = "250 taken"


@dataclass
class ScriptedServer:
    """The script, and what the server saw."""

    port: int = 0
    steps: list[Step] = field(default_factory=list)
    otherwise: Step = field(default_factory=Step)
    auth: str = ""
    before_answer: Callable[[], None] = lambda: None
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that were taken, parsed."""
        parsed = (message_from_bytes(each, policy=policy.default) for each in self.payloads)
        return [mail for mail in parsed if isinstance(mail, EmailMessage)]

    def as_mail_server(self, **changes: object) -> MailServer:
        """Return how the project would be told of this server."""
        settings: dict[str, object] = {
            "host": "127.0.0.1",
            "port": self.port,
            "from_email": "Points <points@shop.example>",
            "timeout_seconds": 5.0,
        }
        return MailServer(**(settings | changes))  # type: ignore[arg-type]


class _HangUp(Exception):
    pass


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        script = self.server.script
        script.connections += 1
        try:
            self._say("220 scripted")
            for line in iter(self.rfile.readline, b""):
                command = line.decode().strip()
                script.commands.append(command)
                self._obey(script, command)
        except (_HangUp, OSError):
            return

    def _obey(self, script: ScriptedServer, command: str) -> None:
        verb = command.split(" ")[0].split(":")[0].upper()
        if verb == "EHLO":
            self._say("250-scripted\r\n250 AUTH PLAIN" if script.auth else "250 scripted")
        elif verb == "AUTH":
            self._say(script.auth)
        elif verb == "MAIL":
            self.step = script.steps.pop(0) if script.steps else script.otherwise
            self._say(self.step.mail)
        elif verb == "RCPT":
            self.recipient = command[9:-1]
            self._say(self.step.rcpt)
        elif verb == "DATA":
            self._say(self.step.data)
            if self.step.data.startswith("354"):
                self._take(script)
        else:
            self._say("250 ok")
            if verb == "QUIT":
                raise _HangUp

    def _take(self, script: ScriptedServer) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:  # the client died in the middle of its mail
                raise _HangUp
            lines.append(line)
        script.before_answer()
        self._say(self.step.dot)
        script.recipients.append(self.recipient)
        script.payloads.append(b"".join(line.removeprefix(b".") for line in lines))

    def _say(self, text: str) -> None:
        if text == DROP:
            raise _HangUp
        self.wfile.write(text.encode() + b"\r\n")
        if text.startswith("421"):
            raise _HangUp


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    script: ScriptedServer


@contextmanager
def scripted_server(*steps: Step, auth: str = "") -> Iterator[ScriptedServer]:
    """Serve the script on a free port until the end of the block."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        script = ScriptedServer(port=server.server_address[1], steps=list(steps), auth=auth)
        server.script = script
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
