"""The documents that files which are understood can become, as a mapping says it, with what is unsure about each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from all_in_one.filling import FOREIGN, LONGEST_KEY
from all_in_one.guess.contents import Answers, Question
from all_in_one.guess.meanings import Understood
from all_in_one.guess.words import CURRENCIES, KINDS, TYPES, Kind, plain
from all_in_one.notation import Notation

DAYS = 30
"""A payment term where nothing says one."""
KINDS_AT_MOST = 50
CJK = re.compile(r"[\u4e00-\u9fff]")
Said = dict[str, Any]


@dataclass(frozen=True)
class Composed:
    """One document of the mapping; `notes` say what is unsure about it."""

    said: Said
    notes: tuple[str, ...] = ()


@dataclass
class Composing:
    """Files by the name the mapping gives them, what they become, what is noted and what is asked."""

    files: dict[str, Understood]
    answers: Answers
    notes: list[str] = field(default_factory=list)

    def documents(self) -> list[Composed]:
        """All that the files become, in the order in which a customer's history happens on one day."""
        by_kind: Mapping[Kind, list[tuple[str, Understood]]] = {
            kind: [(n, f) for n, f in self.files.items() if f.kind == kind]
            for kind in ("customers", "orders", "invoices", "payments")
        }
        makers = {
            "customers": self._terms,
            "orders": self._orders,
            "invoices": self._invoices,
            "payments": self._payments,
        }
        found = list(self._customers(by_kind))
        for kind, files in by_kind.items():
            for name, file in files:
                found += makers[kind](name, file)
        return found

    @property
    def first_day(self) -> date:
        """The earliest day any file names."""
        days = [d for file in self.files.values() for d in _days(file)]
        return min(days, default=date(2000, 1, 1))

    def currency(self, file: Understood) -> Any:
        """What to fill a currency with."""
        if "currency" in file:
            column, values = file.columns["currency"], sorted(set(file.column("currency").values))
            foreign = {v: CURRENCIES[plain(v)] for v in values if plain(v) in CURRENCIES}
            return {"column": column, "values": {v: foreign.get(v, v) for v in values}} if foreign else f"{{{column}}}"
        return self.answers.currency or self._usual

    @property
    def _usual(self) -> str | None:
        return "CNY" if any(CJK.search(c) for f in self.files.values() for c in f.content.columns) else None

    @property
    def questions(self) -> list[Question]:
        """What has to be said before anything can be composed."""
        asked = [q for file in self.files.values() for q in file.content.asked]
        if any(self.currency(f) is None for f in self.files.values()):
            asked.append(Question("currency", "nothing says which currency amounts are in, such as CNY, USD or EUR"))
        return asked

    # --- customers ------------------------------------------------------------------------------------------------

    def _customers(self, by_kind: Mapping[Kind, list[tuple[str, Understood]]]) -> Iterator[Composed]:
        """Out of their own file; those that only other files name, out of those."""
        known = set[str]()
        for kind in ("customers", "invoices", "orders", "payments"):
            for name, file in by_kind[kind]:
                if "customer" not in file:
                    continue
                named = set(file.column("customer").values)
                if named - known:
                    yield self._customer(name, file, own=kind == "customers")
                known |= named

    def _customer(self, name: str, file: Understood, *, own: bool) -> Composed:
        basics: Said = {
            "name": ref(file, "customer_name" if "customer_name" in file else "customer"),
            "type": _type(file),
            "currency": self.currency(file),
        }
        basics |= {f: ref(file, f, key=f == "owner") for f in ("owner", "phone", "tax_id") if f in file and own}
        address = {f: ref(file, f) for f in ("street", "city", "postal_code", "country") if f in file}
        since = "since" in file and own and len(file.column("since").values) == file.column("since").rows
        fields: Said = {
            "customer": ref(file, "customer", key=True),
            "since": ref(file, "since") if since else self.first_day,
        }
        fields["basics"] = basics | ({"address": address} if address else {})
        if "contact" in file and own:
            fields["contacts"] = [_contact(file)]
        notes: tuple[str, ...] = () if own else (f"customers are known by {file.columns['customer']!r} only",)
        notes += (
            () if since else (f"nothing says since when they are customers: {self.first_day}, the first day of all",)
        )
        more: Said = {} if own else {"once": file.columns["customer"]}
        if kinds := {} if own else _kinds(file):
            more["when"] = _one_of(file, [v for kind, values in kinds.items() if kind != "unknown" for v in values])
        key = f"customer/{ref(file, 'customer', key=True)}"
        return Composed(_document("erp.Customer.v1", name, key, self.first_day, fields, **more), notes)

    def _terms(self, name: str, file: Understood) -> Iterator[Composed]:
        """R-113: the credit limit of the record."""
        if "limit" not in file or "customer" not in file:
            return
        customer, limit = (
            ref(file, "customer", key=True),
            {"amount": ref(file, "limit"), "currency": self.currency(file)},
        )
        fields: Said = {"customer": customer, "limit": limit, "valid_from": self.first_day}
        fields["reason"] = "credit limit of the imported record"
        when = {"when": {"column": file.columns["limit"], "is_not": [""]}}
        yield Composed(_document("erp.CreditTerms.v1", name, f"terms/{customer}", self.first_day, fields, **when))

    # --- orders ---------------------------------------------------------------------------------------------------

    def _orders(self, name: str, file: Understood) -> Iterator[Composed]:
        """Each with its lines, which stand in the same file or in another one."""
        if not {"order", "customer", "order_date"} <= file.columns.keys():
            return
        lines = self._lines(name, file)
        if lines is None:
            self.notes.append(f"{file.content.name}: orders without lines (product, quantity, price) are left out")
            return
        order, customer = ref(file, "order", key=True), ref(file, "customer", key=True)
        once = {} if file.column("order").is_key else {"once": file.columns["order"]}
        fields: Said = {"customer": customer, "order": order, "order_date": ref(file, "order_date")}
        if "requested" in file:
            fields["requested_delivery"] = ref(file, "requested")
        fields |= {"currency": self.currency(file), "lines": lines}
        yield Composed(_document("erp.Order.v1", name, f"order/{order}", ref(file, "order_date"), fields, **once))
        if "delivered" in file:
            day = ref(file, "delivered")
            fields = {"customer": customer, "order": order, "delivery": order, "delivered_on": day}
            when = {"when": {"column": file.columns["delivered"], "is_not": [""]}, **once}
            notes = ("an order counts as delivered whole on its first day of delivery",)
            yield Composed(_document("erp.Delivery.v1", name, f"delivery/{order}", day, fields, **when), notes)

    def _lines(self, name: str, file: Understood) -> Said | None:
        for other_name, other in ((name, file), *self.files.items()):
            named = "product" in other or "description" in other
            if named and {"order", "quantity", "price"} <= other.columns.keys():
                here, there = file.columns["order"], other.columns["order"]
                on = here if here == there else {here: there}
                return {"each": other_name, "on": on, "fields": _line(other)}
        return None

    # --- invoices and payments ------------------------------------------------------------------------------------

    def _invoices(self, name: str, file: Understood) -> Iterator[Composed]:
        """Invoices, and what stands among them: credit notes and payments by their kind, payments by their date."""
        if (
            not {"invoice", "customer", "invoice_date"} <= file.columns.keys()
            or not {"gross", "net"} & file.columns.keys()
        ):
            self.notes.append(f"{file.content.name}: invoices need a number, a customer, a date and an amount")
            return
        kinds = _kinds(file)
        if kinds.get("unknown"):
            self.notes.append(f"{file.content.name}: rows of these kinds are left out: {', '.join(kinds['unknown'])}")
        yield self._invoice(name, file, kinds)
        if kinds.get("credit_notes") or (not kinds and _negative(file)):
            yield self._credit_note(name, file, kinds)
        if kinds.get("payments"):
            yield self._payment(name, file, "invoice_date", {"abs": _amount(file)}, _one_of(file, kinds["payments"]))
        elif "paid_on" in file:
            when = {"column": file.columns["paid_on"], "is_not": [""]}
            amount = ref(file, "paid") if "paid" in file else _gross(file)[0]
            yield self._payment(name, file, "paid_on", amount, when, pays=ref(file, "invoice", key=True))

    def _invoice(self, name: str, file: Understood, kinds: Mapping[str, list[str]]) -> Composed:
        invoice, day = ref(file, "invoice", key=True), ref(file, "invoice_date")
        amount, notes = _gross(file)
        due, doubt = _due(file)
        fields: Said = {
            "customer": ref(file, "customer", key=True),
            "invoice": invoice,
            "invoice_date": day,
            "due": due,
        }
        if "order" in file and self._orders_known(file):
            fields["order"] = ref(file, "order", key=True)
        fields["amount"] = {"amount": amount, "currency": self.currency(file)}
        when: list[Said] = [_one_of(file, kinds["invoices"])] if kinds.get("invoices") else []
        when += [{"column": _amount(file), "above": 0}] if not kinds and _negative(file) else []
        once = {} if file.column("invoice").is_key or kinds else {"once": file.columns["invoice"]}
        more = {"when": when, **once} if when else once
        return Composed(_document("erp.Invoice.v1", name, f"invoice/{invoice}", day, fields, **more), notes + doubt)

    def _orders_known(self, file: Understood) -> bool:
        known = {
            v for f in self.files.values() if f.kind == "orders" and "order" in f for v in f.column("order").values
        }
        return bool(known) and known >= set(file.column("order").values)

    def _credit_note(self, name: str, file: Understood, kinds: Mapping[str, list[str]]) -> Composed:
        number, day = ref(file, "invoice", key=True), ref(file, "invoice_date")
        when = _one_of(file, kinds["credit_notes"]) if kinds else {"column": _amount(file), "below": 0}
        fields: Said = {"customer": ref(file, "customer", key=True), "credit_note": number, "issued_on": day}
        if "pays" in file:
            fields["invoice"] = ref(file, "pays", key=True)
        fields["amount"] = {"amount": {"abs": _amount(file)}, "currency": self.currency(file)}
        fields["reason"] = "credit note of the imported file"
        notes = () if kinds else ("a negative amount is taken for a credit note",)
        said = _document("erp.CreditNote.v1", name, f"credit_note/{number}", day, fields, when=when)
        return Composed(said, notes)

    def _payments(self, name: str, file: Understood) -> Iterator[Composed]:
        if not {"payment", "customer", "paid_on", "paid"} <= file.columns.keys():
            self.notes.append(f"{file.content.name}: payments need a number, a customer, a date and an amount")
            return
        pays = ref(file, "pays", key=True) if "pays" in file else None
        yield self._payment(name, file, "paid_on", ref(file, "paid"), None, number="payment", pays=pays)

    def _payment(
        self,
        name: str,
        file: Understood,
        day: str,
        amount: Any,
        when: Said | None,
        *,
        number: str = "invoice",
        pays: str | None = None,
    ) -> Composed:
        key, on = ref(file, number, key=True), ref(file, day)
        pays = pays or (ref(file, "pays", key=True) if "pays" in file else None)
        fields: Said = {"customer": ref(file, "customer", key=True), "payment": key, "value_date": on}
        fields["amount"] = {"amount": amount, "currency": self.currency(file)}
        fields |= {"names": [pays]} if pays else {}
        notes = () if pays else ("nothing says which invoice it is for: the oldest due is paid first",)
        more = {"when": when} if when else {}
        return Composed(_document("erp.Payment.v1", name, f"payment/{key}", on, fields, **more), notes)


def ref(file: Understood, meaning: str, *, key: bool = False) -> str:
    """The column of that meaning; where a key is wanted and not all its values are one, as a key."""
    column = file.column(meaning)
    made = key and any(FOREIGN.search(v) or len(v) > LONGEST_KEY or not v[0].isalnum() for v in column.values)
    return f"{{{column.name} as key}}" if made else f"{{{column.name}}}"


def _document(kind: str, name: str, key: str, effective: Any, fields: Said, **more: Any) -> Said:
    return {"type": kind, "from": name, **more, "id": key, "effective": effective, "fields": fields}


def _days(file: Understood) -> Iterator[date]:
    """The days named in columns that are understood as dates."""
    notation = Notation(dates=file.content.file.date)
    for column in file.why:
        if column in file.content.dates:
            for value in file.content.columns[column].values:
                try:
                    yield notation.date(value)
                except ValueError:
                    continue


def _type(file: Understood) -> Any:
    """R-012, translated where it is called as we know it."""
    if "customer_type" not in file:
        return "other"
    column = file.column("customer_type")
    known = {v: TYPES[plain(v)] for v in sorted(set(column.values)) if plain(v) in TYPES}
    return {"column": column.name, "values": known, "otherwise": "other"} if known else "other"


def _contact(file: Understood) -> Said:
    person = f"{ref(file, 'customer', key=True)}/contact"
    return {
        "person": person,
        "name": ref(file, "contact"),
        **({"email": ref(file, "email")} if "email" in file else {}),
    }


def _line(file: Understood) -> Said:
    product = "product" if "product" in file else "description"
    texts = {f: ref(file, f) for f in ("description", "category") if f in file}
    numbers = {f: ref(file, f) for f in ("quantity", "price", "cost") if f in file}
    return {"product": ref(file, product, key=True), **texts, **numbers}


def _kinds(file: Understood) -> dict[str, list[str]]:
    """Which kinds of documents stand in a file of several; none where nothing tells."""
    if "kind" not in file:
        return {}
    found: dict[str, list[str]] = {}
    for value in sorted(set(file.column("kind").values))[:KINDS_AT_MOST]:
        found.setdefault(KINDS.get(plain(value), "unknown"), []).append(value)
    return found if "invoices" in found else {}


def _one_of(file: Understood, values: Sequence[str]) -> Said:
    return {"column": file.columns["kind"], "is": list(values)}


def _amount(file: Understood) -> str:
    return file.columns["gross" if "gross" in file else "net"]


def _negative(file: Understood) -> bool:
    notation = Notation(decimal=file.content.file.decimal)
    for value in file.content.columns[_amount(file)].values:
        try:
            if notation.number(value) < 0:
                return True
        except ValueError:
            continue
    return False


def _gross(file: Understood) -> tuple[Any, tuple[str, ...]]:
    """The amount with tax, and what is unsure about it."""
    if "gross" in file:
        return ref(file, "gross"), ()
    if "tax" in file:
        return {"add": [file.columns["net"], file.columns["tax"]]}, ()
    return ref(file, "net"), ("no tax is named: the net amount is taken for what is owed",)


def _due(file: Understood) -> tuple[str, tuple[str, ...]]:
    if "due" in file:
        return ref(file, "due"), ()
    terms = set(file.column("terms").values) if "terms" in file else set[str]()
    days = int(float(terms.pop())) if len(terms) == 1 else DAYS
    day = file.columns["invoice_date"]
    said = f"{days} days after the invoice" + ("" if len(terms) == 0 and "terms" in file else " are assumed")
    return f"{{{day} + {days} days}}", (f"no due date is named: {said}",)
