"""Who comes in: the bearer tokens of this process, those of its settings and those an identity provider signed."""

from dataclasses import dataclass

from chassis.auth import Principal, Tokens, bearer, principal_of
from chassis.problems import CHALLENGE, Problem, Unauthenticated, challenged
from chassis.settings import Settings
from chassis.signed import SignedTokens, signed


@dataclass(frozen=True, slots=True)
class Admission:
    """Finds whose a token is."""

    tokens: Tokens
    signed: SignedTokens | None

    async def principal(self, authorization: str | None) -> Principal:
        """Who sent an Authorization header. Raises the problem 401 that says why it is nobody."""
        token = bearer(authorization)
        if token is None:
            raise Problem(Unauthenticated(), headers={"WWW-Authenticate": CHALLENGE})
        known = principal_of(token, self.tokens)
        if known is not None:
            return known
        if self.signed is None:
            raise challenged(Unauthenticated())
        return await self.signed.principal(token)


def admission(settings: Settings) -> Admission:
    """The admission these settings ask for."""
    return Admission(settings.auth.known(), signed(settings.jwt))
