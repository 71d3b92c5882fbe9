"""Every rule of every service has its sentence, its Chinese and a test that names it."""

import importlib
import re
from collections.abc import Iterable

import pytest

from chassis import rules
from chassis.rules import Rule
from chassis.service import Service

PACKAGES = ("customer_svc", "credit_svc", "complaint_svc", "analytics_svc")
MIXED = re.compile(r"[\u4e00-\u9fff][,;:.?!()]|[,;:.?!()][\u4e00-\u9fff]")
every_service = pytest.mark.parametrize("package", PACKAGES)


def manifest(package: str) -> Service:
    service = importlib.import_module(f"{package}.service").SERVICE
    assert isinstance(service, Service)
    return service


def differing(found: Iterable[Rule]) -> list[str]:
    """Rules whose two sentences do not have the same blanks to fill."""
    return [r.type for r in found if blanks(r.en) != blanks(r.zh)]


def mixed(found: Iterable[Rule]) -> list[str]:
    """Rules whose Chinese sentence has ASCII punctuation beside a Han character; what fills a blank counts as one."""
    return [r.type for r in found if MIXED.search(re.sub(r"\{\w+\}", "某", r.zh))]


def blanks(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", sentence))


@every_service
def test_every_rule_is_complete(package: str) -> None:
    assert rules.shortcomings(rules.index([manifest(package)])) == []


@every_service
def test_both_languages_fill_the_same_blanks(package: str) -> None:
    assert differing(rules.index([manifest(package)])) == []


@every_service
def test_chinese_sentences_have_chinese_punctuation(package: str) -> None:
    assert mixed(rules.index([manifest(package)])) == []


def test_an_incomplete_rule_is_found() -> None:
    whole = Rule("credit", "over-limit", 409, "Over {limit}.", "超过 {limit}。", "order.py", 1, "test_order.py::test_a")
    silent = Rule("credit", "over-limit", 409, "Over {limit}.", "", "order.py", 1, None)
    assert (rules.shortcomings([whole]), len(rules.shortcomings([silent]))) == ([], 2)
    half = Rule("credit", "over-limit", 409, "Over {limit}.", "超过 {limit},冻结。", "order.py", 1, None)
    assert mixed([whole, silent, half]) == ["/problems/credit/over-limit"]
    assert differing([whole, silent]) == ["/problems/credit/over-limit"]
