"""Signed tokens: the JWT of an identity provider, checked and read as a principal."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from jwt import PyJWK

from chassis.auth import ROLES, Principal
from chassis.jwks import KeySet, fetching
from chassis.problems import Fault, challenged
from chassis.settings import Jwt

LONGEST_ID = 200
REQUIRED = ("exp", "sub", "iss", "aud")


class TokenExpired(Fault):
    """The token has expired; get a new one."""

    zh = "令牌已过期，请重新获取。"
    status = 401


class TokenNotYetValid(Fault):
    """The token is not valid yet; look at the clocks of its issuer and of this server."""

    zh = "令牌尚未生效，请检查签发方与本服务器的时钟。"
    status = 401


class TokenForAnother(Fault):
    """The token was issued for another audience than this one."""

    zh = "令牌的受众（aud）不是本系统。"
    status = 401


class TokenOfAnother(Fault):
    """The token comes from another issuer than the one trusted here."""

    zh = "令牌的签发方（iss）不是本系统信任的签发方。"
    status = 401


class TokenForged(Fault):
    """The signature of the token does not hold: no key and algorithm accepted here made it."""

    zh = "令牌签名无效：不是由本系统接受的密钥和算法签署。"
    status = 401


class TokenMalformed(Fault):
    """The token is no JWT that can be read, or one of its claims exp, sub, iss, aud is missing or of a wrong kind."""

    zh = "令牌不是可读取的 JWT，或其 exp、sub、iss、aud 声明缺失或类型不正确。"
    status = 401


REFUSALS: Mapping[type[Exception], type[Fault]] = {
    jwt.ExpiredSignatureError: TokenExpired,
    jwt.ImmatureSignatureError: TokenNotYetValid,
    jwt.InvalidAudienceError: TokenForAnother,
    jwt.InvalidIssuerError: TokenOfAnother,
    jwt.InvalidSignatureError: TokenForged,
    jwt.InvalidAlgorithmError: TokenForged,
    jwt.InvalidKeyError: TokenForged,
}
"""What the library finds -> what is answered; all else is malformed."""

FindKey = Callable[[str | None], Awaitable[PyJWK | str | None]]


@dataclass(frozen=True, slots=True)
class SignedTokens:
    """Reads tokens by the settings `rules`; `key` finds the key an id names."""

    rules: Jwt
    key: FindKey

    async def principal(self, token: str) -> Principal:
        """Whose `token` is. Raises the problem 401 that says what is wrong with it, 503 where no key can be had."""
        try:
            named = jwt.get_unverified_header(token)
            key = await self.key(named.get("kid")) if named.get("alg") in self.rules.algorithms else None
            if key is None:
                raise jwt.InvalidKeyError
            return self._read(self._checked(token, key))
        except (jwt.PyJWTError, ValueError, OverflowError) as wrong:
            raise challenged(REFUSALS.get(type(wrong), TokenMalformed)()) from None

    def _checked(self, token: str, key: PyJWK | str) -> Mapping[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=list(self.rules.algorithms),
            audience=self.rules.audience,
            issuer=self.rules.issuer,
            leeway=self.rules.leeway,
            options={"require": list(REQUIRED), "enforce_minimum_key_length": True},
        )

    def _read(self, claims: Mapping[str, Any]) -> Principal:
        """The principal behind checked `claims`. Raises ValueError for an id that cannot stand in an event."""
        employee = claim(claims, self.rules.employee)
        return Principal(
            named(claims["sub"]),
            frozenset(self._roles(claims)),
            employee=None if employee is None else named(employee),
            until=datetime.fromtimestamp(int(claims["exp"]), UTC),
        )

    def _roles(self, claims: Mapping[str, Any]) -> Sequence[str]:
        """Roles of ours among those claimed, as a list or as words of one text; what is no role here gives no right."""
        said = claim(claims, self.rules.roles)
        words = said.split() if isinstance(said, str) else said if isinstance(said, list) else ()
        ours = [self.rules.role_names.get(word, word) for word in words if isinstance(word, str)]
        return [role for role in ours if role in ROLES]


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of this name, or where dots lead into objects (``realm_access.roles``); None if there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def named(value: object) -> str:
    """`value` as the name of a person. Raises ValueError for what is none."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise ValueError("no name")
    return value


def signed(rules: Jwt) -> SignedTokens | None:
    """The reader these settings ask for; None where no JWT is taken."""
    if rules.jwks:
        keys = KeySet(fetching(rules.jwks), rules.algorithms, rules.refresh, rules.cooldown, rules.keep.total_seconds())
        return SignedTokens(rules, keys.key)
    own = rules.secret.get_secret_value() if rules.secret else rules.key
    return SignedTokens(rules, _always(own)) if own else None


def _always(key: str) -> FindKey:
    async def find(_: str | None) -> str:
        return key

    return find
