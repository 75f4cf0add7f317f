"""Signs mails with DKIM (RFC 6376), so that a receiver knows they are the sender's and unchanged.

The algorithm is `rsa-sha256`, which every receiver knows; head and body are canonicalised as
`relaxed`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from include.errors import ConfigurationError

# What a reader or a mail program goes by; each is signed only where the mail has it.
_SIGNED = (
    "from", "reply-to", "to", "subject", "date", "message-id", "list-unsubscribe",
    "list-unsubscribe-post", "auto-submitted", "content-language", "mime-version", "content-type",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_KEY_BITS_MIN = 1024


@dataclass(frozen=True)
class Signature:
    """In whose name to sign: the key is published at `<selector>._domainkey.<domain>`."""

    domain: str
    selector: str
    private_key: str = field(repr=False)

    def require_usable(self) -> None:
        """Refuse names that no DNS has, and a text that is no key.

        Raises:
            ConfigurationError: says which.
        """
        for name in (self.domain, self.selector):
            if not _NAME.fullmatch(name):
                raise ConfigurationError(f"{name!r} cannot be a DKIM domain or selector.")
        _key(self.private_key)


def sign(message: bytes, signature: Signature) -> bytes:
    """Return the mail with its DKIM-Signature on top; `message` has CRLF line ends.

    Raises:
        ConfigurationError: the private key cannot be used.
    """
    head, _, body = message.partition(b"\r\n\r\n")
    fields = _fields(head)
    names = [name for name in _SIGNED if name in fields]
    value = (
        "v=1; a=rsa-sha256; c=relaxed/relaxed; "
        f"d={signature.domain}; s={signature.selector};\r\n"
        f" h={':'.join(names)};\r\n"
        f" bh={_base64(hashlib.sha256(_relaxed_body(body)).digest())};\r\n"
        " b="
    ).encode("ascii")
    signed = [b"%b:%b" % (name.encode(), _relaxed(fields[name])) for name in names]
    signed.append(b"dkim-signature:" + _relaxed(value))
    made = _key(signature.private_key).sign(b"\r\n".join(signed), PKCS1v15(), SHA256())
    return b"DKIM-Signature: %b%b\r\n%b" % (value, _folded(_base64(made)), message)


def _fields(head: bytes) -> dict[str, bytes]:
    lines = re.split(rb"\r\n(?![ \t])", head)
    named = (line.partition(b":") for line in lines)
    return {name.decode("ascii").strip().lower(): value for name, _, value in named}


def _relaxed(value: bytes) -> bytes:
    return re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b"")).strip(b" ")


def _relaxed_body(body: bytes) -> bytes:
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)


def _folded(text: str) -> bytes:
    return "\r\n ".join(text[start : start + 72] for start in range(0, len(text), 72)).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


@lru_cache(maxsize=4)
def _key(text: str) -> RSAPrivateKey:
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except (TypeError, ValueError):
        # Without the error itself: it might quote the key.
        raise ConfigurationError(
            "dkim_private_key of the connection loyalty_smtp is no unencrypted private key in PEM."
        ) from None
    if isinstance(key, RSAPrivateKey) and key.key_size >= _KEY_BITS_MIN:
        return key
    raise ConfigurationError(
        "dkim_private_key of the connection loyalty_smtp has to be RSA, of at least 1024 bits."
    )
