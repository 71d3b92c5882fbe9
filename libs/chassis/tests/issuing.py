"""A small identity provider: real keys, a key set over HTTP, tokens right and wrong."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from engine import clock

ISSUER, AUDIENCE = "https://login.example.com/kehu", "kehu"
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def new_key(kind: str = "RS256") -> PrivateKey:
    if kind == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_jwk(key: PrivateKey, kid: str) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "RS256", "use": "sig"}
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "alg": "ES256", "use": "sig"}


def now() -> int:
    return int(clock.now().timestamp())


def claims(**other: Any) -> dict[str, Any]:
    """What a right token claims; None leaves a claim out."""
    made = {"iss": ISSUER, "aud": AUDIENCE, "sub": "wang.li", "iat": now(), "exp": now() + 300, "roles": ["finance"]}
    return {k: v for k, v in {**made, **other}.items() if v is not None}


def token(key: PrivateKey, kid: str | None = "one", **other: Any) -> str:
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    return jwt.encode(claims(**other), key, algorithm, headers={"kid": kid} if kid else {})


def unsigned(**header: Any) -> str:
    """A token with no signature at all, as `alg: none` allows."""
    return f"{_part({'alg': 'none', **header})}.{_part(claims(roles=['admin']))}."


def confused(public: str, kid: str = "one") -> str:
    """A token whose HMAC takes the public key, which everybody has, for the secret."""
    signing = f"{_part({'alg': 'HS256', 'kid': kid})}.{_part(claims(roles=['admin']))}"
    mac = hmac.new(public.encode(), signing.encode(), hashlib.sha256).digest()
    return f"{signing}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _part(said: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


@dataclass
class Provider:
    """Answers with `keys`, or with `status` where that is no success; counts how often it was asked."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    asked: int = 0

    def show(self, *keys: tuple[PrivateKey, str]) -> None:
        self.keys = [public_jwk(key, kid) for key, kid in keys]


@contextmanager
def provider() -> Iterator[Provider]:
    """A key set on a port of its own."""
    it = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            it.asked += 1
            body = json.dumps({"keys": it.keys}).encode()
            self.send_response(it.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        it.url = f"http://127.0.0.1:{server.server_port}/jwks"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()
