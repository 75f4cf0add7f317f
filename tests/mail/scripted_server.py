"""A real SMTP server on loopback that plays a script: one step per mail, then 250 for the rest."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, ClassVar

from include.mail.server import MailServer

DROP, SILENCE, LOST_ANSWER = "drop", "silence", "lost answer"
GO_ON = "354 go on"


@dataclass(frozen=True)
class Step:
    """What the server says at each point of one mail.

    DROP hangs up without a word, LOST_ANSWER as well, but the mail was taken. SILENCE says nothing
    until the client loses patience.
    """

    mail: str = "250 ok"
    rcpt: str = "250 ok"
    data: str = GO_ON
    dot: str = "250 taken"


@dataclass
class ScriptedServer:
    """The script, and what the server saw.

    `steps` are played in order; from RCPT on those of the recipient go first. With `tls` the server
    speaks TLS from the first byte, or after STARTTLS (`starttls` is what it says to that). An
    `impatient` one hangs up on whoever says more before it has answered.
    """

    port: int = 0
    # Extensions that it announces, beside those that `auth` and `starttls` ask for.
    offers: ClassVar[list[str]] = []
    steps: list[Step] = field(default_factory=list)
    otherwise: Step = field(default_factory=Step)
    steps_of: dict[str, list[Step]] = field(default_factory=dict)
    auth: str = ""
    tls: ssl.SSLContext | None = None
    starttls: str = ""
    impatient: bool = False
    before_answer: Callable[[], None] = lambda: None
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

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

    def setup(self) -> None:
        script = self.server.script
        if script.tls and not script.starttls:
            self.request = script.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        script = self.server.script
        script.connections += 1
        try:
            self._say("220 scripted")
            # Looked up for each line: STARTTLS replaces the file.
            for line in iter(lambda: self.rfile.readline(), b""):
                command = line.decode().strip()
                script.commands.append(command)
                script.encrypted.append(self._is_encrypted)
                if script.impatient and command.startswith("MAIL") and self._is_more_said():
                    raise _HangUp
                self._obey(script, command)
        except (_HangUp, OSError):
            return

    @property
    def _is_encrypted(self) -> bool:
        return isinstance(self.connection, ssl.SSLSocket)

    def _is_more_said(self) -> bool:
        # What came with the last line lies in the file's buffer; peek would wait for an empty one.
        self.connection.settimeout(0.0)
        try:
            return bool(self.rfile.peek(1))
        finally:
            self.connection.settimeout(None)

    def _obey(self, script: ScriptedServer, command: str) -> None:
        verb = command.split(" ")[0].split(":")[0].upper()
        if verb == "EHLO":
            offers = [*script.offers, *["AUTH PLAIN"] * bool(script.auth)]
            offers += ["STARTTLS"] * bool(script.starttls and not self._is_encrypted)
            self._say(
                "\r\n".join(["250-scripted", *(f"250-{offer}" for offer in offers), "250 ok"])
            )
        elif verb == "STARTTLS":
            self._encrypt(script)
        elif verb == "AUTH":
            self._say(script.auth)
        elif verb == "MAIL":
            self.step = script.steps.pop(0) if script.steps else script.otherwise
            self._say(self.step.mail)
        elif verb == "RCPT":
            self.recipient = command[9:-1]
            if own := script.steps_of.get(self.recipient):
                self.step = own.pop(0)
            self._say(self.step.rcpt)
        elif verb == "DATA":
            said = self.step.data
            if said == GO_ON and not self.step.rcpt.startswith("2"):
                said = "554 no valid recipients"
            self._say(said)
            if said.startswith("354"):
                self._take(script)
        else:
            self._say("250 ok")
            if verb == "QUIT":
                raise _HangUp

    def _encrypt(self, script: ScriptedServer) -> None:
        self._say(script.starttls)
        if script.tls is None:
            self._say("this is no TLS")
            raise _HangUp
        self.request = script.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def _take(self, script: ScriptedServer) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:  # the client died in the middle of its mail
                raise _HangUp
            lines.append(line)
        script.before_answer()
        if self.step.dot.startswith("2") or self.step.dot == LOST_ANSWER:
            script.recipients.append(self.recipient)
            script.payloads.append(b"".join(line.removeprefix(b".") for line in lines))
        self._say(self.step.dot)

    def _say(self, text: str) -> None:
        if text in (DROP, LOST_ANSWER):
            raise _HangUp
        if text == SILENCE:
            self.rfile.read(1)
            raise _HangUp
        self.wfile.write(text.encode() + b"\r\n")
        if text.startswith("421"):
            raise _HangUp


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    script: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that do not like our certificate."""


@contextmanager
def scripted_server(*steps: Step, **script: Any) -> Iterator[ScriptedServer]:
    """Serve the script on a free port until the end of the block."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = ScriptedServer(server.server_address[1], list(steps), **script)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server.script
        finally:
            server.shutdown()
            thread.join()
