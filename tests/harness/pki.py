"""Certificates, made for each run."""

import datetime
import functools
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Pair:
    """A certificate with its key, and the certificate that signed it."""

    def __init__(self, certificate, key, issuer=None):
        self.certificate, self.key, self.issuer = certificate, key, issuer

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def chain_pem(self):
        return self.pem + (self.issuer.pem if self.issuer else "")

    @property
    def key_pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def write(self, folder, stem):
        """Files STEM.crt and STEM.key; their paths."""
        crt, key = folder / f"{stem}.crt", folder / f"{stem}.key"
        crt.write_text(self.chain_pem)
        key.write_text(self.key_pem)
        return crt, key


def _name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject, issuer, key, days):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1, days=max(0, -days)))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def new_ca(name="Test CA", days=30):
    """A certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(name, _name(name), key, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


@functools.cache
def authority():
    """The authority of this run."""
    return new_ca()


def _alternative(name):
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def leaf(*names, ca=None, client=False, days=20, rsa_key=False):
    """A certificate for some names."""
    ca = ca or authority()
    key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    certificate = (
        _builder(names[0], ca.certificate.subject, key, days)
        .add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    return Pair(certificate, key, ca)


def names_of(der):
    """The DNS names of a certificate in DER."""
    certificate = x509.load_der_x509_certificate(der)
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return found.get_values_for_type(x509.DNSName)


def client_context(alpn=None, ca=None, maximum=None, minimum=None, certificate=None):
    """A client's TLS context; it verifies only if `ca` is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.check_hostname = True
        context.load_verify_locations(cadata=ca.pem)
    if alpn:
        context.set_alpn_protocols(alpn)
    if maximum:
        context.maximum_version = maximum
    if minimum:
        context.minimum_version = minimum
    if certificate:
        context.load_cert_chain(*certificate)
    return context
