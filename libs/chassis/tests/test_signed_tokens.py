"""Tokens of an identity provider: right ones are people, wrong ones are told apart, forged ones are nobody's."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from issuing import (
    AUDIENCE,
    ISSUER,
    PrivateKey,
    Provider,
    claims,
    confused,
    new_key,
    now,
    provider,
    public_jwk,
    public_pem,
    token,
    unsigned,
)
from pydantic import SecretStr, ValidationError

from chassis.auth import Principal
from chassis.jwks import KeySet, KeysUnavailable, fetching, usable
from chassis.problems import Fault, Problem
from chassis.settings import Jwt, Settings
from chassis.signed import (
    SignedTokens,
    TokenExpired,
    TokenForAnother,
    TokenForged,
    TokenMalformed,
    TokenNotYetValid,
    TokenOfAnother,
    signed,
)

SECRET = "a secret of the demo, long enough: 32 bytes and more"


@pytest.fixture(scope="module")
def rsa_key() -> PrivateKey:
    return new_key()


@pytest.fixture(scope="module")
def other_key() -> PrivateKey:
    return new_key()


@pytest.fixture
def idp(rsa_key: PrivateKey) -> Iterator[Provider]:
    with provider() as it:
        it.show((rsa_key, "one"))
        yield it


def trusting(idp: Provider, **other: Any) -> SignedTokens:
    found = signed(Jwt(jwks=idp.url, issuer=ISSUER, audience=AUDIENCE, **other))
    assert found is not None
    return found


async def refused(reader: SignedTokens, token: str) -> type[Fault]:
    with pytest.raises(Problem) as problem:
        await reader.principal(token)
    assert isinstance(problem.value.rule, Fault)
    return type(problem.value.rule)


# --- right ones ---------------------------------------------------------------------------------------------------


async def test_a_token_of_the_provider_is_the_person_it_names(idp: Provider, rsa_key: PrivateKey) -> None:
    exp = now() + 60
    found = await trusting(idp).principal(token(rsa_key, roles=["sales", "cook"], employee="E-7", exp=exp))
    assert found == Principal("wang.li", frozenset({"sales"}), "E-7", datetime.fromtimestamp(exp, UTC))


async def test_roles_may_lie_deep_in_a_token_and_have_other_names_there(idp: Provider, rsa_key: PrivateKey) -> None:
    reader = trusting(idp, roles="realm_access.roles", role_names={"kehu-cm": "credit_manager"})
    deep = token(rsa_key, realm_access={"roles": ["kehu-cm", "offline_access"]}, roles=["admin"])
    assert (await reader.principal(deep)).roles == {"credit_manager"}


async def test_a_claim_whose_name_has_dots_is_found_whole(idp: Provider, rsa_key: PrivateKey) -> None:
    reader = trusting(idp, roles="https://kehu.example.com/roles")
    spaced = token(rsa_key, **{"https://kehu.example.com/roles": "sales operations"})
    assert (await reader.principal(spaced)).roles == {"sales", "operations"}


@pytest.mark.parametrize("roles", [None, 7, {"admin": True}, [["admin"]], ["administrator"]])
async def test_a_token_without_roles_of_ours_is_a_person_without_rights(
    idp: Provider, rsa_key: PrivateKey, roles: Any
) -> None:
    assert (await trusting(idp).principal(token(rsa_key, roles=roles))).roles == frozenset()


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
async def test_a_public_key_may_be_configured_itself(kind: str) -> None:
    key = new_key(kind)
    reader = signed(Jwt(key=public_pem(key), issuer=ISSUER, audience=AUDIENCE))
    assert reader is not None
    assert (await reader.principal(token(key, None))).id == "wang.li"
    assert await refused(reader, token(new_key(kind), None)) is TokenForged


async def test_a_shared_secret_takes_hs256_and_nothing_else(rsa_key: PrivateKey) -> None:
    reader = signed(Jwt(secret=SecretStr(SECRET), issuer=ISSUER, audience=AUDIENCE))
    assert reader is not None
    assert (await reader.principal(jwt.encode(claims(), SECRET, "HS256"))).id == "wang.li"
    assert await refused(reader, jwt.encode(claims(), SECRET + "!", "HS256")) is TokenForged
    assert await refused(reader, jwt.encode(claims(), SECRET * 2, "HS512")) is TokenForged
    assert await refused(reader, token(rsa_key)) is TokenForged


# --- wrong ones ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"exp": 1}, TokenExpired),
        ({"nbf": 9_999_999_999}, TokenNotYetValid),
        ({"iat": 9_999_999_999}, TokenNotYetValid),
        ({"aud": "payroll"}, TokenForAnother),
        ({"aud": ["payroll", "wiki"]}, TokenForAnother),
        ({"iss": "https://evil.example.com"}, TokenOfAnother),
        ({"exp": None}, TokenMalformed),
        ({"aud": None}, TokenMalformed),
        ({"iss": None}, TokenMalformed),
        ({"sub": None}, TokenMalformed),
        ({"sub": ""}, TokenMalformed),
        ({"sub": "x" * 201}, TokenMalformed),
        ({"sub": "wang\nli"}, TokenMalformed),
        ({"employee": 7}, TokenMalformed),
        ({"exp": "soon"}, TokenMalformed),
        ({"exp": 10**30}, TokenMalformed),
    ],
)
async def test_what_is_wrong_with_a_token_is_said(
    idp: Provider, rsa_key: PrivateKey, wrong: dict[str, Any], why: type[Fault]
) -> None:
    assert await refused(trusting(idp), token(rsa_key, **wrong)) is why


async def test_clocks_may_differ_by_the_leeway(idp: Provider, rsa_key: PrivateKey) -> None:
    late = token(rsa_key, exp=now() - 60)
    assert (await trusting(idp, leeway=3600).principal(late)).id == "wang.li"
    assert await refused(trusting(idp, leeway=1), late) is TokenExpired


async def test_a_forged_token_is_nobodys(idp: Provider, rsa_key: PrivateKey, other_key: PrivateKey) -> None:
    reader = trusting(idp)
    assert await refused(reader, token(other_key)) is TokenForged
    assert await refused(reader, unsigned(kid="one")) is TokenForged
    assert await refused(reader, unsigned()) is TokenForged
    assert await refused(reader, confused(public_pem(rsa_key))) is TokenForged
    head, body, signature = token(rsa_key).split(".")
    assert await refused(reader, f"{head}.{body}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}") is TokenForged
    other = token(rsa_key, roles=["admin"]).split(".")[1]
    assert await refused(reader, f"{head}.{other}.{signature}") is TokenForged


async def test_a_configured_key_is_no_secret_for_hmac(rsa_key: PrivateKey) -> None:
    reader = signed(Jwt(key=public_pem(rsa_key), issuer=ISSUER, audience=AUDIENCE))
    assert reader is not None
    assert await refused(reader, confused(public_pem(rsa_key))) is TokenForged
    assert await refused(reader, unsigned()) is TokenForged


async def test_a_secret_in_the_key_set_signs_nothing(idp: Provider, rsa_key: PrivateKey) -> None:
    bait = {"kty": "oct", "kid": "bait", "k": "YSBzZWNyZXQgZXZlcnlib2R5IGNhbiByZWFkLCAzMiBieXRlcw", "alg": "HS256"}
    idp.keys = [bait, public_jwk(rsa_key, "one")]
    forged = jwt.encode(claims(), b"a secret everybody can read, 32 bytes", "HS256", headers={"kid": "bait"})
    assert await refused(trusting(idp), forged) is TokenForged
    found = usable(json.dumps({"keys": idp.keys}).encode(), ["RS256", "ES256"])
    assert [key.key_id for key in found] == ["one"]


async def test_a_key_is_used_for_its_own_algorithm_only(idp: Provider, rsa_key: PrivateKey) -> None:
    other = jwt.encode(claims(), rsa_key, "PS256", headers={"kid": "one"})
    assert await refused(trusting(idp), other) is TokenForged


async def test_a_key_for_encryption_checks_no_signature(idp: Provider, rsa_key: PrivateKey) -> None:
    idp.keys = [{**public_jwk(rsa_key, "one"), "use": "enc"}, public_jwk(new_key(), "two")]
    assert await refused(trusting(idp), token(rsa_key)) is TokenForged


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.b.c.d.e", "ey.ey.ey", "💥.💥.💥", "." * 5000])
async def test_what_is_no_token_is_malformed(idp: Provider, text: str) -> None:
    assert await refused(trusting(idp), text) is TokenMalformed


# --- keys come and go ---------------------------------------------------------------------------------------------


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


def keys(idp: Provider, clock: Clock) -> KeySet:
    return KeySet(fetching(idp.url), ["RS256"], refresh=300, cooldown=30, keep=3600, clock=clock)


async def test_keys_are_fetched_once_for_many_tokens(idp: Provider, rsa_key: PrivateKey) -> None:
    reader = trusting(idp)
    for _ in range(5):
        await reader.principal(token(rsa_key))
    assert idp.asked == 1


async def test_a_token_without_a_key_id_fits_the_only_key(
    idp: Provider, rsa_key: PrivateKey, other_key: PrivateKey
) -> None:
    assert (await trusting(idp).principal(token(rsa_key, None))).id == "wang.li"
    idp.show((other_key, "two"), (rsa_key, "one"))
    assert await refused(trusting(idp), token(rsa_key, None)) is TokenForged


async def test_a_new_key_is_fetched_when_a_token_names_it_but_invented_ones_fetch_nothing(
    idp: Provider, other_key: PrivateKey
) -> None:
    clock = Clock()
    held = keys(idp, clock)
    assert await held.key("one") is not None
    idp.show((other_key, "two"))
    clock.at += 31
    assert await held.key("two") is not None
    assert idp.asked == 2
    for n in range(50):
        assert await held.key(f"invented-{n}") is None
    assert idp.asked == 2
    clock.at += 31
    assert await held.key("invented") is None
    assert idp.asked == 3


async def test_an_old_key_set_is_fetched_again_and_a_withdrawn_key_is_gone(
    idp: Provider, rsa_key: PrivateKey, other_key: PrivateKey
) -> None:
    clock = Clock()
    held = keys(idp, clock)
    await held.key("one")
    idp.show((other_key, "two"))
    clock.at += 301
    await held.key("one")
    assert held._behind is not None
    await held._behind
    assert await held.key("one") is None


async def test_while_the_provider_is_down_the_last_keys_are_kept_but_not_for_ever(idp: Provider) -> None:
    clock = Clock()
    held = keys(idp, clock)
    assert await held.key("one") is not None
    idp.status = 500
    clock.at += 3599
    assert await held.key("one") is not None
    assert held._behind is not None
    await held._behind
    clock.at += 2
    with pytest.raises(Problem) as problem:
        await held.key("one")
    assert isinstance(problem.value.rule, KeysUnavailable)
    assert problem.value.headers is not None
    assert int(problem.value.headers["Retry-After"]) > 0
    idp.status = 200
    clock.at += 30
    assert await held.key("one") is not None


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [1, {}]}', b"\xff"])
async def test_a_key_set_that_holds_no_key_replaces_none(tmp_path: Path, rsa_key: PrivateKey, text: bytes) -> None:
    file, clock = tmp_path / "jwks.json", Clock()
    file.write_text(json.dumps({"keys": [public_jwk(rsa_key, "one")]}))
    held = KeySet(fetching(str(file)), ["RS256"], refresh=300, cooldown=30, keep=3600, clock=clock)
    assert await held.key("one") is not None
    file.write_bytes(text)
    clock.at += 301
    assert await held.key("one") is not None
    assert await held.key("two") is None


async def test_a_provider_that_was_never_there_is_unavailable_and_not_a_forgery(tmp_path: Path) -> None:
    reader = signed(Jwt(jwks=str(tmp_path / "none.json"), issuer=ISSUER, audience=AUDIENCE))
    assert reader is not None
    assert await refused(reader, token(new_key())) is KeysUnavailable


# --- at the gate --------------------------------------------------------------------------------------------------


async def ask(it: Any, token: str, language: str = "en") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    answer: httpx.Response = await it.http.get("/api/credit/accounts", headers=headers)
    return answer


async def test_a_token_that_is_not_taken_is_answered_with_its_reason_in_both_languages_and_the_challenge(
    settings: Settings, start: Any, idp: Provider, rsa_key: PrivateKey
) -> None:
    settings.jwt = Jwt(jwks=idp.url, issuer=ISSUER, audience=AUDIENCE)
    async with start(settings) as it:
        assert (await ask(it, token(rsa_key))).status_code == 200
        assert (await ask(it, "dev-finance")).status_code == 200
        expired = token(rsa_key, exp=now() - 3600)
        english, chinese = await ask(it, expired), await ask(it, expired, "zh-CN")
        assert (english.status_code, english.json()["type"]) == (401, "/problems/kehu/token-expired")
        assert english.json()["title"] == "The token has expired; get a new one."
        assert chinese.json()["title"] == "令牌已过期，请重新获取。"
        assert english.headers["www-authenticate"] == (
            'Bearer realm="kehu", error="invalid_token", error_description="The token has expired; get a new one."'
        )
        rule = (await it.http.get("/problems/kehu/token-expired")).json()
        assert rule["file"] == "libs/chassis/src/chassis/signed.py"


async def test_roles_in_a_token_are_held_to(settings: Settings, start: Any, idp: Provider, rsa_key: PrivateKey) -> None:
    settings.jwt = Jwt(jwks=idp.url, issuer=ISSUER, audience=AUDIENCE)
    async with start(settings) as it:
        await it.open("C1")
        it.http.headers["Authorization"] = f"Bearer {token(rsa_key, roles=['sales'])}"
        assert (await it.limit("C1", "1.00", "one")).status_code == 403
        it.http.headers["Authorization"] = f"Bearer {token(rsa_key, roles=['finance'])}"
        assert (await it.limit("C1", "1.00", "two")).status_code == 200
        (_, stored) = await it.runtime.store.read_all(0, 5)
        assert stored.actor == "wang.li"


async def test_a_stream_ends_with_its_token(settings: Settings, start: Any, idp: Provider, rsa_key: PrivateKey) -> None:
    settings.jwt = Jwt(jwks=idp.url, issuer=ISSUER, audience=AUDIENCE)
    async with start(settings) as it:
        headers = {"Authorization": f"Bearer {token(rsa_key, exp=now() + 1)}"}
        async with asyncio.timeout(20):  # of a token that ends within a second: it answers once the stream has ended
            answer = await it.http.get("/api/credit/accounts/live", headers=headers)
        assert answer.text.startswith("retry: ")


# --- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"jwks": "https://login.example.com/jwks", "audience": "kehu"}, "issuer"),
        ({"jwks": "https://login.example.com/jwks", "issuer": ISSUER}, "audience"),
        ({"jwks": "http://login.example.com/jwks", "issuer": ISSUER, "audience": "kehu"}, "https"),
        ({"jwks": "ftp://login.example.com/jwks", "issuer": ISSUER, "audience": "kehu"}, "https"),
        ({"jwks": "a", "key": "b", "issuer": ISSUER, "audience": "kehu"}, "one of"),
        ({"secret": "too short", "issuer": ISSUER, "audience": "kehu"}, "32 bytes"),
        ({"key": "a", "algorithms": ["HS256"], "issuer": ISSUER, "audience": "kehu"}, "algorithms"),
        ({"key": "a", "algorithms": ["none"], "issuer": ISSUER, "audience": "kehu"}, "algorithms"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused_at_the_start(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Jwt(**wrong)


def test_without_a_key_no_signed_token_is_taken() -> None:
    assert signed(Jwt()) is None


def test_keys_are_kept_for_longer_than_they_are_fresh() -> None:
    with pytest.raises(ValidationError, match="keep"):
        Jwt(jwks="a", issuer=ISSUER, audience="kehu", refresh=600, keep=timedelta(minutes=1))
