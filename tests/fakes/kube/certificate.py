"""A certificate for loopback that clients are told to trust: they send no token without TLS."""

from __future__ import annotations

import base64
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@cache
def made() -> tuple[bytes, bytes]:
    """Return a certificate that vouches for itself and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stand-in")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return certificate, secret


def context() -> ssl.SSLContext:
    """Return what a server needs to speak TLS."""
    certificate, key = made()
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "server.pem"
        file.write_bytes(certificate + key)
        found.load_cert_chain(file)
    return found


def trusted() -> str:
    """Return the certificate as a kubeconfig holds it."""
    return base64.b64encode(made()[0]).decode()


def trusting() -> ssl.SSLContext:
    """Return what a client needs to trust it."""
    return ssl.create_default_context(cadata=made()[0].decode())
