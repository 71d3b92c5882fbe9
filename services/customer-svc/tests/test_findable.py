"""By what a customer is found, whichever way it is typed."""

import pytest

from customer_svc.domain.findable import BEGIN, READINGS, findable, folded, readings, words
from events.customer import Address, Basics


def wide(typed: str) -> str:
    """As a Chinese input method writes letters and digits in full width."""
    return "".join(chr(ord(c) + 0xFEE0) for c in typed)


def text(name: str, customer: str = "C-1", tax_id: str = "", city: str = "") -> str:
    return findable(
        customer, Basics(name=name, type="dealer", currency="CNY", tax_id=tax_id, address=Address(city=city))
    )


@pytest.mark.parametrize(
    ("typed", "compared"),
    [(wide("ABC") + "\u3000机械", "abc 机械"), ("Müller  STRASSE", "müller strasse"), ("Straße", "strasse"),
     ("Anna's", "annas"), ("Anna’s", "annas"), ("a\x00b\u200bc", "abc"), ("  ", "")],
)  # fmt: skip
def test_texts_are_compared_without_width_case_apostrophes_and_what_nobody_sees(typed: str, compared: str) -> None:
    assert folded(typed) == compared


@pytest.mark.parametrize(
    "q", [*"沪东 机械 hudong HUDONG dongji hd hdjx 上海 shanghai sh c-1".split(), wide("hd"), wide("913")]
)
def test_a_chinese_name_is_found_by_characters_by_pinyin_by_initials_and_by_the_rest_of_its_record(q: str) -> None:
    assert all(word in text("沪东机械", tax_id="9131", city="上海") for word in words(q))


@pytest.mark.parametrize(
    ("name", "reading"),
    [("重庆长安", "chongqingchangan"), ("长沙罐业", "changshaguanye"), ("厦门银行", "xiamenyinhang"),
     ("绿城", "lvcheng"), ("绿城", "lucheng"), ("单县食品", "shanxianshipin"), ("沪东 ABC", "hudong abc"),
     ("沪东股份有限公司", "hudong")],
)  # fmt: skip
def test_characters_with_several_readings_are_found_by_the_one_the_word_has(name: str, reading: str) -> None:
    assert folded(reading) in {folded(found) for found in readings(name)}


def test_a_character_that_stands_alone_is_found_by_each_of_its_readings() -> None:
    assert {"zhang", "chang", "z", "c"} <= set(readings("长"))


def test_a_name_of_many_readings_keeps_those_of_its_beginning() -> None:
    found = list(readings("行行行行行行行行"))
    assert len(found) <= 2 * READINGS
    assert {one[:4] for one in found} >= {"xing", "hang"}


def test_an_english_name_has_no_readings() -> None:
    assert list(readings("Blue Lake Ltd")) == []


def test_only_key_tax_id_and_name_are_found_by_their_beginning() -> None:
    found = text("沪东机械", tax_id="9131", city="上海")
    for term in ("c-1", "9131", "沪东机械", "hudongjixie", "hdjx"):
        assert BEGIN + term in found
    for term in ("上海", "shanghai"):
        assert term in found
        assert BEGIN + term not in found


def test_no_term_can_pretend_to_begin_another() -> None:
    assert text("Blue\nLake\tLtd").count(BEGIN) == text("Blue Lake Ltd").count(BEGIN)
    assert words("blue\n\tlake") == ["blue", "lake"]
