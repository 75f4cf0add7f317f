"""Hands mails to a mail server over one lasting connection, and knows at which moment it broke."""

from __future__ import annotations

import ipaddress
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass, field
from email.utils import parseaddr
from types import TracebackType
from typing import Literal

from include.errors import ConfigurationError, MailServerError
from include.mail.message import usable_address

Outcome = Literal[
    "sent", "temporary", "permanent", "suppressed", "unrenderable", "released", "ambiguous"
]

# Answers about the session, not about this recipient: retrying or failing the mail would be wrong.
_SESSION_CODES = frozenset({500, 502, 503, 504, 530, 534, 535, 538})
# A server that hangs up after every mail would leave them all to a person, one by one.
_UNANSWERED_MAX = 3
_ANSWER_CHARACTERS_MAX = 500
_ADDRESS = re.compile(r"[^\s<>\"'(),:;\[\]]*@[^\s<>\"'(),:;]+")


@dataclass(frozen=True)
class MailServer:
    """A mail server and how to log in; `from_email` is an address or `Name <address>`."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    use_ssl: bool = False
    use_starttls: bool = False
    from_email: str = "loyalty@localhost.localdomain"
    timeout_seconds: float = 30.0

    @property
    def address(self) -> str:
        """Where it listens, for people to read."""
        return f"{self.host}:{self.port}"

    @property
    def sender_address(self) -> str:
        """Return the bare address that mails come from.

        Raises:
            ConfigurationError: `from_email` holds none.
        """
        address = usable_address(parseaddr(self.from_email)[1])
        if address is None:
            raise ConfigurationError(
                f"The sender {self.from_email!r} holds no usable address; set from_email of the "
                "connection loyalty_smtp to one such as points@example.org."
            )
        return address


@dataclass(frozen=True)
class Answer:
    """What became of one mail; `text` is the server's answer without any address."""

    outcome: Outcome
    text: str | None = None


class _HungUp(Exception):
    """The connection ended before the mail was handed over."""


def scrub(text: str, recipient: str = "") -> str:
    """Return a server's answer on one line without the addresses and the name it quotes."""
    clean = " ".join(_ADDRESS.sub("<address>", text).split())
    local_part = recipient.partition("@")[0]
    if local_part:
        whole_word = rf"(?<!\w){re.escape(local_part)}(?!\w)"
        clean = re.sub(whole_word, "<address>", clean, flags=re.IGNORECASE)
    printable = "".join(letter if letter.isprintable() else " " for letter in clean)
    return printable[:_ANSWER_CHARACTERS_MAX]


class SmtpSession:
    """One connection, opened with the first mail and opened again when the server hangs up."""

    def __init__(self, server: MailServer) -> None:
        """Take a server without connecting yet.

        Raises:
            ConfigurationError: the password would travel unencrypted, or there is no sender.
        """
        _refuse_open_password(server)
        self._server = server
        self._sender = server.sender_address
        self._smtp: smtplib.SMTP | None = None
        self._unanswered = 0

    def __enter__(self) -> SmtpSession:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, recipient: str, message: bytes) -> Answer:
        """Send one mail to one recipient and return what became of it.

        Raises:
            MailServerError: the server cannot be worked with; this mail was not handed over.
        """
        if self._unanswered >= _UNANSWERED_MAX:
            raise self._error("hangs up after taking each mail without an answer")
        payload = _payload(message)
        for _ in range(2):
            try:
                return self._counted(self._transact(recipient, payload))
            except _HungUp as hung_up:
                cause = str(hung_up)
                self._drop()
        raise self._error(f"hung up twice before taking a mail ({scrub(cause, recipient)})")

    def close(self) -> None:
        """Take leave of the server; what it says to that does not matter any more."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._drop()
        self._smtp = None

    def _counted(self, answer: Answer) -> Answer:
        self._unanswered = self._unanswered + 1 if answer.outcome == "ambiguous" else 0
        return answer

    def _transact(self, recipient: str, payload: bytes) -> Answer:
        smtp = self._connected()
        code, text = self._command(smtp, f"MAIL FROM:<{self._sender}>")
        if code != 250:
            raise self._error(f"refuses the sender of our mails ({code} {scrub(text)})")
        for command, accepted in ((f"RCPT TO:<{recipient}>", (250, 251)), ("DATA", (354,))):
            code, text = self._command(smtp, command)
            if code not in accepted:
                answer = self._refusal(code, text, recipient)
                self._reset(smtp)
                return answer
        return self._hand_over(smtp, recipient, payload)

    def _command(self, smtp: smtplib.SMTP, command: str) -> tuple[int, str]:
        try:
            code, text = smtp.docmd(command)
        except (smtplib.SMTPException, OSError) as error:
            raise _HungUp(type(error).__name__) from error
        if code == 421:
            raise _HungUp(f"421 {_decoded(text)}")
        return code, _decoded(text)

    def _refusal(self, code: int, text: str, recipient: str) -> Answer:
        said = scrub(f"{code} {text}", recipient)
        if code in _SESSION_CODES or not 400 <= code < 600:
            raise self._error(f"does not take mails from us ({said})")
        return Answer("temporary" if code < 500 else "permanent", said)

    def _hand_over(self, smtp: smtplib.SMTP, recipient: str, payload: bytes) -> Answer:
        assert smtp.sock is not None  # noqa: S101 (for the type checker; it answered just now)
        try:
            smtp.sock.sendall(payload)
        except OSError as error:
            raise _HungUp(type(error).__name__) from error
        try:
            smtp.sock.sendall(b".\r\n")
        except ConnectionError as error:
            # The system refused to take the dot, so the server never saw the mail's end.
            raise _HungUp(type(error).__name__) from error
        except OSError:
            return self._unknown_fate()
        return self._final_answer(smtp, recipient)

    def _final_answer(self, smtp: smtplib.SMTP, recipient: str) -> Answer:
        try:
            code, text = smtp.getreply()
        except (smtplib.SMTPException, OSError):
            return self._unknown_fate()
        said = scrub(f"{code} {_decoded(text)}", recipient)
        if code == 421:
            self._drop()
        if 200 <= code < 300:
            return Answer("sent")
        if 400 <= code < 600:
            return Answer("temporary" if code < 500 else "permanent", said)
        return self._unknown_fate()

    def _unknown_fate(self) -> Answer:
        self._drop()
        return Answer("ambiguous", "The connection ended between the mail and the server's answer.")

    def _connected(self) -> smtplib.SMTP:
        if self._smtp is None:
            try:
                self._smtp = _open(self._server)
                self._log_in(self._smtp)
            except ssl.SSLError as error:
                raise self._error(f"cannot agree on encryption with us ({error.reason})") from error
            except smtplib.SMTPResponseException as error:
                said = scrub(f"{error.smtp_code} {_decoded(error.smtp_error)}")
                raise self._error(f"turns us away ({said})") from error
            except (smtplib.SMTPException, OSError) as error:
                raise self._error(f"cannot be reached ({scrub(str(error))})") from error
        return self._smtp

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self._server.use_starttls and not self._server.use_ssl:
            code, text = smtp.starttls(context=ssl.create_default_context())
            if code != 220:
                raise smtplib.SMTPResponseException(code, text)
            smtp.ehlo()
        if self._server.user and self._server.password:
            self._authenticate(smtp, self._server.user, self._server.password)

    def _authenticate(self, smtp: smtplib.SMTP, user: str, password: str) -> None:
        try:
            smtp.login(user, password)
        except smtplib.SMTPAuthenticationError as error:
            # Without the error itself: nobody knows what a server quotes in its refusal.
            raise self._error(f"refuses the login ({error.smtp_code})") from None
        except smtplib.SMTPNotSupportedError:
            raise self._error("offers no login that we know") from None

    def _reset(self, smtp: smtplib.SMTP) -> None:
        try:
            if smtp.rset()[0] != 250:
                self._drop()
        except (smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None

    def _error(self, what: str) -> MailServerError:
        self._drop()
        return MailServerError(
            f"The mail server at {self._server.address} {what}; the mails stay queued. Check the "
            "connection loyalty_smtp and the server, then run the task again."
        )


def _open(server: MailServer) -> smtplib.SMTP:
    timeout = server.timeout_seconds
    smtp: smtplib.SMTP
    if server.use_ssl:
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=timeout)
    if smtp.sock is not None:
        # The final dot is a write of its own; it must not wait for a delayed acknowledgement.
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return smtp


def _payload(message: bytes) -> bytes:
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"


def _decoded(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _refuse_open_password(server: MailServer) -> None:
    encrypted = server.use_ssl or server.use_starttls
    if server.password and not encrypted and not _is_loopback(server.host):
        raise ConfigurationError(
            f"The password for the mail server {server.address} would travel unencrypted; turn TLS "
            "on in the connection loyalty_smtp, or remove the password."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
