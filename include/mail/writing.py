"""Writes a claimed mail: its variables in the reader's own form, the best template that works."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Engine

from include.database import MAILER, statements, transaction
from include.errors import TemplateError
from include.mail.formats import format_figures
from include.mail.message import build_message, message_id, usable_address
from include.mail.outbox import Mail, Result
from include.mail.rendering import Rendered, Renderer
from include.mail.server import MailServer
from include.mail.shipped import shipped_templates, spare_templates
from include.mail.signing import sign
from include.mail.templates import DECLARED_VARIABLES, NAME_VARIABLES, Template, TemplateBook

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Letter:
    """A mail ready to be handed over: envelope, Message-ID and bytes."""

    recipient: str
    message_id: str
    content: bytes


def load_templates(engine: Engine, *, role: str = MAILER) -> TemplateBook:
    """Return the database's templates; where the platform has none, the project's own."""
    (read,) = statements("read_templates")
    with transaction(engine, role=role) as connection:
        rows = connection.exec_driver_sql(read, {"template_codes": list(DECLARED_VARIABLES)})
        stored = [Template(**row) for row in rows.mappings()]
    # The later of two templates with the same key wins.
    return TemplateBook([*shipped_templates().values(), *spare_templates(), *stored])


class Writer:
    """Writes mails for one sender; tells of each broken template once."""

    def __init__(self, book: TemplateBook, server: MailServer) -> None:
        self._book = book
        self._renderer = Renderer()
        self._from_email = server.from_email
        self._domain = server.sender_address.rpartition("@")[2]
        self._signature = server.signature
        self._unsubscribe = (
            os.environ.get("LOYALTY_UNSUBSCRIBE_URL") or f"mailto:{server.sender_address}"
        )
        self._told: set[str] = set()

    def write(self, mail: Mail, written_at: datetime) -> Letter | Result:
        """Return the mail to send, or the result that it cannot be sent.

        Raises:
            ConfigurationError: the sender or the unsubscribe address cannot stand in a header.
        """
        recipient = usable_address(mail.email or "")
        if recipient is None:
            return Result(mail.id, "suppressed", "The customer's address is not usable.")
        try:
            return self._letter(mail, recipient, written_at)
        except TemplateError as error:
            return Result(mail.id, "unrenderable", str(error))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Only the kind of error: its text may quote the customer's data.
            said = f"The row cannot be turned into a mail ({type(error).__name__})."
            return Result(mail.id, "unrenderable", said)

    def _letter(self, mail: Mail, recipient: str, written_at: datetime) -> Letter:
        rendered, template = self.fill(mail)
        # Once a mail went out it keeps its Message-ID, whatever became of the sender's domain.
        identity = mail.message_id or message_id(mail.occurrence_key, self._domain)
        content = build_message(
            rendered=rendered,
            language=template.language,
            template_code=mail.template_code,
            sender=self._from_email,
            recipient=recipient,
            message_id=identity,
            date=written_at,
            unsubscribe=self._unsubscribe_from(identity),
            sender_name=mail.merchant_name,
            reply_to=usable_address(mail.merchant_reply_to or ""),
        )
        if self._signature:
            content = sign(content, self._signature)
        return Letter(recipient, identity, content)

    def fill(self, mail: Mail) -> tuple[Rendered, Template]:
        """Return what the mail says, and the template that says it: the best one that works.

        Raises:
            TemplateError: there is none.
        """
        candidates = self._book.candidates(mail.template_code, mail.language, mail.store_id)
        broken: list[TemplateError] = []
        # One language at a time, so that dates and numbers are in the language of the template.
        for language, group in groupby(candidates, key=lambda template: template.language):
            try:
                rendered, template, errors = self._renderer.render_first(
                    list(group), variables_of(mail, language)
                )
            except TemplateError as error:
                broken.append(error)
                continue
            self._tell([*broken, *errors])
            return rendered, template
        self._tell(broken)
        raise TemplateError(
            " ".join(map(str, broken)) or f"There is no template {mail.template_code}."
        )

    def _tell(self, errors: Iterable[TemplateError]) -> None:
        for text in sorted({str(error) for error in errors} - self._told):
            log.warning("%s Another template was used where there is one.", text)
            self._told.add(text)

    def _unsubscribe_from(self, identity: str) -> str:
        if not self._unsubscribe.startswith("https:"):
            return self._unsubscribe
        # One click has to tell whose mail it was; the Message-ID is kept in email_logs.
        mark = "&" if "?" in self._unsubscribe else "?"
        return f"{self._unsubscribe}{mark}mail={identity[1:].partition('@')[0]}"


def variables_of(mail: Mail, language: str) -> dict[str, str | int]:
    """Return what the templates may print.

    Raises:
        ValueError: the row's expiration date is none.
    """
    names: dict[str, str | int] = {name: getattr(mail, name) for name in NAME_VARIABLES}
    return format_figures(mail.variables, language) | names
