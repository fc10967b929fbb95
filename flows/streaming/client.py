"""How this installation speaks to Kafka: addresses, TLS and login, spelt for librdkafka and for Spark.

Stands apart because publisher, collector and stream share it, and because a password is in here: it is handed to the
two clients and to nobody else.
"""

import json
from typing import TYPE_CHECKING, Any

from flows.errors import EpilakeError
from flows.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

ANSWER_SECONDS = 15.0


def find_servers(settings: Settings) -> str:
    """Return the bootstrap servers: those of the settings, else the broker of this installation.

    Raises:
        EpilakeError: Neither is known.
    """
    if settings.kafka_servers:
        return settings.kafka_servers
    known = read_broker(settings)
    if not known:
        raise EpilakeError("No Kafka is known: start one with `epilake kafka up`, or name it in EPILAKE_KAFKA_SERVERS.")
    return f"{known['host']}:{known['port']}"


def read_broker(settings: Settings) -> dict[str, Any]:
    """Return what `epilake kafka up` wrote about the broker; empty if there never was one."""
    try:
        return dict(json.loads((settings.broker / "broker.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the connection as librdkafka spells it."""
    options: dict[str, Any] = {
        "bootstrap.servers": find_servers(settings),
        "security.protocol": settings.kafka_security,
        "log_level": 0,  # what fails is told by an error, and a log line may name who logs in
    }
    if "SASL" in settings.kafka_security:
        options |= {
            "sasl.mechanism": settings.kafka_sasl_mechanism,
            "sasl.username": settings.kafka_username,
            "sasl.password": settings.kafka_password.get_secret_value(),
        }
    if "SSL" in settings.kafka_security.removeprefix("SASL_"):
        files = {
            "ssl.ca.location": settings.kafka_ca_file,
            "ssl.certificate.location": settings.kafka_cert_file,
            "ssl.key.location": settings.kafka_key_file,
        }
        options |= {name: str(path) for name, path in files.items() if path}
    return options


def spark_options(settings: Settings) -> dict[str, str]:
    """Return the connection as Spark's Kafka source spells it; Spark redacts what it logs of these."""
    options = {
        "kafka.bootstrap.servers": find_servers(settings),
        "kafka.security.protocol": settings.kafka_security,
    }
    if "SASL" in settings.kafka_security:
        module = "plain.PlainLoginModule" if settings.kafka_sasl_mechanism == "PLAIN" else "scram.ScramLoginModule"
        user, password = (
            _quote(text) for text in (settings.kafka_username, settings.kafka_password.get_secret_value())
        )
        options |= {
            "kafka.sasl.mechanism": settings.kafka_sasl_mechanism,
            "kafka.sasl.jaas.config": f"org.apache.kafka.common.security.{module} required "
            f"username={user} password={password};",
        }
    if "SSL" in settings.kafka_security.removeprefix("SASL_"):
        if settings.kafka_ca_file:
            options |= {
                "kafka.ssl.truststore.type": "PEM",
                "kafka.ssl.truststore.location": str(settings.kafka_ca_file),
            }
        if settings.kafka_cert_file and settings.kafka_key_file:
            options |= {
                "kafka.ssl.keystore.type": "PEM",
                "kafka.ssl.keystore.certificate.chain": settings.kafka_cert_file.read_text(encoding="utf-8"),
                "kafka.ssl.keystore.key": settings.kafka_key_file.read_text(encoding="utf-8"),
            }
    return options


def _quote(text: str) -> str:
    r"""Return a text as JAAS quotes it.

    >>> print(_quote('a"b\\c'))
    "a\"b\\c"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def check_broker(servers: str) -> bool:
    """Say whether an unsecured broker answers."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        return bool(AdminClient({"bootstrap.servers": servers, "log_level": 0}).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def open_admin(settings: Settings) -> "AdminClient":
    """Return a client that has reached Kafka.

    Raises:
        EpilakeError: It does not answer, or refuses the login.
    """
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    told: list[str] = []
    options: dict[str, Any] = {**client_options(settings), "error_cb": lambda error: told.append(error.str())}
    try:
        admin = AdminClient(options)
    except KafkaException as error:  # a file that is not there, or holds something else
        raise EpilakeError(f"{error.args[0].str()}: see the EPILAKE_KAFKA_* settings.") from error
    try:
        admin.list_topics(timeout=ANSWER_SECONDS)
    except KafkaException as error:
        admin.poll(0)
        reason = told[-1] if told else error.args[0].str()
        raise EpilakeError(
            f"Kafka at {find_servers(settings)} does not answer ({reason}): see that it is up, and the EPILAKE_KAFKA_* "
            f"settings."
        ) from error
    return admin


def ensure_topic(admin: "AdminClient", topic: str, partitions: int) -> None:
    """Make a topic if there is none of that name; one that is there stays as it is.

    Raises:
        EpilakeError: Kafka refuses the name, or us.
    """
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    if topic in admin.list_topics(timeout=ANSWER_SECONDS).topics:
        return
    new = NewTopic(topic, num_partitions=partitions)
    try:
        admin.create_topics([new])[topic].result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise EpilakeError(f"Kafka does not make the topic {topic!r} ({error.args[0].str()}).") from error


def identify_topic(admin: "AdminClient", topic: str) -> str:
    """Return Kafka's own id of a topic: another one of the same name has another.

    Raises:
        EpilakeError: There is no such topic.
    """
    from confluent_kafka import KafkaException, TopicCollection

    try:
        found = admin.describe_topics(TopicCollection([topic]))[topic].result()
    except KafkaException as error:
        raise EpilakeError(
            f"There is no topic {topic!r} ({error.args[0].str()}): `epilake publish` makes it, or name another."
        ) from error
    return str(found.topic_id)
