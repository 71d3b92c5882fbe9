"""`kehu reconcile`, `kehu intake report`: the ERP's balances beside ours; what came in and what never did."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from all_in_one.commands.server import PREFIXES, Server
from all_in_one.commands.terminal import ADMIN, HERE, Json, Refused, Token, Url, group, out, print_json, print_table
from all_in_one.mapping import CsvFile, MappingError
from all_in_one.notation import Notation
from all_in_one.reading import Row, Table, opened

app = typer.Typer()
intake = group("What came in from the ERP, and what became of it.")
app.add_typer(intake, name="intake")

CREDIT = PREFIXES["credit"]
AT_ONCE = 1_000
"""Balances sent in one request."""
KINDS = ("invoice", "payment", "credit_note")
SERVICES = ("customer", "credit")
"""Those that take documents of the ERP."""


@app.command()
def reconcile(
    file: Annotated[Path, typer.Argument(help="CSV: customer, balance, and currency where not --currency.")],
    items: Annotated[
        Path | None, typer.Option(help="CSV of open items: customer, kind, document, open, and due if known.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="Their day: 2026-03-31; else the business day.")] = None,
    source: Annotated[str, typer.Option(help="Whose balances these are.")] = "erp",
    currency: Annotated[str | None, typer.Option(help="Of all balances, where the file does not name it.")] = None,
    complete: Annotated[bool, typer.Option("--complete", help="Customers not in the file owe nothing there.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what comes of it; without it nothing is written.")] = False,
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
) -> None:
    """Compare balances of the ERP with ours and say what explains each difference; exit code 1 where some differ.

    Example: kehu reconcile balances.csv --items open-items.csv --as-of 2026-03-31
    """
    try:
        stated = _statements(file, items, currency, {"source": source, "complete": complete})
        with Server.at(url, token) as server:
            found, kept = _compared(server, stated, as_of, keep)
    except Refused as refused:
        refused.code = 2
        raise
    if as_json:
        print_json({**found, "kept": kept})
    else:
        _show(found, kept)
    raise typer.Exit(1 if found["differences"] else 0)


def _statements(file: Path, items: Path | None, currency: str | None, about: dict[str, Any]) -> list[dict[str, Any]]:
    """The files as the API takes them, but for the day. Raises Refused."""
    balances = list(_balances(file, currency, _items(items) if items else None))
    if not balances:
        raise Refused(f"{file} names no balance")
    if about["complete"] and len(balances) > AT_ONCE:
        raise Refused(f"--complete compares {AT_ONCE} balances at most; leave it out for {len(balances)}")
    return [{**about, "balances": some} for some in _chunks(balances)]


def _compared(
    server: Server, stated: Sequence[dict[str, Any]], as_of: str | None, keep: bool
) -> tuple[dict[str, Any], list[str]]:
    on = {"as_of": as_of or server.get("/api/customers/days")["today"]}
    found = _together([server.post(f"{CREDIT}/reconciliations/preview", {**s, **on}) for s in stated])
    return found, [server.post(f"{CREDIT}/reconciliations", {**s, **on})["id"] for s in stated] if keep else []


def _chunks(balances: Sequence[Any]) -> Iterator[Sequence[Any]]:
    yield from (balances[n : n + AT_ONCE] for n in range(0, len(balances), AT_ONCE))


def _together(outcomes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = {name: sum(o[name] for o in outcomes) for name in ("compared", "equal", "unexplained")}
    return {"as_of": outcomes[0]["as_of"], **counts, "differences": [d for o in outcomes for d in o["differences"]]}


def _show(found: Mapping[str, Any], kept: Sequence[str]) -> None:
    rows = [
        (d["customer"], d["ours"], d["theirs"], d["difference"], d["currency"], "", "", "") if n < 0 else
        ("", "", "", e["amount"], "", e["kind"], _document(e), e["message"] or "")
        for d in found["differences"] for n, e in enumerate([{}, *d["explanations"]], -1)
    ]  # fmt: skip
    if rows:
        print_table(("customer", "ours", "theirs", "difference", "", "because", "document", "message"), rows)
    for kind, advice in {e["kind"]: e["advice"]["en"] for d in found["differences"] for e in d["explanations"]}.items():
        out.print(escape(f"{kind}: {advice}"), soft_wrap=True)
    out.print(f"{found['equal']} of {found['compared']} balances are equal as of {found['as_of']}.")
    for name in kept:
        out.print(f"kept as {name} (GET {CREDIT}/reconciliations/{name}/differences)", soft_wrap=True)


def _document(line: Mapping[str, Any]) -> str:
    more = f"and {line['more'] - 1} more" if line["more"] else ""
    return f"{line['document_kind']} {line['document']}" if line["document"] else more


def _balances(
    path: Path, currency: str | None, listed: Mapping[str, list[dict[str, Any]]] | None
) -> Iterator[dict[str, Any]]:
    """As the API takes them. Raises Refused, naming the line."""
    wanted = ("customer", "balance") if currency else ("customer", "balance", "currency")
    for row in _rows(path, wanted):
        stated = {
            "customer": row.text("customer"),
            "currency": currency or row.text("currency"),
            "balance": str(row.number("balance")),
        }
        yield stated if listed is None else {**stated, "items": listed.get(row.text("customer"), [])}


def _items(path: Path) -> dict[str, list[dict[str, Any]]]:
    """By customer. What is taken off (payments, credit notes) may be written with or without its minus."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in _rows(path, ("customer", "kind", "document", "open")):
        kind, amount = row.text("kind").lower().replace(" ", "_"), row.number("open")
        if kind not in KINDS:
            raise row.wrong("kind", f"is none of {', '.join(KINDS)}")
        item = {"document": row.text("document"), "kind": kind}
        item["open"] = str(amount if kind == "invoice" else -abs(amount))
        due = row.date("due")
        found.setdefault(row.text("customer"), []).append({**item, "due": due.isoformat()} if due else item)
    return found


class _Values:
    """The values of one row by column name."""

    def __init__(self, table: Table, row: Row) -> None:
        self._path, self._line = table.path, row.line
        self._values = dict(zip((c.lower() for c in table.columns), row.values, strict=True))

    def text(self, column: str) -> str:
        value = self._values.get(column, "")
        if not value:
            raise self.wrong(column, "is empty")
        return value

    def number(self, column: str) -> Decimal:
        try:
            return Notation(self._path.name).number(self.text(column))
        except ValueError as wrong:
            raise self.wrong(column, str(wrong)) from None

    def date(self, column: str) -> date | None:
        value = self._values.get(column)
        try:
            return Notation(self._path.name).date(value) if value else None
        except ValueError as wrong:
            raise self.wrong(column, str(wrong)) from None

    def wrong(self, column: str, why: str) -> Refused:
        return Refused(f"{self._path} line {self._line}, column {column}: {why}")


def _rows(path: Path, wanted: Sequence[str]) -> Iterator[_Values]:
    try:
        table = opened(path.parent, CsvFile(path=path.name))
    except MappingError as wrong:
        raise Refused(str(wrong)) from None
    lacking = [c for c in wanted if c not in [t.lower() for t in table.columns]]
    if lacking:
        raise Refused(f"{path} has no column {', '.join(lacking)}; its header names {', '.join(table.columns)}")
    for row in table.rows():
        if row.problem:
            raise Refused(f"{path} line {row.line}: {row.problem}")
        yield _Values(table, row)


@intake.command()
def report(
    url: Url = HERE,
    token: Token = ADMIN,
    as_json: Json = False,
    source: Annotated[str | None, typer.Option(help="Only messages of this source.")] = None,
) -> None:
    """Messages of the ERP by type: how many of which fate, how many came twice, which numbers never came.

    Example: kehu intake report --source erp
    """
    with Server.at(url, token) as server:
        found = [row for service in SERVICES for row in _reported(server, service, source)]
    if as_json:
        return print_json(found)
    rows = [
        (r["source"], r["type"], r["messages"], r["accepted"], r["waiting"], r["rejected"], r["duplicates"],
         r["conflicts"], _series(r["series"]))
        for r in found
    ]  # fmt: skip
    heads = ("source", "type", "messages", "accepted", "waiting", "rejected", "duplicates", "conflicts", "missing")
    return print_table(heads, rows)


def _reported(server: Server, service: str, source: str | None) -> Iterator[dict[str, Any]]:
    after = None
    while True:
        page = server.get(f"{PREFIXES[service]}/intake/report", source=source, after=after)
        yield from ({"service": service, **row} for row in page["items"])
        after = page["next"]
        if after is None:
            return


def _series(series: Sequence[Mapping[str, Any]]) -> str:
    """The gaps of all series, the first few of each."""
    if not series:
        return "no series"
    told = [_gap(g) for s in series for g in s["gaps"][:3]]
    return ", ".join(told) or "none"


def _gap(gap: Mapping[str, str]) -> str:
    return gap["first"] if gap["first"] == gap["last"] else f"{gap['first']} to {gap['last']}"
