"""What the can maker sells: cans by category, with price and cost of one piece before tax, in yuan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from math import pi, sin

TENTH_OF_A_FEN = Decimal("0.0001")
VALUE_ADDED_TAX = Decimal("0.13")


@dataclass(frozen=True, slots=True)
class Product:
    """`pack`: pieces on a pallet; nobody orders less."""

    id: str
    description: str
    category: str
    price: Decimal
    cost: Decimal
    pack: int


def _product(line: str, category: str) -> Product:
    key, description, price, cost, pack = (part.strip() for part in line.split("|"))
    return Product(key, description, category, Decimal(price), Decimal(cost), int(pack))


_LINES: Mapping[str, str] = {
    "two-piece cans": """
        CAN2-250S | 250 ml 纤体铝罐 slim aluminium can | 0.4480 | 0.3810 | 5000
        CAN2-330  | 330 ml 两片铝罐 aluminium can      | 0.4350 | 0.3720 | 5000
        CAN2-500  | 500 ml 两片铝罐 aluminium can      | 0.5120 | 0.4310 | 5000""",
    "three-piece cans": """
        CAN3-240 | 240 ml 三片马口铁罐 tinplate can | 0.6150 | 0.5230 | 4000
        CAN3-310 | 310 ml 三片马口铁罐 tinplate can | 0.6620 | 0.5590 | 4000
        CAN3-960 | 960 ml 三片马口铁罐 tinplate can | 1.3800 | 1.1500 | 1000""",
    "food cans": """
        FOOD-185 | 185 g 水产罐 fish can      | 0.7400 | 0.6190 | 3000
        FOOD-425 | 425 g 果蔬罐 vegetable can | 1.0200 | 0.8540 | 2000
        FOOD-850 | 850 g 果蔬罐 vegetable can | 1.6900 | 1.4050 | 1000""",
    "milk powder cans": """
        MILK-400 | 400 g 奶粉罐 milk powder can | 2.3500 | 1.8700 | 1000
        MILK-800 | 800 g 奶粉罐 milk powder can | 3.1200 | 2.4600 | 1000""",
    "gift boxes": """
        GIFT-MOON | 月饼铁盒 mooncake tin     | 4.8000 | 3.5500 | 200
        GIFT-TEA  | 茶叶铁盒 tea tin          | 3.9000 | 2.8200 | 200
        GIFT-NEW  | 年货礼盒 Spring Festival tin | 6.4000 | 4.7000 | 200""",
    "general cans": """
        PAINT-1  | 1 l 涂料罐 paint can      | 3.2000 | 2.6800 | 500
        PAINT-4  | 4 l 涂料罐 paint can      | 6.9000 | 5.7400 | 200
        AERO-65  | 65 mm 气雾罐 aerosol can | 1.7500 | 1.4300 | 1000""",
    "ends": """
        END-202 | 202 铝易拉盖 aluminium easy-open end | 0.1180 | 0.0960 | 10000
        END-307 | 307 马口铁盖 tinplate end            | 0.1460 | 0.1220 | 10000""",
}
PRODUCTS: Sequence[Product] = tuple(
    _product(line, category) for category, lines in _LINES.items() for line in lines.strip().splitlines()
)
BY_CATEGORY: Mapping[str, Sequence[Product]] = {c: tuple(p for p in PRODUCTS if p.category == c) for c in _LINES}


def cost_on(product: Product, day: date) -> Decimal:
    """What a piece costs to make: aluminium and tinplate swing by 5 % over three years, the list price does not."""
    swing = Decimal(str(round(1 + 0.05 * sin(2 * pi * day.toordinal() / 1096), 4)))
    return (product.cost * swing).quantize(TENTH_OF_A_FEN, ROUND_HALF_UP)
