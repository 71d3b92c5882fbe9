"""What each customer is like in trade: how much, how often, of what, on which terms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from all_in_one.demo.company.chance import Chance
from all_in_one.demo.company.products import BY_CATEGORY, Product
from all_in_one.demo.company.roster import ROSTER, Entry

HISTORY = 1096
"""Days of documents before the last day: three years, a leap day included."""
NEEDS: Mapping[str, Sequence[str]] = {
    "beverage": ("two-piece cans", "ends"),
    "herbal": ("three-piece cans",),
    "food": ("food cans", "ends"),
    "dairy": ("milk powder cans",),
    "gift": ("gift boxes",),
    "paint": ("general cans",),
    "mixed": ("two-piece cans", "food cans"),
    "retail": ("gift boxes", "food cans"),
}
YEARLY: Mapping[str, tuple[int, int]] = {"A": (18, 60), "B": (4, 11), "C": (1, 2)}
"""Orders of an ordinary year before tax, in millions of yuan."""
RHYTHM: Mapping[str, int] = {"A": 16, "B": 45, "C": 115}
"""Days between two orders, on average."""
Terms = tuple[int, ...]
"""Days after the invoice on which an equal part of it is due, in order."""
TERMS: Mapping[str, Sequence[Terms]] = {
    "A": ((60,), (45,), (30, 60, 90)),
    "B": ((30,), (45,), (60,), (30, 60)),
    "C": ((30,), (30,), (15,)),
}


@dataclass(frozen=True, slots=True)
class Firm:
    """The selling company as demonstrated: what is drawn, the last day of its history, how many documents (1: all)."""

    chance: Chance
    until: date
    density: float = 1.0

    @classmethod
    def seeded(cls, seed: int, until: date, density: float = 1.0) -> "Firm":
        """The company of a seed."""
        return cls(Chance(str(seed)), until, density)

    @property
    def first(self) -> date:
        """The first day of its history."""
        return self.ago(HISTORY)

    def ago(self, days: int) -> date:
        """So many days before the last day; negative: after it."""
        return self.until - timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Buyer:
    """A customer in trade. `yearly` in yuan before tax, `rhythm` in days, `growth` a year, `discount` off the list.

    `names`: its payments say which invoice they are for.
    """

    entry: Entry
    since: date
    yearly: int
    rhythm: float
    growth: float
    discount: Decimal
    terms: Terms
    products: Sequence[Product]
    names: bool = True

    @property
    def id(self) -> str:
        return self.entry.id

    @property
    def number(self) -> str:
        """The part of the customer's id its documents carry."""
        return self.entry.id.partition("-")[2]


def buyers(firm: Firm) -> Sequence[Buyer]:
    """All customers, by id."""
    return [_buyer(entry, firm) for entry in ROSTER]


def _buyer(entry: Entry, firm: Firm) -> Buyer:
    draw = firm.chance.of(entry.id, "buyer")
    least, most = YEARLY[entry.size]
    return Buyer(
        entry,
        since=_since(entry, firm),
        yearly=draw.between(least * 1000, most * 1000, "yearly") * 1000,
        rhythm=RHYTHM[entry.size] * (0.8 + 0.4 * draw.unit("rhythm")) / firm.density,
        growth=-0.06 + 0.2 * draw.unit("growth"),
        discount=Decimal(draw.between(0, 6, "discount")) / 100,
        terms=draw.pick(TERMS[entry.size], "terms"),
        products=_products(entry, draw),
        names=entry.payer == "prepaid" or not draw.odds(1 / 12, "names"),
    )


def _since(entry: Entry, firm: Firm) -> date:
    """Most were customers before the history begins; one in seven came during it."""
    draw = firm.chance.of(entry.id, "since")
    recent = entry.payer in ("early", "prompt", "late") and draw.odds(1 / 7, "recent")
    return firm.ago(draw.between(150, 1000, "day") if recent else draw.between(HISTORY, 2900, "day"))


def _products(entry: Entry, draw: Chance) -> Sequence[Product]:
    """Two of the first category it needs, one of each other."""
    first, *others = NEEDS[entry.trade]
    offered = BY_CATEGORY[first]
    start = draw.between(0, len(offered) - 1, "product")
    chosen = dict.fromkeys((offered[start], offered[(start + 1) % len(offered)]))
    return (*chosen, *(draw.pick(BY_CATEGORY[category], category) for category in others))
