"""Hands mails to a mail server over one lasting connection, and knows at which moment it broke."""

from __future__ import annotations

import smtplib
from types import TracebackType

from include.errors import MailServerError
from include.mail.answers import Answer, codes, decoded, refusal, scrub
from include.mail.opening import open_connection
from include.mail.server import MailServer

# Answers about the session, not about this recipient: retrying or failing the mail would be wrong.
_SESSION_CODES = frozenset({500, 502, 503, 504, 530, 534, 535, 538})
_ANSWERED = frozenset({"sent", "temporary", "permanent", "unwelcome"})
# So many mails in a row without an answer are the server's fault: it would leave them all to a
# person, one by one, or be dialled for each of them in vain.
_UNANSWERED_MAX = 3
# A server that answers now and then is dialled twice for each mail it hangs up on.
_HANG_UPS_MAX = 50


class _HungUp(Exception):
    """The connection ended before the mail was handed over."""


class SmtpSession:
    """One connection, opened with the first mail and opened again when the server hangs up."""

    def __init__(self, server: MailServer) -> None:
        """Take a server without connecting yet.

        Raises:
            ConfigurationError: the password would travel unencrypted, or there is no sender.
        """
        server.refuse_open_password()
        self._server = server
        self._sender = server.sender_address
        self._smtp: smtplib.SMTP | None = None
        self._unanswered = 0
        self._may_pipeline = True
        self.hang_ups = 0
        self.has_answered = False

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

        A server that hangs up before the data, twice, may do so because of this mail or because it
        is going down: the mail was not handed over (`hung_up`), and the next ones tell.

        Raises:
            MailServerError: the server cannot be worked with; this mail was not handed over.
        """
        if self._unanswered >= _UNANSWERED_MAX or self.hang_ups >= _HANG_UPS_MAX:
            raise self._error("hangs up on mail after mail without an answer")
        payload = _payload(message)
        for _ in range(2):
            try:
                return self._counted(self._transact(recipient, payload))
            except _HungUp as hung_up:
                cause = codes(str(hung_up))
                self._drop()
                # Some firewall may announce more than it bears; one by one always goes.
                self._may_pipeline = False
        self.hang_ups += 1
        return self._counted(Answer("hung_up", f"The server hung up before the data ({cause})."))

    def close(self) -> None:
        """Take leave of the server; what it says to that does not matter any more."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._drop()
        self._smtp = None

    def _counted(self, answer: Answer) -> Answer:
        if answer.outcome in _ANSWERED:
            self.has_answered = True
            self._unanswered = 0
        else:
            self._unanswered += 1
        return answer

    def _transact(self, recipient: str, payload: bytes) -> Answer:
        if self._smtp is None:
            self._smtp = open_connection(self._server)
        smtp = self._smtp
        envelope = {
            f"MAIL FROM:<{self._sender}>": (250,),
            f"RCPT TO:<{recipient}>": (250, 251),
            "DATA": (354,),
        }
        # RFC 2920: all three at once save two ways to the server and back.
        is_pipelined = self._may_pipeline and smtp.has_extn("pipelining")
        if is_pipelined:
            self._tell(smtp, *envelope)
        for command, accepted in envelope.items():
            if not is_pipelined:
                self._tell(smtp, command)
            code, text = self._hear(smtp)
            if code in accepted:
                continue
            if command.startswith("MAIL"):
                raise self._error(f"refuses the sender of our mails ({code} {scrub(text)})")
            answer = self._refusal(code, text, recipient)
            self._abandon(smtp, has_asked_for_data=is_pipelined and command != "DATA")
            return answer
        return self._hand_over(smtp, recipient, payload)

    def _tell(self, smtp: smtplib.SMTP, *commands: str) -> None:
        if any("\r" in command or "\n" in command for command in commands):
            raise ValueError("An address with a line break is none.")
        try:
            smtp.send("".join(f"{command}\r\n" for command in commands))
        except (smtplib.SMTPException, OSError) as error:
            raise _HungUp(type(error).__name__) from error

    def _hear(self, smtp: smtplib.SMTP) -> tuple[int, str]:
        try:
            code, text = smtp.getreply()
        except (smtplib.SMTPException, OSError) as error:
            raise _HungUp(type(error).__name__) from error
        if code == 421:
            raise _HungUp(f"421 {decoded(text)}")
        return code, decoded(text)

    def _refusal(self, code: int, text: str, recipient: str) -> Answer:
        if code in _SESSION_CODES or not 400 <= code < 600:
            raise self._error(f"does not take mails from us ({codes(f'{code} {text}')})")
        return refusal(code, text, recipient)

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
        if code == 421:
            self._drop()
        if 200 <= code < 300:
            return Answer("sent")
        if 400 <= code < 600:
            return refusal(code, decoded(text), recipient)
        return self._unknown_fate()

    def _unknown_fate(self) -> Answer:
        self._drop()
        return Answer("ambiguous", "The connection ended between the mail and the server's answer.")

    def _abandon(self, smtp: smtplib.SMTP, *, has_asked_for_data: bool) -> None:
        """Go on after a refused mail; a server that waits for its data gets not even the dot."""
        try:
            is_waiting = has_asked_for_data and self._hear(smtp)[0] == 354
            if is_waiting or smtp.rset()[0] != 250:
                self._drop()
        except (_HungUp, smtplib.SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None

    def _error(self, what: str) -> MailServerError:
        self._drop()
        return self._server.error(what)


def _payload(message: bytes) -> bytes:
    # What the standard library does by regular expressions, several times quicker.
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    stuffed = (b"." if lines.startswith(b".") else b"") + lines.replace(b"\r\n.", b"\r\n..")
    return stuffed if stuffed.endswith(b"\r\n") else stuffed + b"\r\n"
