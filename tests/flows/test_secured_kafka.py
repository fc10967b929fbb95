"""A broker that asks for TLS, a certificate of the client's and a login: both clients get in, and tell no secret."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from flows.errors import EpilakeError
from flows.lake.jars import find_java, resolve_broker_jars
from flows.lake.tables import query
from flows.prefect_server import LOOPBACK, listen
from flows.publish import publish
from flows.settings import Settings
from flows.stream import stream
from flows.streaming import client

pytestmark = pytest.mark.spark
USER, PASSWORD = "epilake", 'pa"ss\\ w0rd-of-nobody'
POSTS = 50
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
controller.listener.names=CONTROLLER
listeners=SECURED://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=SECURED://{host}:{port}
listener.security.protocol.map=SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SECURED
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={folder}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
log.dirs={folder}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""


@dataclass(frozen=True)
class Authority:
    """Signs certificates, its own first."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @staticmethod
    def found(folder: Path) -> "Authority":
        """Make one; `ca.pem` is its certificate."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        made = Authority(folder, ec.generate_private_key(ec.SECP256R1()), name)
        (folder / "ca.pem").write_bytes(made._certify(name, made.key.public_key(), is_authority=True))
        return made

    def sign(self, name: str) -> tuple[bytes, bytes]:
        """Return certificate and key of somebody on this machine."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return self._certify(subject, key.public_key(), is_authority=False), private

    def _certify(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, is_authority: bool) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def secured(jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The settings with which such a broker is reached."""
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority.found(folder)
    (folder / "broker.pem").write_bytes(b"".join(reversed(authority.sign("broker"))))
    certificate, key = authority.sign("reader")
    (folder / "client.pem").write_bytes(certificate)
    (folder / "client.key").write_bytes(key)
    with closing(listen()) as first, closing(listen()) as second:
        port, controller = (listener.getsockname()[1] for listener in (first, second))
    properties = folder / "server.properties"
    properties.write_text(PROPERTIES.format(host=LOOPBACK, port=port, controller=controller, folder=folder))
    java = [str(find_java()), "-Xmx512m", "-cp", f"{resolve_broker_jars(Settings(jars=jars))}/*"]
    login = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
    tool = [*java, "kafka.tools.StorageTool", "format", "--config", str(properties)]
    subprocess.run(
        [*tool, "--cluster-id", "kVfXl5sGQxmDpDqPqTlSKw", "--add-scram", login], check=True, capture_output=True
    )
    log = folder / "broker.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*java, "kafka.Kafka", str(properties)], stdout=output, stderr=output)
    try:
        yield {
            "EPILAKE_KAFKA_SERVERS": f"{LOOPBACK}:{port}",
            "EPILAKE_KAFKA_SECURITY": "SASL_SSL",
            "EPILAKE_KAFKA_USERNAME": USER,
            "EPILAKE_KAFKA_PASSWORD": PASSWORD,
            "EPILAKE_KAFKA_CA_FILE": str(folder / "ca.pem"),
            "EPILAKE_KAFKA_CERT_FILE": str(folder / "client.pem"),
            "EPILAKE_KAFKA_KEY_FILE": str(folder / "client.key"),
        }
    finally:
        process.terminate()
        process.wait(timeout=60)


@pytest.fixture
def reached(secured: dict[str, str], empty_lake: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An empty lake whose settings are those, once the broker answers."""
    for name, value in secured.items():
        monkeypatch.setenv(name, value)
    deadline = time.monotonic() + 60
    while True:
        try:
            client.open_admin(Settings())
        except EpilakeError:
            assert time.monotonic() < deadline, "the broker does not answer"
            time.sleep(0.5)
        else:
            return Settings()


def test_what_is_published_over_tls_with_a_login_is_streamed(reached: Settings, tmp_path: Path) -> None:
    post = {"created_at": "2020-07-25T12:27:21.000Z", "text": "flu", "author_id": "7"}
    posts = [{**post, "id": str(10**15 + at)} for at in range(POSTS)]
    (tmp_path / "posts.jsonl").write_text("\n".join(map(json.dumps, posts)), encoding="utf-8")
    assert publish([str(tmp_path / "posts.jsonl")], "secured")["count_messages"] == POSTS
    assert stream("secured", available_now=True, score=False)["count_records"] == POSTS
    assert len(query(reached, "raw.twitter_posts", "select 1 from rows")) == POSTS

    assert reached.kafka_key_file
    private = reached.kafka_key_file.read_text(encoding="utf-8").splitlines()[1]
    secrets = [PASSWORD, PASSWORD.replace("\\", "\\\\").replace('"', '\\"'), private]
    written = [file for folder in (reached.logs, reached.checkpoints) for file in folder.rglob("*") if file.is_file()]
    assert written
    for file in written:
        content = file.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in content], file


@pytest.mark.parametrize(
    ("name", "value"),
    [("PASSWORD", "wrong"), ("CA_FILE", ""), ("CERT_FILE", "nowhere.pem"), ("KEY_FILE", __file__)],
)
def test_who_lacks_a_key_is_told_in_a_sentence(
    reached: Settings, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setattr(client, "ANSWER_SECONDS", 4.0)
    variable = f"EPILAKE_KAFKA_{name}"
    monkeypatch.setenv(variable, value) if value else monkeypatch.delenv(variable)
    with pytest.raises(EpilakeError, match=r"see .*the EPILAKE_KAFKA_") as told:
        stream("secured", available_now=True, score=False)
    assert PASSWORD not in str(told.value)
