"""Who asks, and what they may: bearer tokens and roles."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, get_args

from engine.decider import Actor

Role = Literal["sales", "credit_manager", "finance", "complaint_handler", "operations", "integration", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
SEEING_ALL = frozenset(ROLES) - {"sales"}
"""Roles whose work is with every customer; whoever holds none of them sees the customers it looks after."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request. `admin` stands for every role.

    `employee` is the name the person has as owner of customers, where it is not the id; `until` the end of the token.
    """

    id: str
    roles: frozenset[str]
    employee: str | None = None
    until: datetime | None = None

    def has(self, *roles: Role) -> bool:
        """Whether one of `roles` is held."""
        return "admin" in self.roles or not self.roles.isdisjoint(roles)

    @property
    def own(self) -> str | None:
        """The employee whose customers are all that this principal sees and changes; None: it sees all of them."""
        return (self.employee or self.id) if self.roles.isdisjoint(SEEING_ALL) else None

    def actor(self) -> Actor:
        """The same person as rules see them."""
        return Actor(self.id, self.roles)


Tokens = Mapping[str, Principal]
"""Token -> whose it is."""

DEVELOPMENT: Tokens = {
    **{
        f"dev-{role.replace('_', '-')}": Principal(f"dev-{role.replace('_', '-')}", frozenset({role})) for role in ROLES
    },
    "dev-sales": Principal("dev-sales", frozenset({"sales"}), "zhao-heng"),
    "dev-sales-2": Principal("dev-sales-2", frozenset({"sales"}), "tom-barker"),
    "dev-credit": Principal("dev-credit", frozenset({"credit_manager", "finance"})),
    "dev-approver": Principal("dev-approver", frozenset({"credit_manager", "finance"})),
    "dev-office": Principal("dev-office", frozenset({"sales", "complaint_handler", "operations"})),
}
"""For one machine only: ``dev-admin``, ``dev-finance``, ...; ``dev-credit`` and ``dev-approver`` are two people.

``dev-sales`` and ``dev-sales-2`` look after customers of the demo company; ``dev-office`` sells, too, and sees all.
"""


def principal_of(token: str, tokens: Tokens) -> Principal | None:
    """Whose `token` is, None if nobody's. All are compared, each in constant time."""
    asked = sha256(token.encode()).digest()
    found: Principal | None = None
    for known, principal in tokens.items():
        if hmac.compare_digest(sha256(known.encode()).digest(), asked):
            found = principal
    return found


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header, None if it holds none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
