"""Every rule can be read: sentence, Chinese, place, test."""

from typing import Any

import httpx

from chassis.problems import language_of, sentence
from chassis.rules import Rule, index, reference, shortcomings
from engine.decider import Rejected


async def test_every_problem_type_resolves_to_its_sentences_place_and_test(
    running: Any, http: httpx.AsyncClient
) -> None:
    http.headers.pop("Authorization")
    found = index([running.runtime.service])
    assert {"/problems/credit/already-open", "/problems/kehu/key-reused"} <= {r.type for r in found}
    for rule in found:
        body = (await http.get(rule.type)).json()
        assert body["title"]["en"], rule.type
        assert body["title"]["zh-CN"], rule.type
        assert body["file"].endswith(".py")
        assert body["line"] > 0
    assert (await http.get("/problems/credit/no-such-rule")).status_code == 404


def test_the_rules_of_the_chassis_lack_nothing() -> None:
    assert shortcomings(r for r in index([]) if "/tests/" not in r.file) == []


def test_a_rule_without_sentence_chinese_or_test_is_named() -> None:
    half = Rule("credit", "half-a-rule", 409, "", "", "credit.py", 7, None)
    assert [what.rpartition(" has no ")[2] for what in shortcomings([half])] == [
        "sentence (docstring)", "Chinese sentence (zh)", "test that names it",
    ]  # fmt: skip


def test_the_reference_has_a_row_for_each_rule() -> None:
    assert "| `/problems/kehu/key-reused` | 422 |" in reference(index([]))


def test_a_sentence_without_its_parameter_shows_that_something_is_missing() -> None:
    class Short(Rejected):
        """Only {open} is open."""

    assert sentence(Short, {"open": "40.00"}) == "Only 40.00 is open."
    assert sentence(Short, {}) == "Only … is open."


def test_the_language_a_reader_prefers_most_is_taken() -> None:
    assert [language_of(a) for a in (None, "", "zh", "de, zh-TW;q=0.8, en;q=0.3", "en, zh;q=0.9", "*", "fr")] == [
        "en", "en", "zh-CN", "zh-CN", "en", "en", "en",
    ]  # fmt: skip
