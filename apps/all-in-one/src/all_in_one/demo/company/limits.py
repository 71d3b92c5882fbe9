"""Credit limits and risk classes over the years: set at the start, looked at again once a year."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from all_in_one.demo.company.buyers import Buyer, Firm
from all_in_one.demo.company.document import Document
from all_in_one.demo.company.papers import terms
from all_in_one.demo.company.seasons import season

STEPS: Sequence[tuple[int, float]] = ((1096, 0.8), (731, 0.9), (366, 1.0))
"""Days before the last day of the yearly reviews, and the share of the full limit from then on."""
CLASSES: Mapping[str, Sequence[str]] = {
    "early": ("CA3", "CA2", "CA1"),
    "prompt": ("CA3", "CA2", "CA2"),
    "late": ("CA3", "CA3", "CA4"),
    "prepaid": ("CA5", "CA5", "CA5"),
    "partial": ("CA3", "CA4", "CA4"),
}
"""The class by how somebody pays, at the start and after each review."""


def reviews(buyer: Buyer, firm: Firm) -> Iterator[Document]:
    """What the credit manager decided about most customers."""
    full, classes = _full(buyer), CLASSES[buyer.entry.payer]
    for n, (ago, share) in enumerate(STEPS):
        later = STEPS[n + 1][0] if n + 1 < len(STEPS) else 0
        if firm.ago(later) <= buyer.since:
            continue
        day = max(firm.ago(ago), buyer.since)
        reason = "开户 opening" if day == buyer.since else "年度复核 yearly review"
        yield terms(buyer, day, _round(full * share), classes[n], reason)


def _full(buyer: Buyer) -> float:
    """Enough for the busiest season: what is ordered, on its way and not yet due, and a habit of paying late."""
    slack = {"late": 28, "partial": 40}.get(buyer.entry.payer, 6)
    days = max(2.2 * buyer.rhythm, 25 + max(buyer.terms) + slack)
    return buyer.yearly * 1.13 / 365 * days * _busiest(buyer.products[0].category) * 1.5


def _busiest(category: str) -> float:
    year = date(2025, 1, 1)
    return max(season(category, year + timedelta(days=n)) for n in range(0, 365, 5))


def _round(limit: float) -> Decimal:
    """Two digits, upwards, as limits are."""
    unit = 10 ** (len(str(int(limit))) - 2)
    return Decimal((int(limit) // unit + 1) * unit).quantize(Decimal("0.01"))
