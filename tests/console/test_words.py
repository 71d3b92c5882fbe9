"""The page speaks two languages: every text lies in both dictionaries, and nothing is said that lies in none."""

import json
import re
from itertools import chain
from typing import get_args

import pytest

from analytics_svc.domain.alert import Status
from analytics_svc.domain.figures import NO_SALES, Measure
from analytics_svc.projections import complaints
from complaint_svc.domain.stages import Stage
from complaint_svc.projections.complaints import Turn
from console.pages import STATIC
from events.analytics import AlertRule, Level
from events.complaint import ComplaintSubject
from events.credit import Category
from events.customer import CustomerType

LANGUAGES = ("en", "zh-CN")
WORDS = {language: json.loads((STATIC / "words" / f"{language}.json").read_text()) for language in LANGUAGES}
SCRIPTS = {p.relative_to(STATIC).as_posix(): p.read_text() for p in (STATIC / "js").rglob("*.js")}
CODE = "\n".join(SCRIPTS.values())
HTML = (STATIC / "index.html").read_text()
SAID = {*re.findall(r'\bt\(\s*"([\w.]+)"', CODE), *re.findall(r'data-t(?:-label)?="([\w.]+)"', HTML)}
CHOSEN = set(re.findall(r'\?\s*"([a-z_]+\.[\w.]+)"\s*:\s*"[a-z_]+\.', CODE)) | set(
    re.findall(r':\s*"([a-z_]+\.[\w.]+)"', CODE)
)
LISTED = set(re.findall(r'\[\s*"((?:alert|empty)\.[\w.]+)"', CODE))
NAMES = {
    "rule": get_args(AlertRule), "rule_name": get_args(AlertRule), "level": get_args(Level),
    "alert_state": [s for s in get_args(Status) if s != "none"], "measure": get_args(Measure),
    "kind": [
        *complaints.STATES, *get_args(Category), "invoice", "cash", "credit_note", "allocation", "ordered", "changed",
        "cancelled", "billed", "credited", "limit", "class", "customer",
    ],
    "stage": [s for s in chain(*map(get_args, get_args(Stage))) if s != "unknown"], "turn": get_args(Turn),
    "subject": get_args(ComplaintSubject), "type": get_args(CustomerType),
    "reason": [NO_SALES], "step": "1234567", "service": ("customer", "credit", "complaint", "analytics"),
    "line": ("connecting", "live", "reconnecting"), "bucket": ("current", "unallocated", "days"),
    "explain": ("balance", "ageing", "dso", "tiers", "limits", "complaints"), "loading": ("loading", "moving"),
    "part.balance": ("outstanding", "receivable", "unallocated"), "part.dso": ("numerator", "denominator"),
    "part.tiers": ("numerator", "denominator"), "part.limits": ("numerator", "denominator"),
    "part.complaints": ("open", "overdue", "evaluated"),
}  # fmt: skip
"""Names of the API that the page has words for, by the group it looks them up in."""
LOOKED_UP = {f"{group}.{name}" for group, names in NAMES.items() for name in names}
SPOKEN = SAID | CHOSEN | LISTED | LOOKED_UP


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_the_page_says_lies_in_the_dictionary(language: str) -> None:
    assert SPOKEN - WORDS[language].keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_lies_there_that_is_never_said(language: str) -> None:
    said = {key.removesuffix(".one") for key in WORDS[language]}
    assert said - SPOKEN == set()


def test_what_is_said_in_one_language_is_said_in_the_other() -> None:
    english, chinese = ({k for k in WORDS[language] if not k.endswith(".one")} for language in LANGUAGES)
    assert english == chinese
    assert all(text.strip() for text in chain.from_iterable(w.values() for w in WORDS.values()))


def test_both_languages_fill_in_the_same_things() -> None:
    def filled(language: str, key: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", WORDS[language].get(key, "")))

    for key in WORDS["zh-CN"]:
        assert filled("en", key) == filled("zh-CN", key), key
    for key in (k for k in WORDS["en"] if k.endswith(".one")):  # "one" may go without the number
        assert filled("en", key) | {"n"} == filled("en", key.removesuffix(".one")) | {"n"}, key


def test_no_script_says_anything_in_chinese_by_itself() -> None:
    for name, text in SCRIPTS.items():
        assert re.findall(r"[\u4e00-\u9fff]", text) == [], name


def test_the_markup_says_nothing_by_itself_but_its_name_and_the_languages() -> None:
    body = re.sub(r"<noscript>.*?</noscript>", "", HTML[HTML.index("<body>") :], flags=re.DOTALL)
    assert sorted(set(re.findall(r">\s*([^<>\s][^<>]*?)\s*<", body))) == ["English", "Kehu", "中文", "客户"]
