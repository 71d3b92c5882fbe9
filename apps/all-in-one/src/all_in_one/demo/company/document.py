"""A document of the can maker's ERP, and when it sends it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from json import dumps
from typing import Any

from events import erp

_ORDER: tuple[type[erp.Document], ...] = (
    erp.Customer,
    erp.CustomerRecord,
    erp.BalanceSheet,
    erp.CreditTerms,
    erp.Order,
    erp.OrderCancellation,
    erp.Delivery,
    erp.Invoice,
    erp.CreditNote,
    erp.Payment,
)
_RANK: Mapping[str, int] = {document.type: n for n, document in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class Document:
    """`effective`: when it happened; `known`: the day the ERP sends it, later where somebody was slow."""

    type: str
    id: str
    effective: date
    known: date
    data: Mapping[str, Any]

    @property
    def order(self) -> tuple[date, int, date, str]:
        """The order in which the ERP sends documents."""
        return self.known, _RANK[self.type], self.effective, self.id


def digest(documents: Iterable[Document]) -> str:
    """Equal for equal documents in equal order."""
    found = sha256()
    for d in documents:
        said = [d.type, d.id, str(d.effective), str(d.known), d.data]
        found.update(dumps(said, ensure_ascii=False, sort_keys=True).encode())
    return found.hexdigest()
