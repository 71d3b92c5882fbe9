"""What an invoice is owed: its instalments, what settled them when, and the notices of their lateness."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, assert_never, cast

from pydantic import Field

from credit_svc.domain.amounts import positive
from engine.decider import Aggregate, Command, Decider, Decision, Facts, Ref, States
from events.base import Event, Id
from events.credit import InvoiceEvent, InvoiceIssued, InvoiceSettled, PaymentDelayed

LATENESS_STEPS = (1, 30, 60, 90)
"""Days after the due date on which an open instalment is noticed."""

# --- commands -----------------------------------------------------------------------------------------------------


class NoticeLateness(Command):
    """Is this instalment still open `days` days after its due date? Due on that day."""

    invoice: Id
    instalment: Annotated[int, Field(ge=1)]
    days: Annotated[int, Field(ge=1)]


# --- state --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Owed:
    """An instalment: `settled` are the amounts that settled it, with the dates on which they are effective."""

    number: int
    due: date
    amount: Decimal
    settled: tuple[tuple[date, Decimal], ...] = ()

    @property
    def open(self) -> Decimal:
        return self.amount - sum((amount for _, amount in self.settled), Decimal(0))

    def open_on(self, day: date) -> Decimal:
        """What was open at the end of `day`, by effective dates."""
        return self.amount - sum((amount for on, amount in self.settled if on <= day), Decimal(0))


@dataclass(frozen=True, slots=True)
class Invoice:
    """`issued` is None while there is no such invoice; `noticed` are (instalment, days)."""

    issued: InvoiceIssued | None = None
    instalments: tuple[Owed, ...] = ()
    noticed: tuple[tuple[int, int], ...] = ()

    @property
    def open(self) -> Decimal:
        return sum((i.open for i in self.instalments), Decimal(0))


# --- decide -------------------------------------------------------------------------------------------------------


def _notice(cmd: NoticeLateness, state: Invoice, facts: Facts) -> list[Event]:
    owed = next((i for i in state.instalments if i.number == cmd.instalment), None)
    if state.issued is None or owed is None or (cmd.instalment, cmd.days) in state.noticed:
        return []
    step = owed.due + timedelta(days=cmd.days)
    if step > facts.today or facts.initial_load:
        return []
    still_open = owed.open_on(step)
    if still_open <= 0:
        return []
    return [
        PaymentDelayed(
            customer=state.issued.customer,
            invoice=cmd.invoice,
            instalment=cmd.instalment,
            due=owed.due,
            days=cmd.days,
            open=positive(still_open, state.issued.amount.currency),
        )
    ]


def streams(cmd: NoticeLateness, facts: Facts) -> list[Ref[Any]]:
    """The invoice alone: a notice changes nothing else."""
    return [INVOICE(cmd.invoice)]


def decide(cmd: NoticeLateness, states: States, facts: Facts) -> Decision:
    """The notice, if there is something to notice."""
    return [(INVOICE(cmd.invoice), e) for e in _notice(cmd, states[INVOICE(cmd.invoice)], facts)]


# --- evolve -------------------------------------------------------------------------------------------------------


def _settled(instalments: Sequence[Owed], event: InvoiceSettled) -> tuple[Owed, ...]:
    step = (event.settled_on, event.amount.amount)
    return tuple(replace(i, settled=(*i.settled, step)) if i.number == event.instalment else i for i in instalments)


def evolve(state: Invoice, event: Event) -> Invoice:
    """`state` after `event`."""
    match cast(InvoiceEvent, event):
        case InvoiceIssued() as issued:
            return Invoice(issued, tuple(Owed(i.number, i.due, i.amount.amount) for i in issued.instalments))
        case InvoiceSettled() as settled:
            return replace(state, instalments=_settled(state.instalments, settled))
        case PaymentDelayed(instalment=instalment, days=days):
            return replace(state, noticed=(*state.noticed, (instalment, days)))
        case other:
            assert_never(other)


INVOICE = Aggregate("invoice", Invoice(), evolve)
LATENESS: Decider[Facts] = Decider(commands=(NoticeLateness,), streams=streams, decide=decide)
