"""A mail server, as the connection `loyalty_smtp` describes it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from email.utils import parseaddr

from include.errors import ConfigurationError, MailServerError
from include.mail.message import usable_address
from include.mail.signing import Signature


@dataclass(frozen=True)
class MailServer:
    """A mail server and how to work with it; `from_email` is an address or `Name <address>`.

    `connections` are those of one sender; `mails_per_second` is for all senders together, None
    where nothing limits them. `ca_file` replaces the system's certificate authorities.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    use_ssl: bool = False
    use_starttls: bool = False
    from_email: str = "loyalty@localhost.localdomain"
    timeout_seconds: float = 30.0
    ca_file: str | None = None
    connections: int = 1
    mails_per_second: float | None = None
    mails_per_second_per_connection: float | None = None
    signature: Signature | None = None

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

    def error(self, what: str) -> MailServerError:
        """Return the error that this server cannot be worked with; `what` follows its name."""
        return MailServerError(
            f"The mail server at {self.address} {what}; the mails stay queued. Check the "
            "connection loyalty_smtp and the server, then run the task again."
        )

    def refuse_open_password(self) -> None:
        """Refuse to send a password over the network in the clear.

        Raises:
            ConfigurationError: there is a password, but neither encryption nor loopback.
        """
        encrypted = self.use_ssl or self.use_starttls
        if self.password and not encrypted and not _is_loopback(self.host):
            raise ConfigurationError(
                f"The password for the mail server {self.address} would travel unencrypted; turn "
                "TLS on in the connection loyalty_smtp, or remove the password."
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
