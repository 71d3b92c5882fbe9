"""What the customer record holds besides the basics: blocks, each a small whole that is recorded at one occasion.

A block is replaced as a whole; what is not known stays empty. Free text is about the company: what is said of a living
person belongs into a `Profile`, which is sealed. Persons are named by the id they have as contacts.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from events.base import Id, NonNegativeMoney, Personal, Quantity, Value

Label = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Share = Annotated[Decimal, Field(ge=0, le=1, decimal_places=4)]
"""A part of the whole: 0.125 is 12.5 %."""
Volume = Annotated[Quantity, Field(ge=0)]
Days = Annotated[int, Field(ge=0, le=3660)]
Month = Annotated[date, AfterValidator(lambda day: day.replace(day=1))]
"""A month, by its first day; any day of it is taken."""

Source = Literal[
    "visit", "phone", "form", "registration", "market_research", "satisfaction_survey", "online_survey", "feedback",
    "erp", "other",
]  # fmt: skip
"""R-036: 拜访, 电话, 信息采集表, 会员注册, 市场调研, 满意度调查, 在线调研, 客户反馈, ERP, 其他."""
LargeForm = Literal["general_agent", "key_customer", "large_industrial"]
"""R-014: 地区总代理, 市场部关键客户, 大型工业企业."""
ProductLine = Literal["first_line", "second_line", "foreign_company"]
"""R-030: 一线产品, 二线产品, 外资企业."""
SupplierPosition = Literal["not_listed", "listed", "sole"]
"""R-029: 未进入供应商名单, 在供应商名单中, 独家供应商."""


class Collected(Value):
    """R-004, R-036: how something of the record came to be known: on which day, by whom of us, in which way.

    `by` empty: by whoever recorded it.
    """

    on: date
    how: Source
    by: Id | None = None


class Dealings(Value):
    """R-003, R-013, R-014, R-029, R-030: what it does with us (往来): business types, form, sector, our position."""

    business_types: Annotated[tuple[Label, ...], Field(max_length=20)] = ()
    form: LargeForm | None = None
    sector: Line = ""
    product_line: ProductLine | None = None
    supplier_position: SupplierPosition | None = None


class Characteristics(Value):
    """R-005, 客户特征: what kind of company it is."""

    market_area: Note = ""
    sales_capability: Note = ""
    development_potential: Note = ""
    business_philosophy: Note = ""
    business_direction: Note = ""
    business_policy: Note = ""
    business_traits: Note = ""


class MonthlyVolume(Value):
    month: Month
    quantity: Volume


class BusinessStatus(Value):
    """R-006, R-025, 业务状况: how it does in its market, and with us. `monthly_sales` are what it sold, in `unit`."""

    sales_results: Note = ""
    annual_sales: NonNegativeMoney | None = None
    monthly_sales: Annotated[tuple[MonthlyVolume, ...], Field(max_length=60)] = ()
    unit: Line = ""
    market_share: Share | None = None
    competitiveness: Note = ""
    market_position: Note = ""
    competitors: Note = ""
    sales_channels: Note = ""
    business_with_us: Note = ""
    cooperation: Note = ""

    @model_validator(mode="after")
    def _each_month_once(self) -> Self:
        if len({v.month for v in self.monthly_sales}) < len(self.monthly_sales):
            raise ValueError("a month is named twice in monthly_sales")
        return self


class TradingStatus(Value):
    """R-007, 交易现状: how its trade stands today and where it goes."""

    sales_activity: Note = ""
    problems: Note = ""
    strategy: Note = ""
    outlook: Note = ""
    image: Note = ""
    reputation: Note = ""
    financial_status: Note = ""
    credit_status: Note = ""


class SupplyNeeds(Value):
    """R-015, R-017, R-026..R-028, 供货需求: what it expects of our deliveries, and how much it uses a year.

    Quantities are in `unit`. `made_itself` a year is not for sale; `bought_outside` a year is what we can win.
    """

    delivery_days: Days | None = None
    batch_size: Volume | None = None
    batches_a_year: Annotated[int, Field(ge=0, le=100_000)] | None = None
    cycle_days: Days | None = None
    unit: Line = ""
    price: NonNegativeMoney | None = None
    price_sensitivity: Note = ""
    quality: Note = ""
    special_requirements: Note = ""
    wants_sales_training: bool | None = None
    wants_market_research: bool | None = None
    made_itself: Volume | None = None
    bought_outside: Volume | None = None


class Dossier(Value):
    """R-020, R-023, 企业档案: what a salesperson reads before a visit. The two persons are contacts, by their ids."""

    decision_maker: Id | None = None
    handling_person: Id | None = None
    industry: Line = ""
    products: Note = ""
    organisation: Note = ""
    profitability: Note = ""
    employees: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    plans: Note = ""
    problems: Note = ""
    culture: Note = ""


Block = Dealings | Characteristics | BusinessStatus | TradingStatus | SupplyNeeds | Dossier


class Blocks(Value):
    """The blocks that were collected at one occasion; one left out stays as it is."""

    dealings: Dealings | None = None
    characteristics: Characteristics | None = None
    business_status: BusinessStatus | None = None
    trading_status: TradingStatus | None = None
    supply_needs: SupplyNeeds | None = None
    dossier: Dossier | None = None

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError(f"name at least one block: {', '.join(type(self).model_fields)}")
        return self


class Profile(Value):
    """R-002, R-021, 个人档案: what is known of a person at the customer; all of it is personal data of `person`."""

    person: Id
    personality: Personal = None
    interests: Personal = None
    family: Personal = None
    education: Personal = None
    born: Personal = None
    abilities: Personal = None
    experience: Personal = None
    work: Personal = None
    social_life: Personal = None
    health: Personal = None
    finances: Personal = None
    pursuits: Personal = None
    ideals: Personal = None
