"""The customer record: basics and contacts, and what salespeople found out on their visits (R-001..R-007, R-015)."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from all_in_one.demo.company.buyers import Buyer, Firm
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.papers import CURRENCY
from all_in_one.demo.company.persons import language, people
from all_in_one.demo.company.record_texts import INDUSTRY, PROFILES, STATUS, TEXTS, WARNING, Texts
from events import erp


def customer(buyer: Buyer, firm: Firm) -> Document:
    """The basic record, with the people who speak for the customer."""
    entry = buyer.entry
    data: dict[str, Any] = {
        "customer": buyer.id,
        "since": str(buyer.since),
        "basics": {
            "name": entry.name,
            "type": entry.type,
            "currency": CURRENCY,
            "owner": entry.owner,
            "group": entry.group,
            "address": {"city": entry.city, "country": "CN"},
            "tax_id": f"91DEMO{entry.id.replace('-', '')}{sum(map(ord, entry.name)) % 100_000:05}",
        },
        "contacts": [
            {"person": p.id, "role": p.role, "name": p.name, "phone": p.phone, "email": p.email}
            for p in people(entry, firm.chance)
        ],
    }
    if entry.size == "A":
        known = PROFILES[language(entry)][int(buyer.number) % 2]
        data["profiles"] = [{"person": data["contacts"][0]["person"], **known}]
        data["collected"] = {"on": str(buyer.since), "how": "visit", "by": entry.owner}
    return Document(erp.Customer.type, f"customer/{buyer.id}", buyer.since, buyer.since, data)


def records(buyer: Buyer, firm: Firm) -> Iterator[Document]:
    """What was found out: at the start of the history, or of the business; and on a visit within the last year."""
    start = max(buyer.since, firm.first)
    yield _record(buyer, start, "registration", _first(buyer, firm))
    visited = firm.ago(firm.chance.between(20, 340, buyer.id, "visit"))
    if buyer.id in WARNING:
        visited = firm.ago(25)
    if visited > start:
        yield _record(buyer, visited, "visit", _visit(buyer))


def _record(buyer: Buyer, day: date, how: str, blocks: Mapping[str, Any]) -> Document:
    data = {
        "customer": buyer.id,
        "collected": {"on": str(day), "how": how, "by": buyer.entry.owner},
        "blocks": blocks,
    }
    return Document(erp.CustomerRecord.type, f"record/{buyer.id}/{day}", day, day, data)


def _first(buyer: Buyer, firm: Firm) -> Mapping[str, Any]:
    entry, draw = buyer.entry, firm.chance.of(buyer.id, "record")
    said: Texts = TEXTS[language(entry)]
    products = buyer.products[0].category
    pieces = int(buyer.yearly / float(buyer.products[0].price) / 1000)
    return {
        "dealings": {
            "business_types": [p.category for p in {p.category: p for p in buyer.products}.values()],
            "form": {"A": "large_industrial", "B": "key_customer"}.get(entry.size),
            "sector": INDUSTRY[entry.trade][language(entry)],
            "product_line": draw.pick(("first_line", "second_line"), "line"),
            "supplier_position": draw.pick(("listed", "listed", "sole"), "position"),
        },
        "supply_needs": {
            "delivery_days": draw.between(7, 21, "days"),
            "cycle_days": min(365, round(buyer.rhythm)),
            "unit": "千罐 1000 pieces",
            "bought_outside": str(pieces * draw.between(2, 4, "outside")),
            "made_itself": str(pieces * draw.between(0, 2, "itself")) if entry.size == "A" else None,
            "quality": said["quality"],
            "special_requirements": draw.pick(said["special"], "special"),
        },
        "dossier": {
            "decision_maker": people(entry, firm.chance)[0].id,
            "industry": INDUSTRY[entry.trade][language(entry)],
            "products": products,
            "employees": {"A": 800, "B": 180, "C": 30}[entry.size] + draw.between(0, 90, "employees"),
            "plans": draw.pick(said["plans"], "plans"),
        },
    }


def _visit(buyer: Buyer) -> Mapping[str, Any]:
    spoken, number = language(buyer.entry), int(buyer.number)
    said = TEXTS[spoken]
    status = STATUS[buyer.entry.payer if buyer.entry.payer in STATUS else "prompt"][spoken]
    return {
        "characteristics": {
            "market_area": said["area"][number % len(said["area"])],
            "sales_capability": said["capability"][number % len(said["capability"])],
            "development_potential": said["potential"][number % len(said["potential"])],
        },
        "business_status": {
            "competitiveness": said["competitiveness"][number % len(said["competitiveness"])],
            "cooperation": status[0],
        },
        "trading_status": {
            "sales_activity": WARNING.get(buyer.id, {}).get("sales_activity", said["activity"][number % 3]),
            "financial_status": status[1],
            "credit_status": status[2],
            "problems": WARNING.get(buyer.id, {}).get("problems", ""),
        },
    }
