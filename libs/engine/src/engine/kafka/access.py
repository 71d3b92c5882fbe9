"""Where a Kafka cluster is, and how to be let in."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.helpers import create_ssl_context

from engine.faults import Unreachable as Unreachable  # theirs who speak to a cluster
from events import topics

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a line for each retry: what matters we say ourselves


@dataclass(frozen=True, slots=True)
class Access:
    """A cluster as a client of ours finds it.

    `namespace` is put before the names of all topics and groups, so that several companies may share a cluster.
    `session` is how many seconds a member may be silent before its parts go to others. `copies`: replication of topics
    that we make; None leaves it to the broker.
    """

    bootstrap: str
    security: Security = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    namespace: str = ""
    session: float = 10.0
    copies: int | None = None

    def options(self) -> dict[str, Any]:
        """What every client of aiokafka is given."""
        given: dict[str, Any] = {"bootstrap_servers": self.bootstrap, "security_protocol": self.security}
        if self.security.endswith("SSL"):
            given["ssl_context"] = create_ssl_context(cafile=self.ca)
        if self.security.startswith("SASL"):
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return given

    def membership(self) -> Mapping[str, int]:
        """What a member of a group is given: it is missed after `session`, and says so in time that it lives.

        As often it looks which parts the topics have: one who joined while a topic was not there gets its parts soon.
        """
        session = int(self.session * 1000)
        return {
            "session_timeout_ms": session,
            "heartbeat_interval_ms": session // 5,
            "rebalance_timeout_ms": max(session, 5_000),
            "max_poll_interval_ms": 86_400_000,
            "metadata_max_age_ms": max(session, 1_000),
        }

    def topic(self, context: str) -> str:
        """The topic in which the events of a context are published."""
        return self.named(topics.of_context(context))

    def named(self, topic: str) -> str:
        """A topic, or a group, as it is called in this cluster."""
        return f"{self.namespace}{topic}"


_DENIED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


def said(error: BaseException) -> str:
    """What went wrong, for whoever has to do something about it."""
    if isinstance(error, _DENIED):
        return (
            f"the broker does not allow this to our user, KEHU_KAFKA__USERNAME ({type(error).__name__}): give it the "
            "rights (ACLs) of deploy/k8s/overlays/prod/users.yaml"
        )
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


@contextlib.contextmanager
def asking(what: str) -> Iterator[None]:
    """Failures of the client as `Unreachable`, which is tried again like any broken connection."""
    try:
        yield
    except KafkaError as error:
        raise Unreachable(f"{what}: {said(error)}") from error
