"""All documents of the company in the order its ERP sends them."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from all_in_one.demo.company.buyers import Buyer, Firm, buyers
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.paying import payments
from all_in_one.demo.company.trade import CURRENCY, bills, deals, money, papers
from events import erp


def documents(firm: Firm, through: date) -> Sequence[Document]:
    """What the ERP has sent by the evening of `through`: a later day adds documents and changes none."""
    found = (document for buyer in buyers(firm) for document in _of(buyer, firm, through))
    return sorted((d for d in found if d.known <= through), key=lambda d: d.order)


def _of(buyer: Buyer, firm: Firm, through: date) -> Iterator[Document]:
    yield _customer(buyer)
    yield _limit(buyer)
    for deal in deals(buyer, firm, through):
        yield from papers(deal)
        for bill in bills(deal):
            yield from payments(bill, firm)


def _customer(buyer: Buyer) -> Document:
    entry = buyer.entry
    basics: dict[str, Any] = {
        "name": entry.name,
        "type": entry.type,
        "currency": CURRENCY,
        "owner": entry.owner,
        "group": entry.group,
        "address": {"city": entry.city, "country": "CN"},
    }
    data = {"customer": buyer.id, "basics": basics, "since": str(buyer.since)}
    return Document(erp.Customer.type, f"customer/{buyer.id}", buyer.since, buyer.since, data)


def _limit(buyer: Buyer) -> Document:
    limit = Decimal(round(buyer.yearly * 1.13 / 365 * (max(buyer.terms) + 45) * 1.8, -4))
    data = {"customer": buyer.id, "limit": money(limit), "valid_from": str(buyer.since), "reason": "opening"}
    return Document(erp.CreditTerms.type, f"terms/{buyer.id}", buyer.since, buyer.since, data)
