"""One request, decided once: command ids drawn from who asks and the Idempotency-Key."""

from base64 import b32encode
from dataclasses import dataclass, field
from uuid import UUID

from chassis.problems import Defect, Malformed, MissingIdempotencyKey, Problem
from engine import ids

HEADER = "Idempotency-Key"
LONGEST_KEY = 255


@dataclass(slots=True)
class Keyed:
    """The ids a request may use. The same key of the same person gives the same ids, in the order they are drawn."""

    principal: str
    key: str
    commands: int = field(default=0)

    def command(self) -> UUID:
        """The id of the next command of this request."""
        n, self.commands = self.commands, self.commands + 1
        return ids.named(self.principal, self.key, *([n] if n else []))

    def command_about(self, subject: str) -> UUID:
        """The id of the command of this request about `subject`, whichever others there are."""
        return ids.named(self.principal, self.key, "about", subject)

    def business_key(self, prefix: str) -> str:
        """A business key for something new, the same when the request is repeated: ``CP-4K2V7Q3HZA``."""
        return f"{prefix}-{b32encode(ids.named(self.principal, self.key, prefix).bytes)[:10].decode()}"


def required(key: str | None) -> str:
    """The header's value. Raises the problem where it is missing or longer than 255 characters."""
    if not key or not key.strip():
        raise Problem(MissingIdempotencyKey())
    if len(key) > LONGEST_KEY:
        raise Problem(Malformed(), errors=[Defect(pointer="/header/Idempotency-Key", message="at most 255 characters")])
    return key
