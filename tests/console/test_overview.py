"""The overview in a browser: what it shows of a real company, live, in both languages, to everybody."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from all_in_one.demo.progress import DemoStatus
from tests.console.browser import Visit, axe_findings
from tests.console.story import FIRST, NAME, Story, told
from tests.journeys.people import Person
from tests.journeys.running import Kehu

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
Visits = Callable[..., Visit]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{2,}")
OF_THE_COMPANY = {*re.findall(r"[A-Za-z]+|[\u4e00-\u9fff]", NAME), *"acme li wei CNY delta before after 贸 易".split()}
"""Names and currencies are shown as they are, in every language."""
SAME_IN_BOTH = {"Kehu", "English", "DSO", "ABC", "CSV", *"客户中文"}
IS_A_KEY = re.compile(r"(?:credit|customer|complaint) \d+ [0-9a-f-]{36}|[0-9a-f-]{8,36}|[IK]-\w+")
"""A document or an event."""
PLACES = "#/find #/customer/acme #/explain/ageing?part=1-30 #/explain/dso #/explain/complaints #/limits".split()
WINDOWS = (390, 1280)
WIDTH = "Math.max(document.documentElement.scrollWidth, document.querySelector('#drawer').scrollWidth)"
EVERY_TEXT = """() => {
  const found = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode())
    if (!walk.currentNode.parentElement.closest('noscript, code, .timeline')) found.push(walk.currentNode.data.trim());
  for (const e of document.querySelectorAll('[aria-label], [title], [placeholder]'))
    found.push(e.getAttribute('aria-label') ?? '', e.title ?? '', e.getAttribute('placeholder') ?? '');
  return found.filter(Boolean);
}"""


@pytest.fixture(scope="module")
def empty_page(browser: Browser, kehu: Kehu) -> Iterator[Visit]:
    """The page of a company before anything has happened; it stays open."""
    seen = Visit.of(browser, locale="en-GB")
    seen.page.goto(kehu.url)
    seen.page.wait_for_selector("#empty:not([hidden])")
    yield seen
    seen.context.close()


@pytest.fixture(scope="module")
def story(kehu: Kehu, empty_page: Visit) -> Iterator[Story]:
    assert empty_page.page.locator("#empty").is_visible()
    with Person(kehu) as boss:
        yield told(boss)


def opened(seen: Visit, story: Story, address: str = "/") -> Page:
    """The page, once it shows everything."""
    page = seen.page
    page.goto(story.boss.kehu.url + address)
    page.wait_for_selector("#dso .chart canvas", state="attached")
    page.wait_for_selector(".line.live", state="attached")
    page.wait_for_selector("#alerts .alerts .who")
    return settled(page)


def settled(page: Page) -> Page:
    expect(page.locator("main [aria-busy], #drawer .skeleton")).to_have_count(0)
    return page


def test_an_empty_company_says_what_to_do(kehu: Kehu, empty_page: Visit) -> None:
    assert empty_page.page.locator("#empty").inner_text().startswith("No customers yet")
    assert "make run" in empty_page.page.locator("#empty code").first.inner_text()
    assert not empty_page.page.locator("#headline").is_visible()
    assert (empty_page.complaints, empty_page.foreign(kehu.url)) == ([], [])


def test_an_empty_page_fills_as_soon_as_there_is_a_customer(empty_page: Visit, story: Story) -> None:
    expect(empty_page.page.locator("#headline .stat").first).to_contain_text("1,300")
    expect(empty_page.page.locator("#empty")).to_be_hidden()
    empty_page.page.goto("about:blank")


def test_it_shows_the_company_and_asks_nobody_else(story: Story, visit: Visits) -> None:
    seen = visit(locale="en-US")
    page = opened(seen, story)
    stats = page.locator("#headline .stat").all_inner_texts()
    assert [s.split("\n")[1] for s in stats] == ["CN¥1,300.00", "90.00 days", "1", "1"]
    assert page.locator("#dso .reading").inner_text() == "Feb 21, 2030 90.00 days best possible 48.46 days"
    assert page.locator("#dso .chart").get_attribute("aria-label").startswith("DSO by month, from ")  # type: ignore[union-attr]
    ages = [row.split() for row in page.locator("#ageing tbody tr").all_inner_texts()]
    assert ages[:2] == [["not", "due", "700.00"], ["1–30", "days", "600.00"]]
    assert page.locator("#complaints tbody tr").nth(1).inner_text().split() == ["2", "Judged", "1", "overdue", "1"]
    assert page.locator("#alerts .who").all_inner_texts() == [NAME, NAME]
    assert "CN¥600.00 overdue, the oldest for 15 days." in page.locator("#alerts").inner_text()
    assert "Exposure of CN¥1,300.00, above the limit of CN¥1,000.00." in page.locator("#alerts").inner_text()
    assert page.evaluate("window.broken") is None
    assert page.locator("main script").count() == 0
    assert (seen.complaints, seen.foreign(story.boss.kehu.url)) == ([], [])


def test_an_alert_appears_by_itself_and_is_read_out(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    story.alarm("delta")
    expect(page.locator("#alerts .who").first).to_have_text("delta 贸易")
    expect(page.locator("#announced")).to_contain_text("New alert.")


def test_a_server_that_is_gone_is_missed_and_what_happened_meanwhile_is_told(story: Story, visit: Visits) -> None:
    seen = visit()
    page = opened(seen, story)
    story.alarm("before")
    expect(page.locator("#alerts .who").first).to_have_text("before 贸易")
    kehu = story.boss.kehu
    assert kehu.stop() == 0
    expect(page.locator("#notices")).to_contain_text("The server does not answer.")
    expect(page.locator(".line")).to_have_class("line reconnecting")
    expect(page.locator("#headline .stat").first).to_contain_text("Outstanding")
    with page.expect_request(lambda r: "alerts/stream" in r.url and "last-event-id" in r.headers, timeout=60_000):
        kehu.start()
    expect(page.locator(".line")).to_have_class("line live", timeout=60_000)
    expect(page.locator("#notices")).to_be_empty()
    story.alarm("after")
    expect(page.locator("#alerts .who").first).to_have_text("after 贸易")


def test_it_speaks_the_language_of_the_browser_until_somebody_chooses_another(story: Story, visit: Visits) -> None:
    seen = visit(locale="zh-CN")
    page = opened(seen, story)
    assert page.locator("#alerts h2").inner_text() == "预警"
    page.get_by_role("button", name="English").click()
    expect(page.locator("#alerts h2")).to_have_text("Alerts")
    assert page.evaluate("document.documentElement.lang") == "en"
    page = opened(seen, story)
    assert page.locator("#alerts h2").inner_text() == "Alerts"


@dataclass(frozen=True)
class Look:
    """A look at the page with something open beside it: all its texts, its width by window, what axe found."""

    texts: list[str]
    widths: dict[int, int]
    findings: list[str]


@dataclass(frozen=True)
class Tour:
    """Looks by place, in one language."""

    locale: str
    looks: dict[str, Look]


@pytest.fixture(scope="module", params=[("en-US", "light"), ("zh-CN", "dark")], ids=["en-light", "zh-dark"])
def tour(request: pytest.FixtureRequest, browser: Browser, story: Story) -> Tour:
    """One walk over everything there is to see."""
    locale, scheme = request.param
    alert = story.boss.see("/api/analytics/alerts", customer="acme")["items"][0]["alert"]
    seen = Visit.of(browser, locale=locale, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    page = opened(seen, story)
    looks = {}
    for place in ("", *PLACES, f"#/alert/{alert}"):
        page.evaluate("(to) => { location.hash = to }", place)
        settled(page)
        widths = {}
        for window in WINDOWS:
            page.set_viewport_size({"width": window, "height": 900})
            widths[window] = page.evaluate(WIDTH)
        looks[place.partition("?")[0]] = Look(page.evaluate(EVERY_TEXT), widths, axe_findings(page))
    seen.context.close()
    return Tour(locale, looks)


def test_nothing_is_said_in_the_other_language(tour: Tour) -> None:
    foreign = CHINESE if tour.locale == "en-US" else LATIN
    for place, look in tour.looks.items():
        for text in look.texts:
            strange = set(foreign.findall(text)) - OF_THE_COMPANY - SAME_IN_BOTH
            assert not strange or IS_A_KEY.fullmatch(text), (place, text)


def test_it_is_never_wider_than_the_window(tour: Tour) -> None:
    for place, look in tour.looks.items():
        for window, width in look.widths.items():
            assert width <= window, place


def test_axe_finds_nothing_serious(tour: Tour) -> None:
    assert {place: look.findings for place, look in tour.looks.items() if look.findings} == {}


def test_it_is_as_dark_as_the_system_until_somebody_chooses(story: Story, visit: Visits) -> None:
    seen = visit(color_scheme="dark")
    page = opened(seen, story)
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.get_by_role("button", name="Light").click()
    assert page.evaluate(background) != dark
    page = opened(seen, story)
    assert page.evaluate(background) != dark
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(background) == dark


def test_the_trend_is_a_table_too_and_each_month_comes_apart(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    page.locator("#dso").get_by_text("As a table").click()
    months = page.locator("#dso tbody tr")
    assert months.count() == 13
    _, dso, best, owed, billed = months.nth(1).inner_text().split("\t")
    assert (dso, best) == ("90.00 days", "90.00 days")
    months.nth(1).get_by_role("link").click()
    expect(page.locator("#drawer .lead")).to_have_text("As of Jan 31, 2030")
    ratio = f"CN¥{owed} owed ÷ CN¥{billed} billed × 90 days = 90.00 days"
    expect(page.locator("#drawer .ratio")).to_have_text(ratio)


def test_a_figure_comes_apart_into_events_that_add_up_to_it_by_keyboard_alone(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    page.locator("#ageing").get_by_role("link", name="1–30 days").focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="What is this old?")
    expect(drawer).to_contain_text("1 event adds up to CN¥600.00")
    assert drawer.locator("tbody tr").first.inner_text().split()[:5] == ["Jan", "7,", "2030", "I-1", "invoice"]
    assert page.evaluate("document.querySelector('#drawer').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    assert page.evaluate("document.activeElement.textContent") == "1–30 days"
    expect(page).to_have_url(re.compile(r"^[^#]*$"))


def test_a_customer_opens_with_all_that_is_wrong_and_back_closes_it(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    page.get_by_role("link", name=NAME).first.click()
    sheet = page.get_by_role("dialog", name=NAME)
    for said in ("owner li-wei", "CN¥1,300.00", "130.0% of the limit: exceeded", "for 15 days", "K-1 product quality"):
        expect(sheet).to_contain_text(said)
    expect(sheet.locator(".timeline")).to_contain_text("Invoice I-2 over CNY 700.00, due 2030-03-08")
    sheet.get_by_role("link", name="Why?").first.click()
    expect(page.get_by_role("dialog", name="Why this alert:")).to_contain_text("up to CN¥")
    page.go_back()
    expect(page.get_by_role("dialog", name=NAME)).to_be_visible()
    page.go_back()
    expect(page.locator("#drawer")).to_be_hidden()


def test_a_customer_is_found_by_pinyin_and_opened_by_keyboard(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    page.get_by_role("link", name="Find a customer").press("Enter")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    search.press_sequentially("nobody at all")
    expect(page.get_by_role("dialog")).to_contain_text("Nobody is called so.")
    search.fill("bengye")
    expect(page.locator("#drawer .customer")).to_have_text([NAME])
    search.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name=NAME)).to_be_visible()


def test_an_alert_says_which_documents_it_comes_from(story: Story, visit: Visits) -> None:
    overdue = story.boss.see("/api/analytics/alerts", customer="acme", rule="overdue")["items"][0]["alert"]
    page = opened(visit(), story, f"/#/alert/{overdue}")
    expect(page.locator("#drawer .adds-up")).to_have_text("✓ 1 event adds up to CN¥600.00")
    event = page.locator("#drawer tbody tr").first.inner_text().split()
    assert event == ["Jan", "7,", "2030", "I-1", "invoice", "600.00"]


def test_only_one_level_of_alerts_is_listed_when_asked_for(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    only = page.locator("#alerts .counts").get_by_role("button", name="Notice")
    only.click()
    expect(only).to_have_attribute("aria-pressed", "true")
    assert set(page.locator("#alerts .alerts .badge").all_inner_texts()) == {"Notice"}
    only.click()
    assert set(page.locator("#alerts .alerts .badge").all_inner_texts()) == {"Notice", "Critical"}


def test_another_day_is_looked_at_and_stands_in_the_address(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    page.get_by_role("button", name="As of today").click()
    page.get_by_label("As of", exact=False).first.fill("2030-02-06")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#ageing tbody tr").nth(1)).to_contain_text("0.00")
    expect(page.locator("#notices")).to_contain_text("Figures as of Feb 6, 2030")
    assert "as_of=2030-02-06" in page.url
    page.go_back()
    expect(page.locator("#ageing tbody tr").nth(1)).to_contain_text("600.00")


def test_before_anything_was_known_nothing_was_owed(story: Story, visit: Visits) -> None:
    page = visit().page
    page.goto(f"{story.boss.kehu.url}/?as_of={FIRST}&known_at=2020-01-01T00:00:00Z")
    expect(page.locator("#headline .value").first).to_have_text("CN¥0.00")
    expect(page.locator("#dso")).to_contain_text("Nothing was billed yet.")
    expect(page.locator("#tiers")).to_contain_text("No sales in these twelve months.")
    expect(page.locator("#notices")).to_contain_text("as known on Jan 1, 2020")
    assert page.locator("main .failed").count() == 0


def test_without_a_token_somebody_is_asked_and_a_wrong_one_is_not_taken(story: Story, visit: Visits) -> None:
    page = visit().page
    start: dict[str, object] = {"token": None, "language": "en", "docs": [], "progress": None}
    page.route("**/console/start", lambda route: route.fulfill(json=start))
    page.goto(story.boss.kehu.url)
    for token, said in (("guessed", "This token is not taken."), ("dev-sales", None)):
        page.get_by_label("Bearer token").fill(token)
        page.get_by_role("button", name="Continue").click()
        if said:
            expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.locator("#headline .value").first).to_contain_text("CN¥")
    assert page.evaluate("sessionStorage.getItem('kehu.token')") == "dev-sales"
    assert page.evaluate("JSON.stringify(localStorage)").find("dev-sales") == -1


def test_a_page_that_asked_too_much_asks_again_when_it_may(story: Story, visit: Visits) -> None:
    page = visit().page
    refused: list[str] = []

    def once(route: Route) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=429, headers={"Retry-After": "1"}, json={"title": "Too many requests"})

    page.route("**/api/analytics/ageing*", once)
    page.goto(story.boss.kehu.url)
    expect(page.locator("#ageing tbody tr").nth(1)).to_contain_text("600.00")
    assert refused


def test_the_progress_of_the_demo_company_is_shown_while_it_loads(story: Story, visit: Visits) -> None:
    page = visit().page
    loading = DemoStatus(demo=True, state="loading", done=1234, total=5653, seconds_left=9.4)
    page.route("**/console/demo", lambda route: route.fulfill(json=json.loads(loading.model_dump_json())))
    page.goto(story.boss.kehu.url)
    expect(page.locator("#notices")).to_contain_text("1,234 of 5,653 documents. About 10 s left.")
    assert page.get_by_role("progressbar", name="Progress of loading").get_attribute("value") == "1234"


def test_nothing_moves_for_those_who_asked_for_stillness(story: Story, visit: Visits) -> None:
    page = opened(visit(reduced_motion="reduce"), story, "/#/customer/acme")
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).animationName !== 'none').length"
    assert page.evaluate(moving) == 0


SUMS: tuple[tuple[list[str], str], ...] = (
    (["600.00", "-600.000"], "0.000"),
    (["0.1", "0.2"], "0.3"),
    (["-0.05", "-1"], "-1.05"),
    ([], "0"),
    (["9" * 30, "1"], "1" + "0" * 30),
)


def test_the_page_adds_up_exactly(story: Story, visit: Visits) -> None:
    page = opened(visit(), story)
    for terms, total in SUMS:
        found = page.evaluate("async (terms) => (await import('/js/decimals.js')).sum(terms)", terms)
        assert found == total
    assert page.evaluate("async () => (await import('/js/decimals.js')).same('1.5', '1.500')")
    assert not page.evaluate("async () => (await import('/js/decimals.js')).same('1.5', '1.51')")


def test_amounts_of_several_currencies_are_never_added_up_but_one_is_asked_for(story: Story, visit: Visits) -> None:
    """The last one: from now on there are two."""
    owed = Decimal(story.boss.see("/api/analytics/balance")["outstanding"])
    story.register("paris", "Paris SA", "EUR")
    story.bill("paris", "I-paris", "2030-03-20", "250.00", "EUR")
    story.boss.kehu.settled()
    page = visit().page
    page.goto(story.boss.kehu.url)
    asked = page.get_by_label("Currency")
    expect(asked).to_be_visible()
    expect(page.locator("#headline .failed, #ageing .failed")).to_have_count(2)
    assert not re.findall(r"\d\.\d\d", page.locator("#headline, #ageing, #tiers").all_inner_texts().__str__())
    for currency, outstanding in (("eur", "€250.00"), ("cny", f"CN¥{owed:,}")):
        asked.fill(currency)
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.locator("#headline .value").first).to_have_text(outstanding)
        assert f"currency={currency.upper()}" in page.url
        page.get_by_role("button", name="As of today").click()
    page.reload()
    expect(page.locator("#headline .value").first).to_have_text(f"CN¥{owed:,}")
