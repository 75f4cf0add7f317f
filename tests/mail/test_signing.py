from __future__ import annotations

import base64
import re

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from include.errors import ConfigurationError
from include.mail.signing import Signature, sign

KEY = generate_private_key(65537, 2048)
MAIL = (
    b'From: "Caf" <points@shop.example>\r\nTo:  anna@home.example\r\n'
    b"Subject: =?utf-8?b?w6Q=?=\r\n =?utf-8?b?w6Q=?=\r\nX-Other: 1\r\n"
    b"Message-ID:<x@shop.example>\r\n\r\n"
    b" one  two\t \r\n\r\n.three \r\n\r\n\r\n"
)
# Both as dkimpy 1.1.8 reckons, which verified what `sign` makes of this mail.
BODY_HASH = "xdfn4/z1IAjGB1U1G46KPQGItvp88Ujz2NXW9coNaKk="
SIGNED_HEAD = (
    'from:"Caf" <points@shop.example>\r\nto:anna@home.example\r\n'
    "subject:=?utf-8?b?w6Q=?= =?utf-8?b?w6Q=?=\r\nmessage-id:<x@shop.example>\r\n"
    "dkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=shop.example; s=s1;"
    f" h=from:to:subject:message-id; bh={BODY_HASH}; b="
)
# The example of RFC 6376, appendix A, whose hash the RFC gives.
RFC_BODY = b"Hi.\r\n\r\nWe lost the game. Are you hungry yet?\r\n\r\nJoe.\r\n"
RFC_HASH = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="
EMPTY_HASH = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # of no bytes at all


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signed(mail=MAIL, **changes):
    wish = {"domain": "shop.example", "selector": "s1", "private_key": pem(KEY)} | changes
    return sign(mail, Signature(**wish))


def signature_of(mail):
    head = mail.split(b"From:")[0].decode()
    return base64.b64decode(re.sub(r"\s", "", head.partition(" b=")[2]))


def test_signature_is_the_keys_over_the_canonical_head():
    mail = signed()
    assert mail.endswith(b"\r\n" + MAIL)
    KEY.public_key().verify(signature_of(mail), SIGNED_HEAD.encode(), PKCS1v15(), SHA256())
    changed = SIGNED_HEAD.replace("anna", "spy").encode()
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(signature_of(mail), changed, PKCS1v15(), SHA256())


@pytest.mark.parametrize(
    ("body", "expected"), [(b"", EMPTY_HASH), (b"\r\n\r\n", EMPTY_HASH), (RFC_BODY, RFC_HASH)]
)
def test_body_is_hashed_as_the_rfc_says(body, expected):
    assert f" bh={expected};" in signed(b"From: a@b.example\r\n\r\n" + body).decode()


def test_no_line_of_the_signature_is_longer_than_a_mails_lines_may_be():
    head, _, _ = signed().partition(b"From:")
    assert max(map(len, head.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"private_key": "no key at all geheim"}, "no unencrypted private key"),
        ({"private_key": pem(Ed25519PrivateKey.generate())}, "has to be RSA"),
        ({"domain": "shop.example\r\nBcc: x"}, "DKIM domain"),
        ({"selector": "a b"}, "selector"),
    ],
)
def test_unusable_key_or_name_is_refused_without_telling_the_key(changes, match):
    wish = {"domain": "shop.example", "selector": "s1", "private_key": pem(KEY)} | changes
    signature = Signature(**wish)
    with pytest.raises(ConfigurationError, match=match) as refused:
        signature.require_usable()
    assert "geheim" not in str(refused.value)
    assert "PRIVATE" not in repr(signature)
