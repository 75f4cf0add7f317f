"""Mails to the people who run the pipeline; never a customer's name, address or card in them."""

from __future__ import annotations

import os
import smtplib
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from include.errors import ConfigurationError
from include.mail.answers import scrub
from include.mail.message import usable_address
from include.mail.opening import open_connection
from include.mail.server import MailServer
from include.note import Note

VARIABLE = "LOYALTY_OPERATORS"


def operators() -> list[str]:
    """Return the addresses in `LOYALTY_OPERATORS`, apart by commas; none: nothing is mailed.

    Raises:
        ConfigurationError: one of them is no address.
    """
    given = [word.strip() for word in (os.environ.get(VARIABLE) or "").split(",")]
    addresses = []
    for word in filter(None, given):
        address = usable_address(word)
        if address is None:
            raise ConfigurationError(
                f"{VARIABLE} holds {word!r}, which is no mail address; write them like "
                "nora@shop.example, max@shop.example."
            )
        addresses.append(address)
    return addresses


def write_note(note: Note, *, sender: str, recipients: list[str]) -> EmailMessage:
    """Return the note as a mail of plain text."""
    mail = EmailMessage()
    mail["Subject"] = f"[loyalty] {note.subject}"
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # No absence note shall answer it.
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join(note.sentences) + "\n")
    return mail


def mail_note(server: MailServer, note: Note, recipients: list[str]) -> None:
    """Hand the note to the mail server, once.

    Raises:
        MailServerError: it does not take it.
        ConfigurationError: its settings cannot be used.
    """
    server.refuse_open_password()
    sender = server.sender_address
    mail = write_note(note, sender=sender, recipients=recipients)
    smtp = open_connection(server)
    try:
        smtp.send_message(mail, sender, recipients)
    except (smtplib.SMTPException, OSError) as error:
        raise server.error(f"does not take the operators' mail ({scrub(str(error))})") from error
    finally:
        smtp.close()
