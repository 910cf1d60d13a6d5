"""The system's Chromium, driven by Playwright, and what its pages complain of and ask for."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
DESK = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}
FITS = "document.documentElement.scrollWidth <= innerWidth"
LOADED = "[...document.images].every(image => image.naturalWidth > 0)"
# Texts that show and stand out from their ground by less than 4.5 to 1 (WCAG 2.2, level AA, text of any size).
FAINT = """() => {
  const parts = colour => { const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number); return [r, g, b, a]; };
  const over = ([r, g, b, a], under) => [r, g, b].map((part, i) => part * a + under[i] * (1 - a));
  const ground = element =>
    element ? over(parts(getComputedStyle(element).backgroundColor), ground(element.parentElement)) : [255, 255, 255];
  const linear = part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = colour => colour.reduce((sum, part, i) => sum + linear(part / 255) * [0.2126, 0.7152, 0.0722][i], 0);
  const faint = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.textContent.trim() || !element.checkVisibility()) continue;
    const under = ground(element), colour = over(parts(getComputedStyle(element).color), under);
    const [low, high] = [light(under), light(colour)].sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) < 4.5) faint.push(element.outerHTML.slice(0, 100));
  }
  return faint;
}"""
SECONDS = 300  # that anything in the browser may take on a busy machine

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome on this machine")


@dataclass
class Heard:
    """complaints: errors and warnings of a page's console so far; requests: the addresses that it asked for."""

    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def clear(self) -> None:
        self.complaints.clear()
        self.requests.clear()

    def console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, screen: dict = DESK) -> Iterator[tuple[Page, Heard]]:
    """A new page on a screen, with a profile of its own; it is closed with the block."""
    context, heard = browser.new_context(**screen), Heard()
    context.set_default_timeout(1000 * SECONDS)
    page = context.new_page()
    page.on("console", heard.console)
    page.on("pageerror", lambda error: heard.complaints.append(str(error)))
    page.on("request", lambda request: heard.requests.append(request.url))
    yield page, heard
    context.close()
