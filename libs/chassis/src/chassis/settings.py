"""Everything that can be set, in groups. The only reader of the environment: ``KEHU_<GROUP>__<FIELD>``."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from chassis.auth import DEVELOPMENT, Principal, Role

SECRETS_DIR = "KEHU_SECRETS_DIR"


class Http(BaseModel):
    """The port and what is taken through it."""

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port.")
    largest_body: int = Field(10_000_000, gt=0, description="Bytes of a request body; above: 413.")
    largest_document: int = Field(1_000_000, gt=0, description="Bytes of a single document for the intake; above: 413.")
    at_once: int = Field(2000, gt=0, description="Requests of one service answered at the same time; above: 429.")
    rate: str = Field("2000/second", description="Requests of one principal; above: 429.")
    failures: str = Field("60/minute", description="Tokens of one address that are nobody's; above: 429.")
    hosts: tuple[str, ...] = Field(("*",), description="Host names answered for, as JSON; * for any; others: 421.")
    origins: tuple[str, ...] = Field((), description="Origins of pages that may call from a browser (CORS), as JSON.")
    proxies: tuple[str, ...] = Field(
        ("127.0.0.1",),
        description="Addresses of proxies in front, as JSON, whose X-Forwarded-For and -Proto are believed; * for any.",
    )
    heartbeat: float = Field(15.0, gt=0, description="Seconds between the heartbeats of an open event stream.")
    patience: float = Field(5.0, gt=0, description="Seconds a read waits for the position asked for; then 503.")


class Grant(BaseModel):
    """Whose a token is."""

    id: str = Field(description="Name of the person or system; the actor of its events.")
    roles: frozenset[Role] = Field(description="Roles held.")
    employee: str | None = Field(None, min_length=1, description="Name as owner of customers, where it is not the id.")


class Auth(BaseModel):
    """Who may come in."""

    development: bool = Field(False, description="Take the development tokens (dev-admin, ...). For one machine only.")
    tokens: dict[str, Grant] = Field(
        default_factory=dict,
        repr=False,
        description='Bearer token -> whose it is, as JSON: `{"TOKEN": {"id": "u-17", "roles": ["sales"], '
        '"employee": "zhao"}}`; `employee`: the name as owner of customers, where it is not the id.',
    )

    def known(self) -> dict[str, Principal]:
        """All tokens that are taken."""
        own = {
            token: Principal(grant.id, frozenset(grant.roles), grant.employee) for token, grant in self.tokens.items()
        }
        return {**DEVELOPMENT, **own} if self.development else own


Asymmetric = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
SHORTEST_SECRET = 32
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Jwt(BaseModel):
    """Signed tokens (JWT) of an identity provider. None are taken until one of `jwks`, `key` and `secret` is set."""

    jwks: str | None = Field(None, description="Key set (JWKS) of the provider: an https URL, or the path of a file.")
    key: str | None = Field(None, description="The provider's public key itself, as PEM.")
    secret: SecretStr | None = Field(None, description="Secret shared with the issuer, for HS256; 32 bytes or more.")
    issuer: str | None = Field(None, description="The claim `iss` has to be this.")
    audience: str | None = Field(None, description="The claim `aud` has to be this, or to list it.")
    algorithms: tuple[Asymmetric, ...] | tuple[Literal["HS256"]] = Field(
        ("RS256", "PS256", "ES256", "EdDSA"),
        description="Algorithms of signatures that are taken, as JSON; with a secret always HS256 alone.",
    )
    leeway: float = Field(
        30.0, ge=0, le=3600, description="Seconds the clocks of the issuer and of this server may differ."
    )
    roles: str = Field("roles", description="Claim with the roles; dots lead into objects: `realm_access.roles`.")
    role_names: dict[str, Role] = Field(
        default_factory=dict, description="Name of a role there -> role here, as JSON; others count under their own."
    )
    employee: str = Field("employee", description="Claim with the name a person has as owner of customers; else `sub`.")
    refresh: float = Field(300.0, gt=0, description="Seconds after which the key set is fetched again.")
    cooldown: float = Field(30.0, gt=0, description="Seconds between two looks for a key id that is not known.")
    keep: timedelta = Field(
        timedelta(hours=12), description="How long the last keys are used while the provider cannot be reached."
    )

    @model_validator(mode="after")
    def safe(self) -> Self:
        """What would let anybody in is refused at the start."""
        sources = [s for s in (self.jwks, self.key, self.secret) if s is not None]
        if len(sources) > 1:
            raise ValueError("set one of jwks, key and secret, not several")
        if sources and not (self.issuer and self.audience):
            raise ValueError("issuer and audience are needed, else tokens made for others would be taken")
        if self.jwks and not _trustworthy(self.jwks):
            raise ValueError(
                "jwks is fetched by https only (http on this machine): who changes it on the way is everybody"
            )
        if self.secret:
            return self._symmetric(self.secret)
        if "HS256" in self.algorithms:
            raise ValueError("algorithms: HS256 needs a secret; with a public key anybody could sign")
        return self._lasting()

    def _symmetric(self, secret: SecretStr) -> Self:
        if len(secret.get_secret_value().encode()) < SHORTEST_SECRET:
            raise ValueError(f"the secret needs {SHORTEST_SECRET} bytes at least")
        self.algorithms = ("HS256",)
        return self

    def _lasting(self) -> Self:
        if self.keep.total_seconds() < self.refresh:
            raise ValueError("keep has to be longer than refresh")
        return self


def _trustworthy(place: str) -> bool:
    """Whether nobody on the way can change what is read from there."""
    url = urlsplit(place)
    return "://" not in place or url.scheme == "https" or (url.scheme == "http" and url.hostname in LOOPBACK)


class Company(BaseModel):
    """The selling company whose customers these are."""

    id: str = Field("main", description="The legal entity; stands in every event.")
    time_zone: str = Field("Asia/Shanghai", description="IANA name; business dates are dates there.")
    stale_after: int = Field(
        365, gt=0, description="Days after which the record of a customer is stale unless verified (R-008)."
    )
    opens_days: bool = Field(True, description="Open each business day by the clock; false: by command only.")


class Databases(BaseModel):
    """Where the services keep what they know."""

    server: SecretStr | None = Field(
        None, description="postgresql:// URL of a server to use instead of the embedded one; databases are made in it."
    )
    urls: dict[str, SecretStr] = Field(default_factory=dict, description="Service name -> postgresql:// URL, as JSON.")
    pool: int = Field(
        6,
        gt=0,
        description="Sessions of each pool: a service has one for its work, one for its views, one for reading topics.",
    )
    strict_roles: bool = Field(
        False,
        description="Do not start where sessions cannot take on the roles kehu_writer and kehu_reader; "
        "false: a warning, and the rights of the login.",
    )
    patience: float = Field(
        60.0, ge=0, description="Seconds a process that starts waits for its databases to answer and to be migrated."
    )


BusKind = Literal["table", "kafka"]


class Bus(BaseModel):
    """What the services meet on."""

    kind: BusKind = Field(
        "table", description="`table`: the database is enough. `kafka`: events and documents go through Kafka."
    )


class Kafka(BaseModel):
    """The cluster, where the bus is Kafka."""

    bootstrap: str = Field("127.0.0.1:9092", description="Addresses of brokers: `host:port,host:port`.")
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How connections are secured, as the brokers' listener has it."
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How a user proves who it is, with a security that begins with SASL."
    )
    username: str | None = Field(None, description="User, with SASL.")
    password: SecretStr | None = Field(None, description="Its password.")
    ca: Path | None = Field(None, description="Certificates of the authority that signed the brokers', as PEM; else "
                            "the system's.")  # fmt: skip
    namespace: str = Field(
        "",
        pattern=r"^([a-z0-9][a-z0-9-]*\.)?$",
        description="Put before the names of topics and groups, with a dot at its end: companies may share a cluster.",
    )
    replication: int | None = Field(None, gt=0, description="Copies of topics we make; else the brokers' default.")
    make_topics: bool = Field(True, description="Make topics that are missing; false: they are made for us.")
    session: float = Field(10.0, ge=1, description="Seconds a process may be silent before its parts go to others.")

    @model_validator(mode="after")
    def let_in(self) -> Self:
        """SASL without a user is refused at the start."""
        if self.security.startswith("SASL") and not (self.username and self.password):
            raise ValueError(f"{self.security} needs username and password")
        return self


class Intake(BaseModel):
    """Documents of the ERP."""

    batch: int = Field(1000, gt=0, description="Documents in one batch, at most.")
    wait: timedelta = Field(timedelta(days=3), description="How long a document waits for what it refers to.")
    retry: float = Field(2.0, gt=0, description="Seconds between looks at the documents that wait.")
    topics: bool = Field(True, description="Take documents from the erp.* topics as well, and answer there.")
    keep: timedelta = Field(
        timedelta(days=7),
        description="How long a topic keeps messages that were read; those with data of persons: not.",
    )
    longest_retry: timedelta = Field(
        timedelta(minutes=10), description="Longest pause between two tries of a document."
    )


class Mirror(BaseModel):
    """The columnar mirror that answers figures over all customers where there is much to add up."""

    from_events: int = Field(
        500_000, ge=0, description="Events folded from which on it is asked instead of the database; it is made then."
    )
    memory: str = Field("256MB", description="What it may hold in memory; the rest lies in a temporary file.")


class Keys(BaseModel):
    """The key that wraps the keys of persons."""

    encryption: SecretStr | None = Field(None, description="Key-encryption key, 32 bytes as base64.")


class Work(BaseModel):
    """Workers: what feeds views, reacts, watches due dates."""

    member: str = Field(
        "main",
        description="Name of this process in its groups; each needs its own. A worker process: host name and process "
        "id, unless set.",
    )
    roles: tuple[str, ...] | None = Field(
        None,
        description='Roles of a worker process, as JSON: `["projector", "reactor"]`; all of them unless set: '
        "relay, projector, reactor, timers, evaluator, intake, daybreak.",
    )
    grace: float = Field(5.0, gt=0, description="Seconds workers and requests get to end when the process stops.")


class Logs(BaseModel):
    """What is written about requests and work; never bodies, never personal data."""

    format: Literal["json", "pretty"] = Field("json", description="One JSON object a line, or coloured text.")
    reads_kept: timedelta = Field(
        timedelta(days=1096), ge=timedelta(days=30), description="How long it is kept who read what is said of persons."
    )
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level written.")
    file: Path | None = Field(
        None,
        description="A file that gets everything from info on as well, as JSON. `kehu up`: `.kehu/<name>/kehu.log`, "
        "and on the terminal only warnings, as coloured text.",
    )
    file_size: int = Field(10_000_000, gt=0, description="Bytes after which a new file is begun.")
    file_count: int = Field(5, ge=1, description="Earlier files kept: kehu.log.1 is the last one.")


class Metrics(BaseModel):
    """What Prometheus is told at ``/metrics``."""

    token: SecretStr | None = Field(
        None,
        min_length=16,
        description="Bearer token that opens /metrics and nothing else. Without one: role operations on a port with "
        "routes, anybody on the port of a worker.",
    )


class Traces(BaseModel):
    """Requests followed through commands, topics and views (OpenTelemetry); off unless an endpoint is set."""

    endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="URL of a collector that takes OTLP by HTTP: `http://collector:4318`; without a path: /v1/traces.",
    )
    headers: dict[str, SecretStr] = Field(
        default_factory=dict, description='Headers sent to it, as JSON: `{"Authorization": "..."}`.'
    )
    ratio: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of traces that are kept; a request that names a trace is kept as that is.",
    )
    name: str | None = Field(
        None, description="What this process is called there; else `kehu-credit`, ..., or `kehu` where all are in one."
    )


class Gateway(BaseModel):
    """One origin before services that run as processes of their own: ``python -m console``."""

    apis: dict[str, str] = Field(
        default_factory=dict, description='Service -> URL of its api, as JSON: `{"credit": "http://credit-api:8000"}`.'
    )
    workers: dict[str, str] = Field(
        default_factory=dict, description="Service -> URL of its worker, as JSON: what halted there is told, too."
    )


class Settings(BaseSettings):
    """All groups. ``KEHU_HTTP__PORT=8080`` sets `http.port`, and so does a file ``http__port`` in KEHU_SECRETS_DIR."""

    model_config = SettingsConfigDict(env_prefix="KEHU_", env_nested_delimiter="__", extra="ignore")

    http: Http = Field(default_factory=Http)
    auth: Auth = Field(default_factory=Auth)
    jwt: Jwt = Field(default_factory=Jwt)
    company: Company = Field(default_factory=Company)
    databases: Databases = Field(default_factory=Databases)
    bus: Bus = Field(default_factory=Bus)
    kafka: Kafka = Field(default_factory=Kafka)
    intake: Intake = Field(default_factory=Intake)
    mirror: Mirror = Field(default_factory=Mirror)
    keys: Keys = Field(default_factory=Keys)
    work: Work = Field(default_factory=Work)
    logs: Logs = Field(default_factory=Logs)
    gateway: Gateway = Field(default_factory=Gateway)
    metrics: Metrics = Field(default_factory=Metrics)
    traces: Traces = Field(default_factory=Traces)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, then files: an orchestrator mounts secrets as files, which no child process inherits."""
        folder = os.environ.get(SECRETS_DIR)
        files = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir=folder, env_prefix="", secrets_nested_delimiter="__"
        )
        return (init_settings, env_settings, *([files] if folder else []))


GROUPS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("http", Http),
    ("auth", Auth),
    ("jwt", Jwt),
    ("company", Company),
    ("databases", Databases),
    ("bus", Bus),
    ("kafka", Kafka),
    ("intake", Intake),
    ("mirror", Mirror),
    ("keys", Keys),
    ("work", Work),
    ("logs", Logs),
    ("gateway", Gateway),
    ("metrics", Metrics),
    ("traces", Traces),
)


def handed_down(**changes: str) -> dict[str, str]:
    """The environment of a process we start: ours, with these changes."""
    return {**os.environ, **changes}
