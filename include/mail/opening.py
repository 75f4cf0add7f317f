"""Opens a connection to a mail server: encrypted as agreed or not at all, then the login."""

from __future__ import annotations

import smtplib
import socket
import ssl

from include.errors import ConfigurationError, LoyaltyError
from include.mail.answers import decoded, scrub
from include.mail.server import MailServer


def open_connection(server: MailServer) -> smtplib.SMTP:
    """Return a connection that is ready for mails.

    Raises:
        MailServerError: the server cannot be reached, or refuses the encryption or the login.
        ConfigurationError: the file of certificate authorities cannot be read.
    """
    context = _encryption(server)
    try:
        smtp = _connect(server, context)
        try:
            _greet(smtp, server, context)
        except BaseException:
            smtp.close()
            raise
        return smtp
    except LoyaltyError:
        raise
    except ssl.SSLError as error:
        said = getattr(error, "verify_message", "") or error.reason
        raise server.error(f"cannot agree on encryption with us ({said})") from error
    except smtplib.SMTPResponseException as error:
        said = scrub(f"{error.smtp_code} {decoded(error.smtp_error)}")
        raise server.error(f"turns us away ({said})") from error
    except smtplib.SMTPNotSupportedError as error:
        raise server.error(
            "offers no STARTTLS (give the connection disable_tls where it shall do without)"
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise server.error(f"cannot be reached ({scrub(str(error))})") from error


def _encryption(server: MailServer) -> ssl.SSLContext | None:
    if not (server.use_ssl or server.use_starttls):
        return None
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificate authorities in {server.ca_file!r} cannot be read; set ca_file of the "
            "connection loyalty_smtp to a PEM file on every worker."
        ) from error


def _connect(server: MailServer, context: ssl.SSLContext | None) -> smtplib.SMTP:
    timeout = server.timeout_seconds
    smtp: smtplib.SMTP
    if server.use_ssl:
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=timeout)
    if smtp.sock is not None:
        # The final dot is a write of its own; it must not wait for a delayed acknowledgement.
        smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return smtp


def _greet(smtp: smtplib.SMTP, server: MailServer, context: ssl.SSLContext | None) -> None:
    smtp.ehlo_or_helo_if_needed()
    if server.use_starttls and not server.use_ssl:
        code, text = smtp.starttls(context=context)
        if code != 220:
            raise smtplib.SMTPResponseException(code, text)
        smtp.ehlo()
    if server.user and server.password:
        _log_in(smtp, server, server.user, server.password)


def _log_in(smtp: smtplib.SMTP, server: MailServer, user: str, password: str) -> None:
    try:
        smtp.login(user, password)
    except smtplib.SMTPAuthenticationError as error:
        # Without the error itself: nobody knows what a server quotes in its refusal.
        raise server.error(f"refuses the login ({error.smtp_code})") from None
    except smtplib.SMTPNotSupportedError:
        raise server.error("offers no login that we know") from None
