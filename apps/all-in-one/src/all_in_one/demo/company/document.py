"""A document of the can maker's ERP, and when it sends it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
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
    """`effective`: when it happened; `known`: the day the ERP sends it, later where somebody was slow.

    `needs`: the order that must have been granted, because nothing leaves, is billed or paid of one that is held.
    """

    type: str
    id: str
    effective: date
    known: date
    data: Mapping[str, Any]
    needs: str | None = None

    @property
    def order(self) -> tuple[date, int, date, str]:
        """The order in which the ERP sends documents."""
        return self.known, _RANK[self.type], self.effective, self.id

    def later(self, delay: timedelta) -> "Document":
        """The same, with everything that happens in it so much later: goods that were held have left at last."""
        if not delay:
            return self
        return replace(self, effective=self.effective + delay, known=self.known + delay, data=_later(self.data, delay))


_DATES = frozenset({"delivered_on", "invoice_date", "due", "value_date", "issued_on"})


def _later(data: Mapping[str, Any], delay: timedelta) -> Mapping[str, Any]:
    moved: dict[str, Any] = {k: str(date.fromisoformat(v) + delay) for k, v in data.items() if k in _DATES}
    if "instalments" in data:
        moved["instalments"] = [_later(instalment, delay) for instalment in data["instalments"]]
    return {**data, **moved}


def digest(documents: Iterable[Document]) -> str:
    """Equal for equal documents in equal order."""
    found = sha256()
    for d in documents:
        said = [d.type, d.id, str(d.effective), str(d.known), d.data, d.needs]
        found.update(dumps(said, ensure_ascii=False, sort_keys=True).encode())
    return found.hexdigest()
