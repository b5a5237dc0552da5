"""The key that C2PA manifests are signed with: the user's own, or a test key that this machine makes for itself.

The test key proves that a file was not changed, not who made it: its certificate says so in its name, and every row that was
signed with it says so too.
"""

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jobs.errors import Terminal
from schemas.settings import Runtime

TEST_NAME = "Reelmill TEST key - proves nothing about the maker"
VALID_DAYS, RENEW_DAYS = 825, 30


@dataclass(frozen=True)
class Signer:
    """What signs.

    Attributes:
        key: PEM private key, EC P-256.
        chain: PEM certificates, the signer's first.
        test: Whether it is the self-made test key.
    """

    key: bytes
    chain: bytes
    test: bool

    @property
    def anchor(self) -> str:
        """The last certificate of the chain: who trusts it trusts the manifest."""
        mark = b"-----BEGIN CERTIFICATE-----"
        return (mark + self.chain.split(mark)[-1]).decode()


def signer(runtime: Runtime) -> Signer:
    """The user's key, or the test key where none is set.

    Raises:
        Terminal: only one of key and chain is set, or one cannot be read or does not fit the other.
    """
    if not runtime.signing_key and not runtime.signing_chain:
        return test_signer(_home())
    if not (runtime.signing_key and runtime.signing_chain):
        missing = "runtime.signing_chain" if runtime.signing_key else "runtime.signing_key"
        raise Terminal(f"{missing} is empty; C2PA needs both the key and its certificate chain, or neither for a test key")
    found = Signer(_read(runtime.signing_key), _read(runtime.signing_chain), False)
    _fit(found, runtime)
    return found


def _read(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise Terminal(f"{path}: {error.strerror} (signing key or chain)") from None


def _fit(found: Signer, runtime: Runtime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(found.key, None)
        certificate = x509.load_pem_x509_certificates(found.chain)[0]
    except (ValueError, TypeError, IndexError) as error:
        raise Terminal(f"{runtime.signing_key} and {runtime.signing_chain}: not an unencrypted PEM key and a PEM chain "
                       f"({error})") from None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise Terminal(f"{runtime.signing_key}: C2PA manifests are signed with ES256 here; give an EC key on the curve P-256")
    if key.public_key() != certificate.public_key():
        raise Terminal(f"{runtime.signing_chain}: its first certificate does not belong to {runtime.signing_key}")


def _home() -> Path:
    return Path(os.environ.get("REELMILL_CACHE", Path.home() / ".cache" / "reelmill")) / "test-key"


def test_signer(folder: Path) -> Signer:
    """The test key of this machine, made where there is none or it runs out; processes that start together share one."""
    from cryptography import x509

    file = folder / "signer.pem"
    if file.is_file():
        key, mark, chain = file.read_bytes().partition(b"-----BEGIN CERTIFICATE-----")
        until = x509.load_pem_x509_certificates(mark + chain)[0].not_valid_after_utc
        if until > datetime.now(UTC) + timedelta(days=RENEW_DAYS):
            return Signer(key, mark + chain, True)
        file.unlink(missing_ok=True)
    made = _made()
    folder.mkdir(parents=True, exist_ok=True)
    handle, passing = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as out:
        out.write(made.key + made.chain)
    try:
        os.link(passing, file)  # whole and exclusive: whoever is first makes the key of this machine
    except FileExistsError:
        return test_signer(folder)
    finally:
        os.unlink(passing)
    return made


def _made() -> Signer:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Reelmill TEST"),
                          x509.NameAttribute(NameOID.COMMON_NAME, common)])

    def usage(**on: bool) -> x509.KeyUsage:
        every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
        return x509.KeyUsage(**{use: on.get(use, False) for use in every})

    now = datetime.now(UTC)

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(name("Reelmill TEST root"))
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=days))
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False))

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = (certificate(name("Reelmill TEST root"), root, 3650)
                 .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                 .add_extension(usage(key_cert_sign=True, crl_sign=True), critical=True).sign(root, hashes.SHA256()))
    own = (certificate(name(TEST_NAME), leaf, VALID_DAYS)
           .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
           .add_extension(usage(digital_signature=True), critical=True)
           .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
           .sign(root, hashes.SHA256()))
    key = leaf.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Signer(key, own.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM), True)
