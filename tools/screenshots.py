"""The pictures in README: a new demo company, as the overview shows it.

`python -m tools.screenshots` starts one in a folder of its own, waits until its history has come in, and writes
docs/images. It needs Chromium with a Chinese font (tests/console/browser.py). `--url` looks at a running one instead.
"""

import argparse
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import httpx
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tests.console.browser import Visit, chromium
from tests.journeys.running import company

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
LARGEST = 200_000
PATIENCE = 300.0
COLOURS = 256


@dataclass(frozen=True)
class Picture:
    """What is shown of the page: `place` names what lies open beside it; the whole page unless `height` is given."""

    name: str
    locale: str
    scheme: Literal["light", "dark"]
    width: int
    height: int | None = None
    place: str = ""


PICTURES = (
    Picture("overview-en", "en-US", "light", 1280),
    Picture("overview-zh", "zh-CN", "dark", 1280),
    Picture("why-en", "en-US", "light", 1280, 800, "#/alert/{alert}"),
    Picture("phone-en", "en-US", "light", 390, 844),
)


@contextmanager
def demo() -> Iterator[str]:
    """The address of a new demo company, once it lives."""
    with tempfile.TemporaryDirectory() as folder, company(Path(folder), "demo") as kehu:
        deadline = time.perf_counter() + PATIENCE
        while kehu.get("/console/demo")["state"] != "live":
            if time.perf_counter() > deadline:
                raise TimeoutError(f"the demo company is not loaded after {PATIENCE:.0f} s: {kehu.log()}")
            time.sleep(0.5)
        kehu.settled()
        yield kehu.url


def worst(url: str) -> str:
    """A critical alert that names several documents, else any."""
    headers = {"Authorization": "Bearer dev-admin"}
    asked: dict[str, Any] = {"state": "open", "limit": 200}
    alerts = httpx.get(f"{url}/api/analytics/alerts", params=asked, headers=headers).raise_for_status().json()["items"]
    chosen = max(alerts, key=lambda a: (a["level"] == "critical", a["rule"] == "overdue", float(a["numerator"])))
    return str(chosen["alert"])


def take(browser: Browser, url: str, picture: Picture, alert: str) -> bytes:
    """The PNG as the browser makes it."""
    size = {"width": picture.width, "height": picture.height or 900}
    seen = Visit.of(browser, locale=picture.locale, color_scheme=picture.scheme, viewport=size, reduced_motion="reduce")
    try:
        settle(seen.page, f"{url}/{picture.place.format(alert=alert)}")
        return seen.page.screenshot(full_page=picture.height is None)
    finally:
        seen.context.close()


def settle(page: Page, address: str) -> None:
    """Everything is there, names of customers too."""
    page.goto(address)
    page.wait_for_selector("#dso .chart canvas", state="attached")
    page.wait_for_selector(".line.live", state="attached")
    expect(page.locator("main [aria-busy], .skeleton")).to_have_count(0, timeout=PATIENCE * 1000)
    expect(page.locator("a.customer", has_text=re.compile(r"^C-\d+$"))).to_have_count(0)


def smaller(png: bytes) -> bytes:
    """The same picture in few colours."""
    made = BytesIO()
    whole = Image.open(BytesIO(png)).convert("RGB")
    few = whole.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(made, "PNG", optimize=True)
    return made.getvalue()


def main(url: str | None) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with demo() if url is None else nullcontext(url) as address, chromium() as browser:
        alert = worst(address)
        for picture in PICTURES:
            png = smaller(take(browser, address, picture, alert))
            if len(png) > LARGEST:
                raise ValueError(f"{picture.name}: {len(png)} bytes, more than {LARGEST}")
            (IMAGES / f"{picture.name}.png").write_bytes(png)
            print(f"docs/images/{picture.name}.png: {len(png) // 1000} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a demo company that runs already")
    main(parser.parse_args().url)
