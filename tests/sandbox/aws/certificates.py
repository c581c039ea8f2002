"""Certificates of ACM and IAM in moto, and what a listener presents of them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class KeyPair:
    """PEM."""

    certificate: str
    key: str


class KeyPairs:
    """What was presented once stays presentable after the certificate is deleted, as on a load balancer."""

    def __init__(self) -> None:
        self._known: dict[str, KeyPair] = {}

    def of(self, account: str, region: str, arn: str) -> KeyPair:
        pair = _stored(account, region, arn)
        if pair is not None:
            self._known[arn] = pair if _usable(pair) else _self_signed(arn)
        return self._known[arn]


def certificate_exists(account: str, region: str, arn: str) -> bool:
    """Whether AWS would take the ARN: IAM has it, or ACM has it and has issued it."""
    return _stored(account, region, arn) is not None


def _stored(account: str, region: str, arn: str) -> KeyPair | None:
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service == "iam":
        from moto.iam.models import iam_backends

        uploaded = iam_backends[account]["aws"].get_certificate_by_arn(arn)
        return KeyPair(uploaded.cert_body, uploaded.private_key) if uploaded else None
    if service == "acm":
        from moto.acm.models import CertificateNotFound, acm_backends

        try:
            bundle = acm_backends[account][region].get_certificate(arn)
        except CertificateNotFound:
            return None
        return KeyPair(bundle.cert.decode(), bundle.key.decode()) if bundle.status == "ISSUED" else None
    return None


@lru_cache
def _usable(pair: KeyPair) -> bool:
    """Whether Envoy can present it; moto stores whatever text IAM is given."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.encode())
        key = load_pem_private_key(pair.key.encode(), None)
    except ValueError:
        return False
    return certificate.public_key() == key.public_key()


@lru_cache
def _self_signed(arn: str) -> KeyPair:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, arn.rsplit("/", 1)[-1][:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )
