"""Receipts: what became of a message, as its sender is told over HTTP and in a topic."""

from typing import Literal

from pydantic import BaseModel, Field

from chassis.intake import Taken
from chassis.problems import Defect, Fault, sentence, type_of
from chassis.runtime import Runtime
from engine.decider import Rejected
from engine.inbox import Entry


class Receipt(BaseModel):
    """What became of a message.

    `accepted`: decided and stored, up to `position`. `duplicate`: taken before, nothing changed. `waiting`: what it
    refers to has not arrived; decided when it does, at the latest after some days. `rejected`: by `rule`.
    """

    source: str | None = Field(default=None, examples=["erp"])
    id: str | None = Field(default=None, examples=["INV-90017"])
    verdict: Literal["accepted", "duplicate", "waiting", "rejected"]
    position: int | None = Field(default=None, examples=[4711])
    rule: str | None = Field(default=None, examples=["over-allocation"])
    type: str | None = Field(default=None, examples=["/problems/credit/over-allocation"])
    sentence: str | None = Field(default=None, examples=["The invoice has only 40.00 open."])
    errors: list[Defect] = Field(default_factory=list)
    record: str | None = Field(
        default=None,
        description="Topic, part and offset of the record it came in.",
        examples=["erp.invoices.v1/3/4711"],
    )
    number: int | None = Field(default=None, description="Order of the receipts of this service.", examples=[17])


def refusal(rule: Fault, language: str = "en", record: str | None = None) -> Receipt:
    """The receipt of what is no message at all."""
    said = sentence(type(rule), rule.params, language)
    return Receipt(
        source=None, id=None, verdict="rejected", rule=rule.code(), type=type_of(type(rule), ""), sentence=said,
        record=record,
    )  # fmt: skip


def receipt_of(runtime: Runtime, taken: Taken, language: str = "en") -> Receipt:
    """The receipt of a message that was taken."""
    entry = taken.entry
    found = Receipt(
        source=entry.source,
        id=entry.id,
        verdict=taken.verdict,
        position=entry.position,
        record=entry.came,
        number=entry.receipt or None,
    )
    if entry.rule is None or taken.duplicate:
        return found
    rule = rule_of(runtime, entry)
    found.rule, found.type = entry.rule, type_of(type(rule), runtime.service.name)
    found.sentence, found.errors = sentence(type(rule), rule.params, language), errors_of(entry)
    return found


def rule_of(runtime: Runtime, entry: Entry) -> Rejected:
    """The rule that refused."""
    known = runtime.rules.get(entry.rule or "", Rejected)
    return known(**{name: value for name, value in entry.params.items() if name != "errors"})


def errors_of(entry: Entry) -> list[Defect]:
    """What is wrong with a document of the wrong shape."""
    return [Defect.model_validate(e) for e in entry.params.get("errors", ())]
