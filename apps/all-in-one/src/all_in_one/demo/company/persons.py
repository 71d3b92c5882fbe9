"""People at the customers: invented names, so that contacts and complaints have somebody who speaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from all_in_one.demo.company.chance import Chance
from all_in_one.demo.company.roster import Entry

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁"
GIVEN = "晓雯 建国 丽华 志强 雨桐 海燕 国栋 梦琪 文博 秀兰 俊杰 思远 佳宁 浩然 玉梅 天宇 若兰 明辉 静怡 永康".split()
FIRST = "Alice Daniel Grace Henry Irene Martin Nora Oliver Paula Samuel Teresa Victor".split()
LAST = "Bennett Carver Dalton Ellery Fairfax Garner Holloway Jessop Kendrick Lowell Merton Prescott".split()
ROLES: Sequence[Mapping[str, str]] = (
    {"zh": "采购经理", "en": "purchasing manager"},
    {"zh": "财务", "en": "accounts"},
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at a customer."""

    id: str
    name: str
    role: str
    phone: str
    email: str


def language(entry: Entry) -> str:
    """The language a customer writes in."""
    return "en" if entry.name.isascii() else "zh"


def people(entry: Entry, chance: Chance) -> Sequence[Person]:
    """Who speaks for a customer: one or two people."""
    draw = chance.of(entry.id, "people")
    return [_person(entry, n, draw.of(n)) for n in range(1 if entry.size == "C" else 2)]


def _person(entry: Entry, n: int, draw: Chance) -> Person:
    spoken = language(entry)
    key = f"P-{entry.id.partition('-')[2]}-{n + 1}"
    if spoken == "en":
        name = f"{draw.pick(FIRST, 'first')} {draw.pick(LAST, 'last')}"
    else:
        name = draw.pick(SURNAMES, "surname") + draw.pick(GIVEN, "given")
    phone = f"1{draw.between(30, 89, 'net')} 0000 {draw.between(1000, 9999, 'phone')}"
    return Person(key, name, ROLES[n][spoken], phone, f"{key.lower()}@customer.example")
