"""Money and invoices find each other, in one append or several, in one process or several, fed views or none."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import date, timedelta

import pytest

from chassis.run import opened, working
from chassis.runtime import Runtime
from chassis.settings import Auth, Http, Settings
from credit_svc.domain.account import OpenAccount
from credit_svc.domain.exposure import EXPOSURE, Exposure
from credit_svc.domain.invoice import IssueInvoice
from credit_svc.domain.payment import ReceivePayment
from credit_svc.domain.receivable import INVOICE
from credit_svc.domain.settlement import PAYMENT
from credit_svc.service import SERVICE
from credit_svc.testing import cny
from engine import ids
from engine.decider import Actor, Command
from engine.handle import Asked
from engine.ports import Meta
from events.credit import Allocated

pytestmark = pytest.mark.database
DAY = date(2026, 3, 1)
SEEDS, DOCUMENTS = 5, 30


@pytest.fixture
async def runtimes(urls: dict[str, str]) -> AsyncIterator[list[Runtime]]:
    """Two on one database that share nothing else, no worker beside them; a customer with an account."""
    settings = Settings(auth=Auth(development=True), http=Http(patience=30))
    async with AsyncExitStack() as stack:
        both = [(await stack.enter_async_context(opened([SERVICE], settings, urls)))[0] for _ in range(2)]
        await do(both[0], OpenAccount(customer="C-1", currency="CNY", on=DAY))
        yield both


async def do(runtime: Runtime, *commands: Command) -> None:
    """Decide `commands` in one go. All must be accepted."""
    name = ids.new()
    asked = [
        Asked(c, ids.named("waiting", name, n), Meta("proof", name), Actor("proof")) for n, c in enumerate(commands)
    ]
    verdicts = await runtime.handler.handle_many(asked)
    assert {v.outcome for v in verdicts} == {"accepted"}


def bill(invoice: str, amount: int, due_in: int = 30, dated: int = 0) -> IssueInvoice:
    on, due = DAY + timedelta(days=dated), DAY + timedelta(days=due_in)
    return IssueInvoice(customer="C-1", invoice=invoice, invoice_date=on, amount=cny(amount), due=due)


def pay(payment: str, amount: int, *names: str) -> ReceivePayment:
    return ReceivePayment(customer="C-1", payment=payment, amount=cny(amount), value_date=DAY, names=names)


async def allocated(runtime: Runtime, since: int = 0) -> list[tuple[str, str, int]]:
    found = [e.event for e in await runtime.store.read_all(since, 10_000)]
    return [(e.document, e.invoice, int(e.amount.amount)) for e in found if isinstance(e, Allocated)]


async def exposure(runtime: Runtime) -> Exposure:
    return (await runtime.states([EXPOSURE("C-1")]))[EXPOSURE("C-1")]


async def appends(runtime: Runtime, since: int) -> int:
    """Events of one append are recorded at the same instant, those of two never."""
    return len({e.recorded for e in await runtime.store.read_all(since, 10_000)})


async def test_a_payment_pays_invoices_issued_after_it_in_the_same_append(runtimes: Sequence[Runtime]) -> None:
    first, _ = runtimes
    await do(first, pay("P-0", 30))
    before = await first.store.head()
    await do(first, bill("I-1", 20), pay("P-1", 100), bill("I-2", 60), bill("I-3", 70))
    assert await appends(first, before) == 1
    expected = [("P-0", "I-1", 20), ("P-0", "I-2", 10), ("P-1", "I-2", 50), ("P-1", "I-3", 50)]
    assert await allocated(first) == expected
    now = await exposure(first)
    assert [now.open_invoices, now.unallocated_cash] == [20, 0]


async def test_unnamed_payments_of_one_append_settle_one_invoice_after_the_other(runtimes: Sequence[Runtime]) -> None:
    first, _ = runtimes
    await do(first, *(bill(f"I-{n}", 100, due_in=n) for n in range(1, 31)))
    before = await first.store.head()
    async with working([first]):
        await first.reached({"credit": before})
    await do(first, *(pay(f"P-{n}", 150) for n in range(1, 21)))
    assert await appends(first, before) == 1
    assert [a[:2] for a in await allocated(first)][:5] == [
        ("P-1", "I-1"),
        ("P-1", "I-2"),
        ("P-2", "I-2"),
        ("P-2", "I-3"),
        ("P-3", "I-4"),
    ]
    assert await exposure(first) == Exposure()


async def test_an_invoice_of_the_same_append_does_not_go_before_an_older_one_due_the_same_day(
    runtimes: Sequence[Runtime],
) -> None:
    first, _ = runtimes
    await do(first, bill("I-1", 100, dated=-5))
    await do(first, bill("I-2", 100, dated=-1), pay("P-1", 50))
    assert await allocated(first) == [("P-1", "I-1", 50)]


async def test_money_that_another_process_took_in_is_found(runtimes: Sequence[Runtime]) -> None:
    first, second = runtimes
    await do(first, bill("I-1", 40))
    await do(second, pay("P-1", 100))
    await do(first, bill("I-2", 70))
    assert await allocated(first) == [("P-1", "I-1", 40), ("P-1", "I-2", 60)]


async def test_whoever_comes_first_in_whatever_process_what_is_owed_and_what_waits_never_both_stay(
    runtimes: Sequence[Runtime],
) -> None:
    for seed in range(SEEDS):
        before = await exposure(runtimes[0])
        billed, paid = await race(runtimes, seed)
        after = await exposure(runtimes[0])
        assert after.total == before.total + billed - paid, f"seed {seed}"
        assert min(after.open_invoices, after.unallocated_cash) == 0, f"seed {seed}"
        assert after.open_invoices == sum(after.due.values())
    await as_the_documents_say(runtimes[1])


async def race(runtimes: Sequence[Runtime], seed: int) -> tuple[int, int]:
    """Invoices and unnamed payments at once, alone and some together; the sums of both."""
    jobs, sums = [], [0, 0]
    for n in range(DOCUMENTS):
        drawn = ids.named("money", seed, n).int
        made: list[Command] = []
        for m in range(1 + drawn % 3):
            bit, amount = drawn >> (8 + m) & 1, 1 + (drawn >> (16 + 8 * m)) % 90
            key = f"{seed}-{n}-{m}"
            made.append(pay(f"P-{key}", amount) if bit else bill(f"I-{key}", amount, due_in=drawn % 7))
            sums[bit] += amount
        jobs.append(do(runtimes[drawn >> 64 & 1], *made))
    await asyncio.gather(*jobs)
    return sums[0], sums[1]


async def as_the_documents_say(runtime: Runtime) -> None:
    """The exposure is the sum of what is open of the invoices and unallocated of the payments."""
    streams = {e.stream for e in await runtime.store.read_all(0, 100_000)}
    invoices = [INVOICE(s.removeprefix("invoice-")) for s in streams if s.startswith("invoice-")]
    payments = [PAYMENT(s.removeprefix("payment-")) for s in streams if s.startswith("payment-")]
    states = await runtime.states([*invoices, *payments])
    now = await exposure(runtime)
    assert sum(states[i].open for i in invoices) == now.open_invoices
    assert sum(states[p].unallocated for p in payments) == now.unallocated_cash
