"""Receive mails by SMTP and keep each as one file of a Maildir."""

from __future__ import annotations

import asyncio
import mailbox
import re
import socket
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from include.errors import ConfigurationError

SIZE_LIMIT_BYTES = 10 * 1024 * 1024

_FOLDERS = ("tmp", "new", "cur")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def open_maildir(path: Path) -> mailbox.Maildir:
    """Return the Maildir at `path`, made where it is missing, closed to other users.

    Its files are as private as the umask of the process makes them.

    Raises:
        ConfigurationError: `path` cannot be a Maildir, or holds something else.
    """
    try:
        _prepare(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot hold mails: {error.strerror}.") from error
    return mailbox.Maildir(path, create=False)


async def listen(maildir: mailbox.Maildir, listener: socket.socket) -> asyncio.Server:
    """Serve SMTP on a bound socket, in the running event loop."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _conversation(maildir, loop), sock=listener)


class Receiver:
    """Stores what aiosmtpd hands over."""

    def __init__(self, maildir: mailbox.Maildir) -> None:
        self._maildir = maildir

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Return the answer to a mail: 250 once its file is complete and in place."""
        try:
            # In a thread, as the disk may be slow: writing ends with an fsync.
            await asyncio.to_thread(self._maildir.add, stored_copy(envelope))
        except (OSError, mailbox.Error):
            return "451 4.3.0 The mail could not be stored; try again later"
        return "250 2.0.0 Stored"


def stored_copy(envelope: Envelope) -> bytes:
    """Return the mail as received, after two headers that tell its envelope."""
    # A mail that begins with a space continues the header before it: let that be the sender,
    # which anyone can make up, and not the recipients.
    head = (
        f"X-Envelope-To: {_one_line(', '.join(envelope.rcpt_tos))}\r\n"
        f"X-Envelope-From: {_one_line(envelope.mail_from or '')}\r\n"
    )
    return head.encode("utf-8", "replace") + (envelope.original_content or b"")


def _one_line(text: str) -> str:
    return _CONTROLS.sub(" ", text)


def _conversation(maildir: mailbox.Maildir, loop: asyncio.AbstractEventLoop) -> SMTP:
    # Without a host name, aiosmtpd would ask the DNS for one at every connection.
    return SMTP(
        Receiver(maildir),
        hostname="localhost",
        ident="local inbox",
        data_size_limit=SIZE_LIMIT_BYTES,
        enable_SMTPUTF8=True,
        loop=loop,
    )


def _prepare(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = {entry.name for entry in path.iterdir()}
    if names and not names.issuperset(_FOLDERS):
        raise ConfigurationError(f"{path} holds other files; name a new folder for the mails.")
    path.chmod(0o700)
    for name in _FOLDERS:
        (path / name).mkdir(mode=0o700, exist_ok=True)
