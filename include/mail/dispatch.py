"""Sends a handful of letters over a sender's connections, at the pace the server can bear."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from types import TracebackType

from include.errors import LoyaltyError
from include.mail.answers import Answer
from include.mail.delivery import SmtpSession
from include.mail.pace import Pace
from include.mail.server import MailServer
from include.mail.writing import Letter

# What holds of a letter until its answer is there.
_INTERRUPTED = Answer("ambiguous", "The sender was interrupted.")


class Dispatch:
    """The connections of one sender; each is opened when it is needed and kept."""

    def __init__(self, server: MailServer) -> None:
        """Take a server without connecting yet.

        Raises:
            ConfigurationError: the server's settings cannot be used.
        """
        self._server = server
        self._sessions = [SmtpSession(server) for _ in range(server.connections)]
        self._own_pace = [Pace(server.mails_per_second_per_connection) for _ in self._sessions]
        self._pace = Pace(server.mails_per_second)

    def __enter__(self) -> Dispatch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for session in self._sessions:
            session.close()

    @property
    def connections(self) -> int:
        """How many mails can be on their way at the same moment."""
        return len(self._sessions)

    def share(self, senders: int) -> None:
        """Take this sender's part of the pace that is meant for all."""
        self._pace.share(senders)

    def send(self, letters: Mapping[int, Letter], answers: dict[int, Answer]) -> None:
        """Send letters by their ids and note each answer; what was not handed over has none.

        Raises:
            MailServerError: the server cannot be worked with; no further letter was begun.
        """
        waiting = deque(letters.items())
        if self.connections == 1:
            self._work(0, waiting, answers)
            return
        with ThreadPoolExecutor(self.connections) as threads:
            works = [
                threads.submit(self._work, number, waiting, answers)
                for number in range(self.connections)
            ]
            try:
                for work in as_completed(works):
                    work.result()
            finally:
                # The others end the mail they are at; leaving the block waits for that.
                waiting.clear()

    def require_answers(self) -> None:
        """Tell mails that a server hangs up on from a server that hangs up on everything.

        Raises:
            MailServerError: it has answered about no mail at all.
        """
        if not any(session.has_answered for session in self._sessions):
            raise self._server.error("hung up on every mail before taking it")

    def _work(
        self, number: int, waiting: deque[tuple[int, Letter]], answers: dict[int, Answer]
    ) -> None:
        while waiting:
            self._own_pace[number].wait()
            self._pace.wait()
            try:
                mail_id, letter = waiting.popleft()
            except IndexError:  # Another connection took the last one.
                return
            answers[mail_id] = _INTERRUPTED
            try:
                answers[mail_id] = self._sessions[number].send(letter.recipient, letter.content)
            except LoyaltyError:
                del answers[mail_id]
                raise
