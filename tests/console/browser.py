"""A browser without a window: Debian's Chromium, its profile empty. It tells what was asked for and what went wrong."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
MISSING = "NO BROWSER, SO THE PAGES ARE NOT TESTED: apt-get install -y chromium fonts-noto-cjk"
AXE = Path(__file__).parent / "axe" / "axe.min.js"
PATIENCE = 40_000
"""Milliseconds; other machines are slower."""
expect.set_options(timeout=PATIENCE)


def needed() -> str:
    """The path of Chromium. Without one tests are skipped; on a build server they fail, unless it cannot have one."""
    if CHROMIUM is None and os.environ.get("CI") == "true" and not os.environ.get("KEHU_NO_BROWSER"):
        pytest.fail(MISSING)
    if CHROMIUM is None:
        pytest.skip(MISSING)
    return CHROMIUM


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium, running until the block is left."""
    path = needed()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A page somebody looks at: with the addresses it asked for, and what the browser complained of."""

    context: BrowserContext
    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, browser: Browser, **options: Any) -> Self:
        """A new one, with nothing kept from another; `options` are those of playwright's contexts."""
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        visit = cls(context, context.new_page())
        visit.page.on("request", visit._asks)
        visit.page.on("console", visit._says)
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        return visit

    def _asks(self, request: Request) -> None:
        self.asked.append(request.url)

    def _says(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def foreign(self, origin: str) -> list[str]:
        """Addresses asked for that are not those of `origin`, nor lie in the page itself."""
        return [url for url in self.asked if not url.startswith((f"{origin}/", "data:", "blob:"))]


def shoot(page: Page, path: Path) -> None:
    """The whole page as it looks, as PNG."""
    page.screenshot(path=path, full_page=True, animations="disabled")


def axe_findings(page: Page) -> list[str]:
    """What axe holds against a page that is serious or critical: rule, and the elements."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("async () => (await axe.run(document, { resultTypes: ['violations'] })).violations")
    return [
        f"{v['id']} ({v['impact']}): " + "; ".join(str(n["target"]) for n in v["nodes"][:5])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
