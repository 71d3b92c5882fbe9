"""Guarantees of what a browser is shown: nothing from elsewhere, nothing made of a name, nobody let in by the way."""

from tests.sabotage.guarantee import Guarantee

CHASSIS = "libs/chassis/src/chassis/"
PAGE = "apps/console/src/console/static/js/"
DOCS = "libs/chassis/tests/test_docs.py::"
FILES = "tests/console/test_files.py::"

GUARANTEES: tuple[Guarantee, ...] = (
    Guarantee(
        "only the files of an API's page need no token",
        CHASSIS + "gate.py",
        """path.startswith(f"{docs.FILES}/")""",
        """path.startswith(docs.PAGE)""",
        (DOCS + "test_what_only_looks_like_the_page_needs_a_token",),
    ),
    Guarantee(
        "a browser loads nothing from elsewhere for an API's page",
        CHASSIS + "docs.py",
        "default-src 'self'; ",
        "default-src *; ",
        (DOCS + "test_the_browser_is_told_to_load_nothing_from_elsewhere",),
    ),
    Guarantee(
        "what is fetched from others is what was looked at",
        "tools/vendor.py",
        "            if (digest := sha256(content)) != self.files[inside]:",
        "            if not (digest := sha256(content)):",
        ("tests/console/test_vendored.py::test_a_file_with_another_hash_is_not_taken_in",),
    ),
    Guarantee(
        "a name is never markup",
        PAGE + "dom.js",
        "made.append(",
        "made.innerHTML = (",
        (FILES + "test_a_script_is_small_and_makes_no_markup_of_texts",),
    ),
    Guarantee(
        "every text is said in both languages",
        "apps/console/src/console/static/words/zh-CN.json",
        """  "alerts.title": "预警",\n""",
        "",
        ("tests/console/test_words.py::test_every_text_the_page_says_lies_in_the_dictionary",),
    ),
)
