"""The plugin's own pages in a browser, outside Airflow's frame: at a width, light or dark, and what is wrong there."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, cast

from PIL import Image
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from tests.airflow_pages import PAGE_SECONDS

AXE = Path(__file__).parents[2] / "axe_core" / "axe.min.js"
SERIOUS = ("serious", "critical")
DESKTOP, PHONE = 1100, 360
LONGEST_PICTURE, COLOURS = 1400, 128
AUDIT_SECONDS = 120

Scheme = Literal["light", "dark"]

ANOTHER_PAGE_IS_THERE = "return !window.isTheOldOne && document.readyState === 'complete'"
# Whatever would have run or been fetched, had a page taken text for more than text.
ALIVE = """
return [...document.querySelectorAll('*')].filter(element =>
  ['SCRIPT', 'IMG', 'IFRAME', 'OBJECT', 'EMBED', 'LINK'].includes(element.tagName)
  || [...element.attributes].some(({name}) => name.startsWith('on'))
  || (element.href && element.tagName === 'A' && !['http:', 'https:'].includes(element.protocol))
).map(element => element.outerHTML.slice(0, 300));
"""
# Text beyond the window's edge, or over other text; neither is what scrolls in a region of its own, or is for ears.
UNREADABLE = """
const shown = [];
for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
  const parent = walk.currentNode.parentElement;
  if (!walk.currentNode.data.trim() || parent.closest('.sr, title, style') || !parent.checkVisibility()) continue;
  const range = document.createRange();
  range.selectNodeContents(walk.currentNode);
  const text = walk.currentNode.data.trim(), scrolls = !!parent.closest('.wide, pre');
  for (const box of range.getClientRects()) if (box.width > 1 && box.height > 1) shown.push({text, box, scrolls});
}
const problems = shown.filter(({box, scrolls}) => !scrolls && (box.right > innerWidth + 1 || box.left < -1))
  .map(({text}) => `cut: ${text}`);
shown.forEach((one, place) => shown.slice(place + 1).forEach(other => {
  if (one.scrolls !== other.scrolls) return;
  const width = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
  const height = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
  if (width > 2 && height > 4) problems.push(`over each other: ${one.text} | ${other.text}`);
}));
if (document.documentElement.scrollWidth > innerWidth) problems.push(`${document.documentElement.scrollWidth} px wide`);
return problems;
"""
AUDIT = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(found => done(found.violations.map(fault =>
  [fault.impact, `${fault.id}: ${fault.help}: ${fault.nodes.map(node => node.html).join(' ').slice(0, 600)}`])));
"""


class PageViews:
    """Pages of the plugin.

    :param address: of the plugin's pages, Airflow's own included
    """

    def __init__(self, browser: Chrome, address: str) -> None:
        self._browser = browser
        self._browser.set_script_timeout(AUDIT_SECONDS)
        self._address = address

    def open(self, path: str, width: int = DESKTOP, scheme: Scheme = "light") -> None:
        """Show a page."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self._browser.get(f"{self._address}/{path}")

    def follow(self, element: WebElement) -> None:
        """Click what leads to another page, and wait for that one."""
        self._browser.execute_script("window.isTheOldOne = true")
        element.click()
        # Not by the element's going stale: asked at the wrong moment, the driver calls that an error of its own.
        waiting = WebDriverWait(self._browser, PAGE_SECONDS, ignored_exceptions=[WebDriverException])
        waiting.until(lambda browser: browser.execute_script(ANOTHER_PAGE_IS_THERE))

    def text(self) -> str:
        """What a person reads."""
        return self._browser.find_element(By.TAG_NAME, "body").text

    def living_parts(self) -> list[str]:
        """Elements that could do something or fetch something."""
        return cast("list[str]", self._browser.execute_script(ALIVE))

    def unreadable_parts(self) -> list[str]:
        """Text that is cut or overlaps."""
        return cast("list[str]", self._browser.execute_script(UNREADABLE))

    def serious_faults(self) -> list[str]:
        """What axe-core finds that keeps people from using the page."""
        self._browser.execute_script(AXE.read_text(encoding="utf-8"))
        found: Sequence[Sequence[str]] = self._browser.execute_async_script(AUDIT)
        return [words for impact, words in found if impact in SERIOUS]

    def take_picture(self, path: Path) -> None:
        """Write the page as a PNG, from its top as far as a picture goes."""
        height = self._browser.execute_script("return document.body.offsetHeight")
        clip = {"x": 0, "y": 0, "width": DESKTOP, "height": min(height, LONGEST_PICTURE), "scale": 1}
        taken = self._browser.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip, "captureBeyondViewport": True})
        picture = Image.open(io.BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
        picture.quantize(COLOURS).save(path, optimize=True)
