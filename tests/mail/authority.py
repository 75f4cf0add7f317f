"""A certificate authority of the tests' own, and the certificate of a server on loopback."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)


class Authority:
    """Signs one certificate for 127.0.0.1; `ca_file` is what a client has to trust."""

    def __init__(self, folder: Path, *, address: str = "127.0.0.1", days: int = 1) -> None:
        self.ca_file = folder / "ca.pem"
        self._chain = folder / "server.pem"
        authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = _certificate("authority", authority_key.public_key(), days).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        server = _certificate("server", server_key.public_key(), days).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        signed = (each.sign(authority_key, SHA256()) for each in (authority, server))
        authority_pem, server_pem = (each.public_bytes(Encoding.PEM) for each in signed)
        private = server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.ca_file.write_bytes(authority_pem)
        self._chain.write_bytes(private + server_pem)

    def context(self) -> ssl.SSLContext:
        """What the server speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._chain)
        return context


def _certificate(
    name: str, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("authority"))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"loyalty tests' {name}")])
