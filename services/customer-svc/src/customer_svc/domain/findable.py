"""By what a customer is found: its key, name, readings of a Chinese name, tax id, city; one text that is searched.

Texts are compared folded: full width as half width, capitals as small letters, apostrophes and repeated blanks gone.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import islice, product
from types import ModuleType
from unicodedata import category, normalize

from events.customer import Basics

READINGS = 16
"""Readings kept of a name at most; those in which its first characters differ come first."""
BEGIN, WITHIN = "\n", "\t"
"""What stands before a term that may be found by its beginning, and before one that is only found as a part."""
_RUNS = re.compile(r"([㐀-䶿一-鿿]+)")
_LEGAL_FORM = re.compile(r"(股份)?有限(责任)?公司")
_APOSTROPHES = str.maketrans("", "", "'’‘`")


def folded(text: str) -> str:
    """`text` as it is compared."""
    plain = normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return " ".join("".join(c for c in plain if c.isspace() or category(c)[0] != "C").split())


def words(q: str) -> list[str]:
    """The words of a search, folded; each has to be found."""
    return folded(q).split()


def findable(customer: str, basics: Basics) -> str:
    """All terms of a customer, each behind its mark; `folded` leaves neither mark in a term or in what is asked for."""
    city = basics.address.city
    first = [customer, basics.tax_id, basics.name, *readings(basics.name)]
    return _marked(BEGIN, first) + _marked(WITHIN, [city, *readings(city)]) + BEGIN


def readings(name: str) -> Iterator[str]:
    """A Chinese name in pinyin, without tones, in full and by initials: hudongjixie, hdjx. Heteronyms: each reading.

    The legal form is left out: nobody types youxiangongsi, and all of it is looked through at every search.
    """
    runs = _RUNS.split(_LEGAL_FORM.sub("", name))
    if len(runs) == 1:
        return
    options = [option for n, run in enumerate(runs) for option in (_spellings(run) if n % 2 else [[run]])]
    initials = [option for n, run in enumerate(runs) for option in (_initials(run) if n % 2 else [[run]])]
    for each in (options, initials):
        for chosen in islice(product(*reversed(each)), READINGS):
            yield "".join(reversed(chosen))


@lru_cache(maxsize=4096)
def _spellings(chinese: str) -> list[list[str]]:
    """The spellings of each character; lv is also typed lu."""
    syllables = _pinyin().pinyin(chinese, style=_pinyin().Style.NORMAL, heteronym=True)
    return [list(dict.fromkeys([*s, *(one.replace("v", "u") for one in s)])) for s in syllables]


def _initials(chinese: str) -> list[list[str]]:
    return [list(dict.fromkeys(s[0] for s in spellings)) for spellings in _spellings(chinese)]


def _marked(mark: str, terms: Sequence[str]) -> str:
    kept = dict.fromkeys(folded(t) for t in terms)
    return "".join(f"{mark}{t}" for t in kept if t)


@cache
def _pinyin() -> ModuleType:
    import pypinyin  # noqa: PLC0415 - 58 MiB, which only a company with Chinese names needs

    return pypinyin
