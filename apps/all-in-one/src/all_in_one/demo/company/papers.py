"""Deals, bills and money as documents of the ERP."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from all_in_one.demo.company.buyers import Buyer
from all_in_one.demo.company.deals import FEN, Bill, Deal, Line, Shipment
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.products import VALUE_ADDED_TAX
from events import erp

CURRENCY = "CNY"


def money(amount: Decimal) -> Mapping[str, str]:
    """An amount as documents write it."""
    return {"amount": str(amount), "currency": CURRENCY}


@dataclass(frozen=True, slots=True)
class Paid:
    """Money for a part of a bill: it came in on `day`, and we are told `lag` days later."""

    day: date
    amount: Decimal
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """A credit note on a bill, issued on `day`, and sent `lag` days later."""

    day: date
    amount: Decimal
    reason: str
    lag: int = 0


def papers(deal: Deal) -> Iterator[Document]:
    """Order, cancellation, deliveries, invoices."""
    yield _order(deal)
    if deal.cancelled:
        yield _cancellation(deal, deal.cancelled)
    for bill in deal.bills:
        yield _delivery(deal, bill.shipment)
        yield _invoice(bill)


def payment(bill: Bill, part: int, number: int, paid: Paid) -> Document:
    """Payment `number` for part `part` of a bill; some customers never say what they pay."""
    key, told = f"PAY-{bill.key}-{part}{number}", paid.day + timedelta(days=paid.lag)
    data = {
        "customer": bill.deal.buyer.id,
        "payment": key,
        "amount": money(paid.amount),
        "value_date": str(paid.day),
        "names": [bill.invoice] if bill.deal.buyer.names else [],
    }
    return Document(erp.Payment.type, f"payment/{key}", paid.day, told, data, bill.deal.order)


def credit_note(bill: Bill, given: Given) -> Document:
    """The credit note on a bill; there is one at most."""
    key, told = f"CN-{bill.key}", given.day + timedelta(days=given.lag)
    data = {
        "customer": bill.deal.buyer.id,
        "credit_note": key,
        "invoice": bill.invoice,
        "amount": money(given.amount),
        "net": money((given.amount / (1 + VALUE_ADDED_TAX)).quantize(FEN, ROUND_HALF_UP)),
        "issued_on": str(given.day),
        "reason": given.reason,
    }
    return Document(erp.CreditNote.type, f"credit-note/{key}", given.day, told, data, bill.deal.order)


def terms(buyer: Buyer, day: date, limit: Decimal, risk_class: str, reason: str) -> Document:
    """Limit and class from `day` on."""
    data = {
        "customer": buyer.id,
        "limit": money(limit),
        "risk_class": risk_class,
        "valid_from": str(day),
        "reason": reason,
    }
    return Document(erp.CreditTerms.type, f"terms/{buyer.id}/{day}", day, day, data)


def balance_sheet(day: date, total: Decimal) -> Document:
    """The can maker's total assets; accounts take ten days."""
    data = {"total_assets": money(total), "on": str(day)}
    return Document(erp.BalanceSheet.type, f"balance-sheet/{day}", day, day + timedelta(days=10), data)


def _order(deal: Deal) -> Document:
    data = {
        "customer": deal.buyer.id,
        "order": deal.order,
        "order_date": str(deal.placed),
        "currency": CURRENCY,
        "requested_delivery": str(deal.placed + timedelta(days=14)),
        "lines": [_ordered(line) for line in deal.lines],
    }
    return Document(erp.Order.type, f"order/{deal.order}", deal.placed, deal.placed, data)


def _ordered(line: Line) -> Mapping[str, str]:
    return {
        "product": line.product.id,
        "description": line.product.description,
        "category": line.product.category,
        "quantity": str(line.quantity),
        "price": str(line.price),
        "cost": str(line.cost),
    }


def _cancellation(deal: Deal, day: date) -> Document:
    data = {
        "customer": deal.buyer.id,
        "order": deal.order,
        "cancelled_on": str(day),
        "reason": "客户取消 cancelled by the customer",
    }
    return Document(erp.OrderCancellation.type, f"cancellation/{deal.order}", day, day, data)


def _delivery(deal: Deal, shipment: Shipment) -> Document:
    key = f"DN-{deal.key}-{shipment.number}"
    data = {
        "customer": deal.buyer.id,
        "order": deal.order,
        "delivery": key,
        "delivered_on": str(shipment.day),
        "lines": [{"product": line.product.id, "quantity": str(line.quantity)} for line in shipment.lines],
    }
    return Document(erp.Delivery.type, f"delivery/{key}", shipment.day, shipment.day, data, deal.order)


def _invoice(bill: Bill) -> Document:
    data: dict[str, Any] = {
        "customer": bill.deal.buyer.id,
        "invoice": bill.invoice,
        "order": bill.deal.order,
        "invoice_date": str(bill.day),
        "amount": money(bill.amount),
        "lines": [_billed(line) for line in bill.shipment.lines],
    }
    if len(bill.parts) == 1:
        data["due"] = str(bill.parts[0].due)
    else:
        data["instalments"] = [{"number": p.number, "due": str(p.due), "amount": money(p.amount)} for p in bill.parts]
    return Document(erp.Invoice.type, f"invoice/{bill.invoice}", bill.day, bill.day, data, bill.deal.order)


def _billed(line: Line) -> Mapping[str, Any]:
    return {
        "product": line.product.id,
        "category": line.product.category,
        "quantity": str(line.quantity),
        "net": money(line.net),
        "tax": money(line.tax),
        "cost": money((line.cost * line.quantity).quantize(FEN, ROUND_HALF_UP)),
    }
